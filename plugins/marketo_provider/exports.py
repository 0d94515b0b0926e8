"""What a user declares: one Mixpanel cohort, one Marketo field, and how the two are kept in step.

The descriptions here are the single source: the JSON Schema for editors and every message about a wrong key
are made of them.
"""

import json
import re
from datetime import date
from typing import Annotated, Final, Literal

from croniter import CroniterError, croniter  # type: ignore[import-untyped]  # it ships no types
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from marketo_provider.notify import Duration, Notifier

SyncType = Literal["one_time", "dynamic"]

DAG_PREFIX: Final = "cohort_export__"
EVERY_TWO_HOURS: Final = "0 */2 * * *"
LARGEST: Final = 2**63 - 1  # that the state store takes

# Plain cron: `R`, which Airflow's parser knows too, would mean another minute at each reading of the file.
_CRON_VALUE = r"(\d{1,2}|[A-Za-z]{3})"
_CRON_ITEM = rf"(\*|{_CRON_VALUE}(-{_CRON_VALUE})?)(/\d{{1,2}})?"
_CRON_FIELD = rf"{_CRON_ITEM}(,{_CRON_ITEM})*"
_SCHEDULE = rf"^(@(hourly|daily|weekly|monthly|quarterly|yearly)|{_CRON_FIELD}( {_CRON_FIELD}){{4}})$"


