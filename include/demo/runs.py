"""What a run of an export was to do, and what it says it did: a row of the demo's table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from include.demo.exports import Export
from include.demo.sandbox import LoggedCall
from include.demo.truth import Cohort


class Report(BaseModel, frozen=True):
    """The numbers of the operator's report that the demo shows."""

    profiles: int
    without_email: int
    invalid_email: int
    duplicate_email: int
    members: int
    entered: int
    exited: int
    set_true: int
    set_false: int
    created: int
    refused: int
    left_over: int
    api_calls: int
    started_at: datetime
    finished_at: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Chapter:
    """An export brought up to date, with all that is needed to judge it.

    Attributes:
        export: which.
        before: the addresses that held True.
        cohort: who was in the cohort when it ran.
        known: the addresses that had a lead.
        calls: what Marketo was asked meanwhile.
        reports: of the runs that did it; a second one only where the schedule came in between.
    """

    export: Export
    before: frozenset[str]
    cohort: Cohort
    known: frozenset[str]
    calls: Sequence[LoggedCall] = ()
    reports: Sequence[Report] = ()

    @property
    def entered(self) -> frozenset[str]:
        """The addresses to be set True."""
        return self.cohort.members - self.before

    @property
    def exited(self) -> frozenset[str]:
        """The addresses to be set False."""
        return self.before - self.cohort.members if self.export.sync_type == "dynamic" else frozenset()
