"""What becomes of the rows of a bulk import in the lead database: insert or update, by id update only.

A job looks all its rows up as it begins, and writes them one by one afterwards. So whoever makes a lead of a new
address meanwhile, another job or a Sync Leads, leaves two leads of it behind; and so do two rows of one address,
for what the real one does with them is not known. A lead that was deleted meanwhile is made anew.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from include.sandbox.marketo_answers import MESSAGES
from include.sandbox.marketo_bulk_files import ImportFile, Row
from include.sandbox.marketo_bulk_values import NotOfItsType, column
from include.sandbox.marketo_fields import Catalog
from include.sandbox.marketo_leads import Lead, LeadStore, Values
from include.sandbox.marketo_partitions import Partitions
from include.sandbox.marketo_values import Scalar

SeveralMatches = Literal["fail", "update_one"]
Outcome = Literal["created", "updated", "failed"]
_NONE, _SEVERAL = 0, -1
INVALID_EMAIL = "Invalid email address"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an upload asks for beside its file."""

    lookup_field: str = "email"
    partition: str | None = None
    list_id: int | None = None


class RowFailed(Exception):
    """A row that is not imported, and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LeadWriter:
    """Writes values as one import may: `options` say by which field and into which partition."""

    leads: LeadStore
    partitions: Partitions
    options: ImportOptions

    @property
    def by_id(self) -> bool:
        """Whether leads are named by their ids, and so are only updated."""
        return self.options.lookup_field == "id"

    def create(self, values: Values) -> None:
        """Make a lead, or raise RowFailed."""
        if self.by_id:
            raise RowFailed(MESSAGES["1004"])
        partition = self.options.partition or self.partitions.default.name
        if not self.partitions.accessible(partition):
            named = self.options.partition is not None
            raise RowFailed(f"Access denied to partition '{partition}'" if named else MESSAGES["1009"])
        self.leads.create(values, partition=partition)

    def update(self, lead: Lead, values: Values) -> None:
        """Write to a lead, or raise RowFailed."""
        if not self.partitions.accessible(lead.partition):
            raise RowFailed(f"Access denied to partition '{lead.partition}'")
        # By id it is an update, for which Sync Leads does not take a partition name either.
        if not self.by_id and self.options.partition not in {None, lead.partition}:
            raise RowFailed(MESSAGES["1010"])
        self.leads.update(lead, values)


class RowImport:
    """The rows of one file on their way into the database; `failures` and `warnings` hold reasons by row."""

    def __init__(self, file: ImportFile, writer: LeadWriter, *, catalog: Catalog, several: SeveralMatches) -> None:
        self.outcomes: list[Outcome] = []
        self.failures: dict[int, str] = {}
        self.warnings: dict[int, str] = {}
        self._writer, self._several = writer, several
        self._width, self._key = len(file.header), file.header.index(writer.options.lookup_field)
        fields = [field for name in file.header for field in [catalog.get(name)] if field is not None]
        self._columns = [column(field) for field in fields]
        find = writer.leads.finder(writer.options.lookup_field)
        keys = (row[self._key] if len(row) > self._key else "" for row in file.rows())
        self._found = array("q", (self._choose(find(key)) if key else _NONE for key in keys))
        self._rows = file.rows()

    @property
    def total(self) -> int:
        """How many rows the file has."""
        return len(self._found)

    @property
    def imported(self) -> int:
        """How many rows have been written so far."""
        return len(self.outcomes) - len(self.failures)

    def next_row(self) -> None:
        """Write one more row, or have it fail."""
        index = len(self.outcomes)
        try:
            self.outcomes.append(self._write(next(self._rows), index))
        except RowFailed as failed:
            self.failures[index] = failed.reason
            self.outcomes.append("failed")

    def _choose(self, ids: Sequence[int]) -> int:
        if len(ids) <= 1:
            return ids[0] if ids else _NONE
        if self._several == "fail":
            return _SEVERAL
        return self._writer.leads.latest(ids).lead_id

    def _write(self, row: Row, index: int) -> Outcome:
        if len(row) != self._width:
            raise RowFailed("Invalid number of columns")
        if not row[self._key]:
            raise RowFailed(f"Value for lookup field '{self._writer.options.lookup_field}' not found")
        values, warned = self._values(row)
        found = self._found[index]
        if found == _SEVERAL:
            raise RowFailed(MESSAGES["1007"])
        lead = self._writer.leads.get(found) if found else None
        if lead is None:
            self._writer.create(values)
        else:
            self._writer.update(lead, values)
        if warned:
            self.warnings[index] = INVALID_EMAIL
        return "created" if lead is None else "updated"

    def _values(self, row: Row) -> tuple[dict[str, Scalar], bool]:
        values: dict[str, Scalar] = {}
        warned = False
        for one, text in zip(self._columns, row, strict=True):
            try:
                values[one.name] = one.read(text) if text else None
            except NotOfItsType:
                raise RowFailed(f"Invalid data type in field {one.display_name}") from None
            warned = warned or bool(text and one.is_email and one.warns(text))
        values.pop("id", None)
        return values, warned
