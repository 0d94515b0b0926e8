"""What a person may ask of one run, in the trigger form or in a run's `conf`."""

from collections.abc import Mapping
from functools import cache
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marketo_provider.errors import InvalidSetting
from marketo_provider.exports import LARGEST, MarketoField, SyncType
from marketo_provider.form_fields import FormField, form_fields
from marketo_provider.wording import explain, shown

# They let through what was asked about at that moment; a run cleared later would let another change through.
COUNTS_ONCE = frozenset({"adopt", "allow_entries", "allow_exits"})


class RunParameters(BaseModel):
    """What one run does differently; each is off or empty unless somebody asks."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dry_run: bool = Field(
        default=False,
        title="Dry run",
        description="Read and compare, report what would be sent and in how many calls; send nothing, change "
        "nothing, claim nothing.",
    )
    full_refresh: bool = Field(
        default=False,
        title="Full refresh",
        description="Send the flag of every member, and of everybody who has left, again, whatever Marketo is "
        "believed to hold.",
    )
    allow_exits: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        title="Allow exits",
        description="Let up to this many people leave in this run, after a run that stopped for too many. Its "
        "message gives the number.",
    )
    allow_entries: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST,
        title="Allow entries",
        description="Let up to this many people enter in this run, after a run that stopped for too many. Its "
        "message gives the number.",
    )
    retry_refused: bool = Field(
        default=False,
        title="Retry refused",
        description="Send the addresses that Marketo has refused again now, instead of at their next try.",
    )
    adopt: bool = Field(
        default=False,
        title="Adopt",
        description="Take the field over although leads already hold true in it, when moving in from another "
        "integration.",
    )
    marketo_field: MarketoField | None = Field(
        default=None,
        title="Marketo field",
        description="Export the cohort to this field instead, by its REST API name (a letter, then letters, "
        "digits and underscores). A new field gets every member.",
    )

    @classmethod
    def parse(cls, values: Mapping[str, object], *, sync_type: SyncType) -> Self:
        """Read a run's parameters.

        Args:
            values: the run's `params`, with its `conf` in them.
            sync_type: that of the export; only a one-time export may be sent to another field.

        Raises:
            InvalidSetting: naming every parameter that is wrong, and the remedy.
        """
        try:
            parameters = cls.model_validate(dict(values))
        except ValidationError as error:
            raise InvalidSetting(_message(error, cls)) from None
        if parameters.marketo_field is not None and sync_type == "dynamic":
            raise InvalidSetting(
                "Run parameter marketo_field: is for one-time exports only. Declare an export of that field."
            )
        return parameters


@cache
def parameter_fields(sync_type: SyncType) -> Mapping[str, FormField]:
    """Return what the trigger form of an export asks."""
    fields = form_fields(RunParameters)
    if sync_type == "dynamic":
        del fields["marketo_field"]
    return fields


def _message(error: ValidationError, model: type[RunParameters]) -> str:
    faults = [explain(details, model) for details in error.errors(include_url=False, include_input=False)]
    return " ".join(f"Run parameter {shown(fault.path[0])}: {fault.message}. {fault.remedy}" for fault in faults)
