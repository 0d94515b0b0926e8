"""What happened to one address, run by run, as far as the lists and journals of runs are kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from marketo_provider.marketo.codes import meaning
from marketo_provider.state.files import runs_kept
from marketo_provider.state.ledger import COLUMNS, Flag, Key, LedgerRow, decode_row, load_ledger
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import (
    Adopted,
    ImportAnnounced,
    ImportEnded,
    Intended,
    Journaled,
    LedgerReplaced,
    LogRecord,
    Record,
    Released,
    Retired,
)
from marketo_provider.state.snapshots import SnapshotFolder
from marketo_provider.state.workspace import Workspace, csv_rows

# Reasons of single records, and our words for why rows of an import failed.
_REASONS = {
    "1004": "there is no such lead",
    "1007": "several leads have the address, and could not be found afterwards",
    "1018": "a CRM sync owns the lead",
    "import_invalid_data_type": "Marketo did not accept a value",
    "import_invalid_email": "Marketo did not accept the address",
    "import_columns": "Marketo could not read the row",
    "import_lookup": "Marketo could not look the address up",
    "import_other": "Marketo refused the row of an import",
    "import_too_long": "the address has no room in an import's file",
    "unknown": "skipped without a reason",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a run, or a person, did to an address."""

    at: datetime
    run: str
    what: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of an address: events, oldest first; the ledger's row; whether he is in the last snapshot."""

    events: tuple[Event, ...]
    row: LedgerRow | None
    in_snapshot: bool | None


def trace_address(log: TargetLog, address: str, workspace: Workspace) -> Trace:
    """Return what happened to an address in a target.

    Args:
        log: the target's.
        address: a valid one.
        workspace: where to work.
    """
    tracer = _Tracer(log, address, workspace)
    events = tuple(tracer.events())
    load_ledger(workspace, log.target)
    return Trace(events, tracer.row_in("ledger"), tracer.in_newest_snapshot())


def reason(code: str) -> str:
    """Return what a code of a refused record means."""
    return _REASONS.get(code) or meaning(code).words


def says(row: LedgerRow) -> str:
    """Return what a row of the ledger says of a lead."""
    leads = f" (leads {', '.join(map(str, row.lead_ids))})" if row.lead_ids else ""
    again = f"; tried again from {row.next_try:%Y-%m-%d %H:%M} UTC" if row.next_try else ""
    if row.code:
        return f"refused: {row.code}, {reason(row.code)}{again}{leads}"
    match row.flag:
        case Flag.TRUE:
            return f"True{leads}"
        case Flag.FALSE:
            return f"False, or no lead{leads}"
        case Flag.ABSENT:
            deleted = (
                ", deleted there since; not created again while he stays in the cohort" if row.was_true else ""
            )
            return f"not in Marketo{deleted}{again}"
        case _:
            return f"not known: sent without an answer; sent again by the next run{leads}"


class _Tracer:
    """Follows the records of a log."""

    def __init__(self, log: TargetLog, address: str, workspace: Workspace) -> None:
        self._log = log
        self._key = Key.of(address)
        self._address = address
        self._workspace = workspace
        self._runs: dict[str, str] = {}
        self._intended: bool | None = None

    def events(self) -> Iterator[Event]:
        """Yield what the records tell, from the oldest run whose lists are kept."""
        kept = runs_kept(self._log.store, self._log.folder)
        for number in range(int(min(kept, default="1")), self._log.target.number + 1):
            record = self._log.record(number)
            if record is not None:
                if isinstance(record, Intended):
                    self._runs[record.by] = record.run_id
                if what := self._told(record):
                    yield Event(record.at, self._run_of(record), what)

    def row_in(self, rows: str) -> LedgerRow | None:
        """Return the address's row, if there is one."""
        found = self._workspace.batches(f"SELECT {COLUMNS} FROM {rows} WHERE {self._key.sql}", 10)
        return next((decode_row(row) for batch in found for row in batch.to_pylist()), None)

    def in_newest_snapshot(self) -> bool | None:
        """Return whether the address is in the newest complete snapshot; None where there is none."""
        store, folder = self._log.store, self._log.folder
        for name in reversed([name for name in store.names(f"{folder}/snapshots") if name.isdecimal()]):
            snapshot = SnapshotFolder(store, folder, name)
            if snapshot.snapshot():
                addresses = f"read_parquet({self._workspace.fetch(snapshot.addresses)})"
                (count,) = self._workspace.row(f"SELECT count(*) FROM {addresses} WHERE {self._key.sql}")
                return bool(count)
        return None

    def _run_of(self, record: LogRecord) -> str:
        return self._runs.get(record.by, record.by)

    def _told(self, record: Record) -> str | None:  # noqa: PLR0911 - one a record's kind
        match record:
            case Intended():
                return self._announced(record.change_list)
            case Journaled() | ImportEnded():
                return self._answered(record.rows) if record.rows else None
            case ImportAnnounced():
                return "in a file for bulk import" if self._row(record.rows) else None
            case Adopted():
                return "adopted, as holding True already" if self._row(record.rows) else None
            case LedgerReplaced(cause="repaired"):
                return "the ledger was rebuilt by a re-read from Marketo"
            case Released():
                return "the field was released, and the ledger forgotten"
            case Retired():
                return "the field was retired"
        return None

    def _announced(self, change_list: str) -> str | None:
        if not self._is_there(change_list):
            return None
        rows = csv_rows(self._workspace.fetch(change_list), ("address", "set_to"))
        (value,) = self._workspace.row(
            f"SELECT min(set_to) FROM {rows} WHERE lower(address) = $address", address=self._address.lower()
        )
        if value is None:
            return None
        self._intended = value == "true"
        return "entered: to be set True" if self._intended else "left: to be set False"

    def _answered(self, path: str) -> str | None:
        row = self._row(path)
        if row is None:
            return None
        if row.code is None and row.flag is not Flag.ABSENT and row.flag is not _answer(self._intended):
            return (
                "looked up, and other than expected"
                if row.flag is Flag.UNKNOWN
                else "not sent: left to the next run"
            )
        return f"answered: {says(row)}"

    def _row(self, path: str) -> LedgerRow | None:
        return self.row_in(f"read_parquet({self._workspace.fetch(path)})") if self._is_there(path) else None

    def _is_there(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return name in self._log.store.names(folder)


def _answer(value: bool | None) -> Flag | None:  # noqa: FBT001 - what was intended
    return None if value is None else Flag.TRUE if value else Flag.FALSE