def _parse_date(value: object) -> object:
    """Read a date that YAML took for a text, since it stood in quotes; leave all else to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date such as 2026-01-31") from None


# Letters, digits and underscores after a letter, of which Marketo takes 255:
# https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads
# https://experienceleague.adobe.com/en/docs/marketo/using/product-docs/administration/field-management/export-a-list-of-all-marketo-api-field-names
MarketoField = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=255)]
# What Airflow takes for a Connection's id (airflow.models.connection).
ConnectionId = Annotated[str, Field(pattern=r"^[\w#!()\-.:/\\]+$", max_length=250)]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]


class CohortExport(BaseModel):
    """One Mixpanel cohort kept as a Boolean field of Marketo leads."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=200)] = Field(
        description="Name of the export, in lower-case letters, digits and underscores. "
        "Its DAG is called cohort_export__<name>."
    )
    cohort_id: int = Field(
        ge=1,
        le=LARGEST,
        description="Number of the Mixpanel cohort, as it stands in the address of the cohort's page.",
    )
    marketo_field: MarketoField = Field(
        description="REST API name of the Boolean field in Marketo: a letter, then letters, digits and "
        "underscores. It is not the display name; Marketo lists both under Admin, Field Management, Export "
        "Field Names."
    )
    sync_type: SyncType = Field(
        description="one_time sets the field to true once, for the members of that moment; "
        "dynamic keeps it true for members and false for everybody who has left."
    )
    schedule: Annotated[str, Field(pattern=_SCHEDULE)] | None = Field(
        default=None,
        validate_default=True,
        json_schema_extra={"default": EVERY_TWO_HOURS},
        description="When a dynamic export runs, in UTC: five cron fields such as 0 */2 * * *, or @hourly, "
        "@daily, @weekly, @monthly, @quarterly, @yearly. A one_time export has none: it is triggered by "
        "hand.",
    )
    create_leads: bool = Field(
        default=True, description="Whether a member whom Marketo does not know becomes a new lead there."
    )
    partition: Text | None = Field(
        default=None,
        description="Lead partition in which new leads are created. Without it, the one of the Connection.",
    )
    max_exit_share: Share = Field(
        default=0.5,
        description="The run stops and asks if more than this share of the members has left at once (0 to 1).",
    )
    max_entry_share: float = Field(
        default=1.0,
        ge=0,
        allow_inf_nan=False,
        description="The run stops and asks if more have entered at once than this share of the members "
        "(1.0 is as many again).",
    )
    max_reject_share: Share = Field(
        default=0.5,
        description="The run fails if Marketo refuses more than this share of the records (0 to 1).",
    )
    max_drift_share: Share = Field(
        default=0.05,
        description="The run fails if more than this share of the leads read back differ from what was sent "
        "(0 to 1).",
    )
    max_changes_per_run: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        description="Most changes one run sends; the next run goes on. Without it, no limit.",
    )
    retries: int = Field(
        default=2, ge=0, le=1000, description="How often Airflow tries a task again after a passing failure."
    )
    retry_delay_seconds: int = Field(
        default=300, ge=1, le=604_800, description="Seconds Airflow waits before it tries a task again."
    )
    pool: Text = Field(default="default_pool", description="Airflow pool of the tasks. It must exist already.")
    mixpanel_conn_id: ConnectionId = Field(
        default="mixpanel_default", description="Airflow Connection of the type mixpanel."
    )
    marketo_conn_id: ConnectionId = Field(
        default="marketo_default", description="Airflow Connection of the type marketo."
    )
    start_date: Annotated[date, BeforeValidator(_parse_date)] = Field(
        default=date(2025, 1, 1), description="First day of the schedule, in UTC, such as 2026-01-31."
    )
    owner: Text | None = Field(
        default=None, description="Owner shown in Airflow. Without it, Airflow's own default."
    )
    tags: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(
        default=(), strict=False, description="List of tags of the DAG, of at most 100 characters each."
    )
    description: Text | None = Field(default=None, description="One line about the export, shown in Airflow.")
    notify: tuple[Notifier, ...] = Field(
        default=(),
        strict=False,
        description="List of Airflow notifiers that tell when something is wrong, and when it is well again: each "
        "with notifier (its class), arguments, and tell_of.",
    )
    notify_refused_share: Share = Field(
        default=0.01,
        description="Refusals are told of when Marketo refuses more than this share of the members (0 to 1).",
    )
    stale_after: Duration | None = Field(
        default=None,
        description="Age of the field's truth that is told of, such as 90m, 6h or 2d: longer than the schedule's "
        "interval and a run. Without it, no age is. A one_time export has none.",
    )

    @property
    def dag_id(self) -> str:
        """Id of the DAG that this export becomes."""
        return f"{DAG_PREFIX}{self.name}"

    @field_validator("schedule")
    @classmethod
    def _fits_sync_type(cls, schedule: str | None, info: ValidationInfo) -> str | None:
        """Give a dynamic export its default schedule, and a one-time export none."""
        sync_type = info.data.get("sync_type")
        if schedule is None:
            return EVERY_TWO_HOURS if sync_type == "dynamic" else None
        if sync_type == "one_time":
            raise ValueError("must not be set for a one_time export; remove the line")
        if not schedule.startswith("@"):
            try:
                croniter(schedule, start_time=0).get_next()
            except CroniterError:
                raise ValueError("is a moment that never comes") from None
        return schedule

    def label(self, field: str) -> str:
        """Return how messages name the export, which for a one-time export depends on the run's field."""
        return f"Export {self.name!r} (cohort {self.cohort_id} to field {field})"

    @field_validator("stale_after")
    @classmethod
    def _ages(cls, stale_after: str | None, info: ValidationInfo) -> str | None:
        """Refuse an age of what is set once and never again."""
        if stale_after and info.data.get("sync_type") == "one_time":
            raise ValueError("must not be set for a one_time export; remove the line")
        return stale_after


def export_name(dag_id: str) -> str:
    """Return what the export of a DAG is called, also of one that somebody wrote."""
    return re.sub(r"[^a-z0-9_]", "_", dag_id.removeprefix(DAG_PREFIX).lower())[:200]


class ExportFile(BaseModel):
    """One YAML file of cohort exports."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    exports: list[CohortExport] = Field(
        description="The exports of this file, each a mapping with at least name, cohort_id, marketo_field "
        "and sync_type."
    )


def json_schema() -> str:
    """Return the JSON Schema of an exports file, for editors."""
    schema = ExportFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"]["CohortExport"] |= {
        "if": {"properties": {"sync_type": {"const": "one_time"}}},
        "then": {"properties": {"schedule": {"type": "null"}, "stale_after": {"type": "null"}}},
    }
    return json.dumps(schema, indent=2) + "\n"
