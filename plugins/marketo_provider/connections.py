"""What both vendors' Connections have in common: how an address is read, and how a mistake is reported.

Values come from forms, environment variables and secrets backends, so numbers may be text and an empty text
means "not set". pydantic's own messages quote what was typed; here it is the key and the remedy that are named.
"""

import ipaddress
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from marketo_provider.errors import InvalidSetting
from marketo_provider.wording import shown

Model = TypeVar("Model", bound=BaseModel)


def parse_connection(
    model: type[Model], *, conn_id: str, parts: Mapping[str, object], extra: Mapping[str, object]
) -> Model:
    """Build a vendor's connection model.

    Args:
        model: the model to build.
        conn_id: what the Connection is called, for messages.
        parts: values of the Connection's own parts (host, login, password) by the model's field.
        extra: the Connection's extra, without what belongs to the wire (`verify`, `proxies` ...).

    Raises:
        InvalidSetting: with every mistake in it, each by key and remedy.
    """
    allowed = sorted(set(model.model_fields) - set(parts))
    unknown = sorted(set(extra) - set(allowed))
    given = {key: value for key, value in {**extra, **parts}.items() if key in model.model_fields}
    mistakes = [f"extra `{shown(key)}` is not known (known: {', '.join(allowed)})" for key in unknown]
    try:
        parsed = model.model_validate({key: value for key, value in given.items() if value not in (None, "")})
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        # A default that follows from another key is not at fault when that key is.
        mistakes += [_mistake(model, each) for each in details if each["type"] != "default_factory_not_called"]
    else:
        if not mistakes:
            return parsed
    raise InvalidSetting(f"Connection `{conn_id}`: {'; '.join(mistakes)}.")


def split_address(text: str) -> SplitResult:
    """Read an address as people paste it; without a scheme it means https.

    Raises:
        ValueError: it is none, or it carries credentials, a query or a fragment.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        hostname = parts.hostname if parts.port != 0 else None
    except ValueError:
        hostname = None
    if not hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("this is not a web address; write it like https://example.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("the address must not carry a user name, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(hostname):
        raise ValueError("plain http would send the secret in the clear; use https")
    return parts


def is_loopback(hostname: str) -> bool:
    """Tell whether a host is this machine (by name or IPv4 address), where a sandbox may run."""
    if hostname == "localhost":
        return True
    try:
        return ipaddress.IPv4Address(hostname).is_loopback
    except ValueError:
        return False


def authority(parts: SplitResult) -> str:
    """Return `<name>[:port]` in lower case, without the scheme's own port."""
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.hostname}" if parts.port in (None, default) else f"{parts.hostname}:{parts.port}"


def _mistake(model: type[BaseModel], detail: ErrorDetails) -> str:
    if not detail["loc"]:
        return "a key of the extra is no text"
    key = str(detail["loc"][0])
    context = detail.get("ctx", {})
    what = str(context["error"]) if detail["type"] == "value_error" else detail["msg"]
    return f"{model.model_fields[key].title} (`{key}`): {what}"
