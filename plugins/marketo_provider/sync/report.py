"""What a run did, in numbers: the operator's result, kept in the state store, and free of addresses."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.snapshots import Snapshot

_COUNTS = ("set_true", "set_false", "created", "updated", "not_in_marketo", "refused", "imported", "api_calls")


class FailedCall(BaseModel):
    """A call that Marketo answered with an error: its code, and the id that Adobe's support asks for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    request_id: str | None


class Report(BaseModel):
    """The report of one run.

    Counts of `profiles`, `without_email`, `invalid_email` and `duplicate_email` are of Mixpanel profiles, the
    others of addresses, but `created` and `updated`, which are of leads. `entered` and `exited` is who moved (a
    full refresh sends more), `set_true` and `set_false` what Marketo acknowledged, `left_over` what the next run
    will send.
    `drift` is the share of the addresses read back after the delivery that do not hold what was sent.
    `imported` of those set True went by bulk import, which does not tell whom it created: `created` and `updated`
    are null then. `import_warnings` counts rows that were imported with a warning, by our word for it.
    `planned_calls` and `new_leads_estimate` are a dry run's.
    """

    model_config = ConfigDict(extra="forbid")

    export: str
    field: str
    run_id: str
    snapshot: str
    dry_run: bool = False
    profiles: int
    missing_profiles: int
    without_email: int
    invalid_email: int
    duplicate_email: int
    members: int
    entered: int = 0
    exited: int = 0
    set_true: int = 0
    set_false: int = 0
    created: int | None = 0
    updated: int | None = 0
    imported: int = 0
    import_warnings: dict[str, int] = {}
    not_in_marketo: int = 0
    refused: int = 0
    refused_by_code: dict[str, int] = {}
    left_over: int = 0
    api_calls: int = 0
    failed_calls: list[FailedCall] = []
    read_back: int = 0
    drift: float = 0.0
    route: Literal["sync_leads", "bulk_import", "none"] = "none"
    route_reason: str = ""
    ledger_size: int = 0
    planned_calls: int | None = None
    new_leads_estimate: int | None = None
    started_at: datetime
    finished_at: datetime | None = None

    @classmethod
    def begin(cls, *, export: str, field: str, run_id: str, snapshot: Snapshot, started_at: datetime) -> "Report":
        """Return a report that has the snapshot's numbers and no others yet."""
        return cls(
            export=export,
            field=field,
            run_id=run_id,
            snapshot=snapshot.name,
            profiles=snapshot.profiles,
            missing_profiles=snapshot.missing_profiles,
            without_email=snapshot.without_email,
            invalid_email=snapshot.invalid_email,
            duplicate_email=snapshot.duplicate_email,
            members=snapshot.members,
            started_at=started_at,
        )

    @classmethod
    def stored(cls, values: Mapping[str, object]) -> "Report":
        """Return the report that a record of the log holds.

        Raises:
            StoreUnusable: it is none.
        """
        try:
            return cls.model_validate(values)
        except ValidationError:
            raise StoreUnusable(
                "The report in the state store's record of the last settle is damaged, or was written by a newer "
                "release. Nothing was sent. Restore the record, or bring this deployment to the newer release."
            ) from None

    def refuse(self, code: str, records: int = 1) -> None:
        """Count records that Marketo refused."""
        self.refused += records
        self.refused_by_code[code] = self.refused_by_code.get(code, 0) + records

    def add_leads(self, *, created: int = 0, updated: int = 0) -> None:
        """Count leads that Marketo says were written."""
        self.created = (self.created or 0) + created
        self.updated = (self.updated or 0) + updated

    def add_import(self, imported: int, *, refused: Mapping[str, int], warnings: Mapping[str, int]) -> None:
        """Count what has become of a file's rows; who was created or updated is not told."""
        self.imported += imported
        self.set_true += imported
        for code, records in refused.items():
            self.refuse(code, records)
        self.import_warnings = dict(Counter(self.import_warnings) + Counter(warnings))

    @property
    def answered(self) -> int:
        """How many addresses are done with."""
        return self.set_true + self.set_false + self.not_in_marketo + self.refused

    def add_earlier(self, earlier: "Report") -> None:
        """Add what an earlier part of the same export has done; its left over was this part's work."""
        self.entered, self.exited = earlier.entered, earlier.exited
        for name in _COUNTS:
            setattr(self, name, (getattr(self, name) or 0) + (getattr(earlier, name) or 0))
        codes = Counter(earlier.refused_by_code) + Counter(self.refused_by_code)
        self.refused_by_code = dict(sorted(codes.items()))
        self.import_warnings = dict(Counter(earlier.import_warnings) + Counter(self.import_warnings))
        if earlier.route == "bulk_import":
            self.route, self.route_reason = earlier.route, earlier.route_reason
        self.failed_calls = [*earlier.failed_calls, *self.failed_calls]
        self.started_at = earlier.started_at

    def in_short(self) -> str:
        """Return what the run did in a few words, such as `+1,204 -311, 12 refused`."""
        if self.dry_run:
            return f"dry run: would be +{self.entered:,} -{self.exited:,} (calls: {self.planned_calls or 0:,})"
        rest = {"refused": self.refused, "left over": self.left_over}
        words = [f"{count:,} {name}" for name, count in rest.items() if count]
        return ", ".join([f"+{self.set_true:,} -{self.set_false:,}", *words])

    def line(self) -> str:
        """Return the report in one line, for the log."""
        cohort = (
            f"{self.profiles:,} profiles ({self.without_email:,} without e-mail, {self.invalid_email:,} invalid, "
            f"{self.duplicate_email:,} duplicate), {self.members:,} members"
        )
        moved = f"entered {self.entered:,}, exited {self.exited:,}"
        if self.dry_run:
            return f"{cohort}; {moved}; {self.planned_calls} calls, about {self.new_leads_estimate} new leads"
        made = f"imported {self.imported:,}" if self.created is None else f"created {self.created:,}"
        return (
            f"{cohort}; {moved}; set True {self.set_true:,}, set False {self.set_false:,}, "
            f"{made}, not in Marketo {self.not_in_marketo:,}, refused {self.refused:,}, "
            f"left over {self.left_over:,}; {self.api_calls:,} calls"
        )


def codes_in_words(refused: Mapping[str, int]) -> str:
    """Return refusals by code as messages tell them, such as `12 by code 1003, 1 by code 1008`."""
    return ", ".join(f"{count:,} by code {code}" for code, count in refused.items())
