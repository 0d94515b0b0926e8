"""What the client hands out. Addresses stay out of every repr."""

from dataclasses import dataclass, field
from typing import Literal

Scalar = str | int | bool


@dataclass(frozen=True, slots=True)
class LeadResult:
    """What became of one record; `code` is the first reason's when it was skipped."""

    status: Literal["created", "updated", "skipped"]
    lead_id: int | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead as read back; a flag that was never set (null) reads as False."""

    lead_id: int
    email: str | None = field(repr=False)
    flag: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A lead field as describe2 shows it."""

    name: str
    display_name: str
    data_type: str
    updateable: bool
    crm_managed: bool


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """An answer that was a failure, for the report and for Adobe's support."""

    code: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """How far an import job is. `Complete` says nothing of its rows: any of them may have failed."""

    state: Literal["Queued", "Importing", "Complete", "Failed"]
    imported: int
    failed: int
    warned: int

    @property
    def ended(self) -> bool:
        """Whether it writes no more."""
        return self.state in {"Complete", "Failed"}


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """A row that failed or was imported with a warning; `reason` is Marketo's text, which may quote the row."""

    address: str = field(repr=False)
    reason: str = field(repr=False)
