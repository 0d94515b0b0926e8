"""The HTTP session of a Connection: Airflow's own, so that proxies, TLS settings and adapters come with it."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import Connection
from pydantic import BaseModel, ConfigDict, Field

from marketo_provider.connections import parse_connection
from marketo_provider.errors import InvalidSetting

# Somebody is waiting for the answer of *Test*.
TEST_PATIENCE_SECONDS = 15.0


class _Network(BaseModel):
    """The part of a Connection's extra that belongs to the wire; all else is the vendor's model's."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    proxies: dict[str, str] | None = Field(None, title="Proxies by scheme")
    verify: str | Literal[True] | None = Field(None, title="CA bundle")
    cert: str | Annotated[tuple[str, str], Field(strict=False)] | None = Field(None, title="Client certificate")
    trust_env: bool | None = Field(None, title="Use the environment's settings")


NETWORK_KEYS = frozenset(_Network.model_fields)


def address(connection: Connection) -> str | None:
    """Return the Connection's host, with its port where that stands apart, as in a URI."""
    if connection.host and connection.port:
        return f"{connection.host}:{connection.port}"
    return connection.host


def vendor_extra(connection: Connection) -> dict[str, Any]:
    """Return the Connection's extra without what belongs to the wire."""
    return {key: value for key, value in _extra(connection).items() if key not in NETWORK_KEYS}


def http_session(connection: Connection) -> requests.Session:
    """Return a session with the Connection's network settings, and neither its credentials nor its other extras.

    Raises:
        InvalidSetting: the Connection turns the verification of TLS certificates off, or something of its network
            settings has the wrong form.
    """
    extra = _extra(connection)
    network = {key: extra[key] for key in NETWORK_KEYS if extra.get(key) is not None}
    if not network.get("verify", True):
        raise InvalidSetting(
            f"Connection `{connection.conn_id}`: TLS certificates are always verified. Set `verify` in the extra "
            "to the CA bundle of your network, or leave it out."
        )
    if not isinstance(network.get("proxies", {}), dict):
        raise InvalidSetting(
            f"Connection `{connection.conn_id}`: `proxies` in the extra maps schemes to addresses; write it like "
            '{"https": "http://proxy.example.com:3128"}, or leave it out.'
        )
    parse_connection(_Network, conn_id=connection.conn_id, parts={}, extra=network)
    return _NetworkHook(network).get_conn()


def _extra(connection: Connection) -> dict[str, Any]:
    """Return the extra. Airflow takes one that is no JSON for an empty one."""
    extra: object = connection.extra_dejson or {}
    if not isinstance(extra, dict) or (not extra and connection.extra not in {None, "", "{}", "null"}):
        raise InvalidSetting(
            f"Connection `{connection.conn_id}`: the extra is no JSON object. Write it like "
            '{"key": "value"}, or leave it out.'
        )
    return extra


class _Session(requests.Session):
    """Prefers its own proxies and CA bundle to the environment's; `requests` does it the other way round."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:  # noqa: ARG002 - the base's; our requests name neither
        """Return the settings of a request."""
        return super().merge_environment_settings(url, dict(self.proxies), stream, self.verify, cert)


class _NetworkHook(HttpHook):
    """`HttpHook` would send a Connection's login with every request, and extras it does not know as headers."""

    def __init__(self, network: Mapping[str, Any]) -> None:
        super().__init__()
        self._network = Connection(conn_id="network", conn_type="http", extra=json.dumps(dict(network)))

    def get_connection(self, conn_id: str) -> Connection:  # type: ignore[override] # noqa: ARG002 - a class method there
        return self._network

    def _configure_session_from_auth(self, session: requests.Session, connection: Any) -> requests.Session:  # noqa: ARG002 - another session, without any
        return _Session()
