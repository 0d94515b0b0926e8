"""What a Connection of type `mixpanel` must say, parsed once, so that nothing behind it looks at raw values.

The descriptions of the fields are what the connection form and the documentation show.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from marketo_provider.connections import authority, parse_connection, split_address

Region = Literal["us", "eu", "in"]
_LARGEST = 2**63 - 1  # that DuckDB takes
# https://docs.mixpanel.com/docs/privacy/eu-residency and /in-residency
_HOSTS: dict[Region, str] = {
    "us": "https://mixpanel.com",
    "eu": "https://eu.mixpanel.com",
    "in": "https://in.mixpanel.com",
}


def _regional_host(parsed: dict[str, Any]) -> str:
    return _HOSTS[parsed["region"]]


class MixpanelConnection(BaseModel):
    """A Mixpanel project, the service account that reads it, and how it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    username: str = Field(
        min_length=1,
        title="Service account user name",
        description="Like name.abc123.mp-service-account, from Organization Settings > Service Accounts.",
    )
    secret: SecretStr = Field(
        min_length=1,
        title="Service account secret",
        description="Shown once, when the service account is created.",
    )
    project_id: int = Field(ge=1, le=_LARGEST, title="Project ID", description="From Project Settings > Overview.")
    region: Region = Field(
        "us", title="Region", description="Where the project's data is kept: us, eu or in (India)."
    )
    workspace_id: int | None = Field(
        None,
        ge=1,
        le=_LARGEST,
        title="Data view ID",
        description="Where the project has data views, the id of the global one. Another view filters cohorts "
        "without saying so.",
    )
    page_size: int = Field(
        5000,
        ge=1,
        le=50_000,
        title="Profiles per page",
        description="What is asked for; Mixpanel may answer with fewer, and pages are counted by its answer.",
    )
    concurrent_pages: int = Field(
        3,
        ge=1,
        le=4,
        title="Concurrent pages",
        description="How many pages are read at once. Mixpanel allows 5 queries at once to the whole project.",
    )
    allowed_missing_profiles: int = Field(
        0,
        ge=0,
        le=_LARGEST,
        title="Allowed missing profiles",
        description="By how many a snapshot may fall short of the total that Mixpanel announced.",
    )
    base_url: str = Field(
        default_factory=_regional_host,
        title="Host",
        description="Instead of the region's own, for a sandbox or a gateway.",
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
        parts = {"username": login, "secret": password, "base_url": host}
        return parse_connection(cls, conn_id=conn_id, parts=parts, extra=extra)

    @field_validator("base_url", mode="before")
    @classmethod
    def _bare_root(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = split_address(value)
        if parts.path.strip("/"):
            raise ValueError("give the address without a path, for example https://eu.mixpanel.com")
        return f"{parts.scheme}://{authority(parts)}"
