"""What the client hands out. Addresses stay out of every repr."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

Scalar = str | int | bool
Status = Literal["created", "updated", "skipped"]


@dataclass(frozen=True, slots=True)
class LeadResult:
    """What became of one record; `code` is the first reason's when it was skipped."""

    status: Status
    lead_id: int | None
    code: str | None


@dataclass(frozen=True, slots=True)
class LeadResults(Sequence[LeadResult]):
    """What became of the records of one request, in their order; kept as columns, since most need no object."""

    statuses: list[Status]
    lead_ids: list[int | None]
    codes: list[str | None]

    @property
    def written(self) -> list[int] | None:
        """The leads that were written, if every record was."""
        ids = [lead_id for lead_id in self.lead_ids if lead_id is not None]
        return None if "skipped" in self.statuses or len(ids) < len(self) else ids

    def __len__(self) -> int:
        return len(self.statuses)

    @overload
    def __getitem__(self, index: int) -> LeadResult: ...

    @overload
    def __getitem__(self, index: slice) -> "LeadResults": ...

    def __getitem__(self, index: int | slice) -> "LeadResult | LeadResults":
        if isinstance(index, slice):
            return LeadResults(self.statuses[index], self.lead_ids[index], self.codes[index])
        return LeadResult(self.statuses[index], self.lead_ids[index], self.codes[index])


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
class SchemaField:
    """A lead field as its schema shows it; `api_created` ones count against what the API may create."""

    name: str
    display_name: str
    api_created: bool


@dataclass(frozen=True, slots=True)
class NewField:
    """A Boolean field that is to be created."""

    name: str
    display_name: str
    description: str


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
