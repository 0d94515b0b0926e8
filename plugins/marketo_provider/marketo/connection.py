"""What a Connection of type `marketo` must say, parsed once, so that nothing behind it looks at raw values.

The descriptions of the fields are what the connection form and the documentation show.
"""

import re
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from marketo_provider.connections import authority, is_loopback, parse_connection, split_address

_MUNCHKIN_ID = re.compile(r"\d{3}-[a-z0-9]{3}-\d{3}")
_REST_HOST = re.compile(rf"{_MUNCHKIN_ID.pattern}\.mktorest\.com")
_USER_INTERFACE = re.compile(r"(^|[./])(marketo|adobe)\.com([:/?#]|$)")
# Admin > Integration > Web Services shows addresses that end in /rest and /identity; all roots hang off the
# bare host (https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/base-url).
_PASTED_PATHS = {
    "",
    "identity",
    "identity/oauth",
    "identity/oauth/token",
    "rest",
    "rest/v1",
    "rest/asset/v1",
    "bulk",
    "bulk/v1",
}
_SYNC_LEADS_LIMIT_SECONDS = 90
_ADVICE = "copy the Endpoint from Admin > Integration > Web Services (https://123-ABC-456.mktorest.com/rest)"


class MarketoConnection(BaseModel):
    """A Marketo instance, the account that writes to it, and how much of it this package may use."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    rest_url: str = Field(
        title="REST URL",
        description="The REST API endpoint, from Admin > Integration > Web Services in Marketo. With or without "
        "/rest or /identity, or the Munchkin id alone.",
    )
    client_id: str = Field(
        min_length=1,
        title="Client ID",
        description="Of the custom service, from Admin > Integration > LaunchPoint > View Details.",
    )
    client_secret: SecretStr = Field(
        min_length=1,
        title="Client Secret",
        description="Of the custom service, from the same place as the client id.",
    )
    calls_per_20_seconds: int = Field(
        50,
        ge=1,
        le=100,
        title="Calls per 20 seconds",
        description="Marketo allows 100 to all integrations together; Adobe asks each to stay at 50.",
    )
    concurrent_calls: int = Field(
        5,
        ge=1,
        le=10,
        title="Concurrent calls",
        description="Marketo allows 10 to all integrations together; Adobe asks each to stay at 5.",
    )
    daily_quota: int = Field(
        50_000,
        ge=1,
        le=1_000_000_000,
        title="Calls per day",
        description="What the subscription allows to all integrations together. Marketo does not tell it by API.",
    )
    quota_share: float = Field(
        0.8,
        gt=0,
        le=1,
        title="Share of the quota",
        description="Exports stop for the day when the instance has used this share of its calls.",
    )
    replay_after_seconds: int = Field(
        _SYNC_LEADS_LIMIT_SECONDS,
        ge=1,
        le=3600,
        title="Replay after (seconds)",
        description="How long the addresses of a request without an answer wait. Marketo may work on one for 90 "
        "seconds; less is accepted for a sandbox only.",
    )
    bulk_jobs_queued: int = Field(
        5,
        ge=1,
        le=10,
        title="Import jobs queued",
        description="Marketo queues 10 import jobs of all users together.",
    )
    partition: str | None = Field(
        None,
        min_length=1,
        title="Partition",
        description="The lead partition where new leads are created, unless an export names another.",
    )

    @classmethod
    def from_parts(
        cls,
        conn_id: str,
        *,
        host: str | None,
        login: str | None,
        password: str | None,
        extra: Mapping[str, object],
    ) -> Self:
        """Build it from the parts of an Airflow Connection.

        Raises:
            InvalidSetting: with every mistake, by key and remedy.
        """
        parts = {"rest_url": host, "client_id": login, "client_secret": password}
        return parse_connection(cls, conn_id=conn_id, parts=parts, extra=extra)

    @property
    def host(self) -> str:
        """The instance's identity: `<name>[:port]`, lower case."""
        return self.rest_url.partition("://")[2]

    @field_validator("rest_url", mode="before")
    @classmethod
    def _bare_root(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if _MUNCHKIN_ID.fullmatch(value.strip().lower()):
            value = f"{value.strip()}.mktorest.com"
        if _USER_INTERFACE.search(value.strip().lower()):
            raise ValueError(f"this is the address of Marketo's user interface, not of its REST API; {_ADVICE}")
        parts = split_address(value)
        host = authority(parts)
        if not _REST_HOST.fullmatch(host) and not is_loopback(parts.hostname or ""):
            raise ValueError(f"this is not the host of a Marketo REST API; {_ADVICE}")
        path = "/".join(segment for segment in parts.path.lower().split("/") if segment)
        if path not in _PASTED_PATHS:
            raise ValueError(f"the path of the address is not one that Marketo shows; {_ADVICE}")
        return f"{parts.scheme}://{host}"

    @field_validator("replay_after_seconds")
    @classmethod
    def _outlasts_marketo(cls, value: int, info: ValidationInfo) -> int:
        _, _, host = str(info.data.get("rest_url", "")).partition("://")
        if value < _SYNC_LEADS_LIMIT_SECONDS and _REST_HOST.fullmatch(host):
            raise ValueError("Marketo may work on a request for 90 seconds; set 90 or more")
        return value
