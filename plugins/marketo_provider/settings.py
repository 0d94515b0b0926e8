"""The deployment's settings, section `[marketo_provider]` of Airflow's configuration.

Airflow hands them over as texts; here they become values, once. `provider_info` declares them to Airflow from the
same descriptions and defaults.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from marketo_provider.errors import InvalidSetting
from marketo_provider.wording import explain, shown

SECTION: Final = "marketo_provider"


def _store_url(value: str) -> str:
    """Return the root of the state store as a URL; a plain absolute path is one too."""
    url = f"file://{value}" if value.startswith("/") else value
    parts = urlsplit(url)
    on_disk = parts.scheme == "file" and not parts.netloc and parts.path.strip("/")
    on_s3 = parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc
    if not (on_disk or on_s3) or parts.query or parts.fragment:
        raise ValueError("must be an absolute path, file:///path or s3://bucket/prefix, without credentials")
    if on_disk and "=" in parts.path:
        # DuckDB takes what stands on both sides of it for a column of every file below.
        raise ValueError("must be a path without `=`")
    return url.rstrip("/")


class ProviderSettings(BaseModel):
    """What holds for every export of a deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state_url: Annotated[str, AfterValidator(_store_url)] = Field(
        # Airflow fills the braces in when it reads its configuration.
        json_schema_extra={"default": "{AIRFLOW_HOME}/marketo_state"},
        examples=["s3://my-bucket/marketo_state"],
        description="Where the state of all exports is kept: file:///path or s3://bucket/prefix. It must last, "
        "and every worker must see the same. It holds personal data.",
    )
    state_conn_id: str | None = Field(
        default=None,
        examples=["aws_default"],
        description="Airflow Connection with the credentials of the state store. Without it, the machine's own.",
    )
    state_is_shared: bool = Field(
        default=False,
        examples=["True"],
        description="Says that a file:// store is on storage which all workers share. Needed with any executor "
        "but the LocalExecutor.",
    )
    lease_seconds: int = Field(
        default=120,
        ge=10,
        le=3600,
        examples=["120"],
        description="For how long a run may write to a field before it has to renew its right to (10 to 3600). "
        "After a crash the next run waits about this long and two minutes more.",
    )
    max_profiles: int = Field(
        default=30_000_000,
        ge=1,
        le=10**12,
        examples=["1000000"],
        description="Largest cohort that is exported, in profiles.",
    )
    memory_limit: str = Field(
        default="512MiB",
        pattern=r"^[1-9]\d*(\.\d+)? ?([KMGT]i?B)$",
        examples=["2GiB"],
        description="Memory that comparing a cohort may take, such as 512MiB or 2GiB; beyond it the disk is used.",
    )
    keep_runs_days: int = Field(
        default=90,
        ge=1,
        le=36_500,
        examples=["30"],
        description="For how many days the lists of each run are kept: what it sent, and what Marketo refused.",
    )
    dry_run: bool = Field(
        default=False,
        examples=["True"],
        description="Makes every run of the deployment a dry run, such as on staging with production's exports.",
    )

    @classmethod
    def parse(cls, texts: Mapping[str, str | None]) -> Self:
        """Read the settings as Airflow's configuration gives them; an empty text means not set.

        Raises:
            InvalidSetting: naming every setting that is wrong, and the remedy.
        """
        try:
            return cls.model_validate({key: text for key, text in texts.items() if text})
        except ValidationError as error:
            faults = [explain(details, cls) for details in error.errors(include_url=False, include_input=False)]
        raise InvalidSetting(
            " ".join(f"[{SECTION}] {shown(fault.path[0])}: {fault.message}. {fault.remedy}" for fault in faults)
        )
