"""Looking whether the state store is whole: logs without a hole, and every file that a target needs, readable.

Nothing is changed, and no lease is taken: what a run prunes meanwhile is not missed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from marketo_provider.clock import Clock
from marketo_provider.errors import StoreUnusable
from marketo_provider.state.files import is_change_list, runs_kept
from marketo_provider.state.ledger import SCHEMA, Flag, key_sql
from marketo_provider.state.log import TargetLog
from marketo_provider.state.numbered_log import read_hint
from marketo_provider.state.records import ImportEnded, Intended, Journaled, Record, decode
from marketo_provider.state.snapshots import MEMBERS_SCHEMA, SnapshotFolder
from marketo_provider.state.store import Store
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace, csv_rows, is_readable, quoted

_LOOKS = 5
_FLAGS = ", ".join(f"'{flag}'" for flag in Flag)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file of the store, and what is wrong with it."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def verify_target(store: Store, folder: str, *, clock: Clock, workspace: Workspace) -> list[Problem]:
    """Return what is wrong with a target's files.

    Args:
        store: where they lie.
        folder: the target's.
        clock: for the log.
        workspace: reads Parquet.
    """
    problems = verify_log(store, folder, decode)
    problems += _snapshots(store, folder, workspace)
    try:
        log = TargetLog(store, folder, clock)
    except StoreUnusable as error:
        # What the records of a log with a hole name is not known.
        return problems or [Problem(f"{folder}/log", str(error))]
    for _ in range(_LOOKS):
        before = log.target.number
        found = [*_ledger(store, log.target, workspace), *_own_snapshot(store, folder, log.target)]
        if not found or log.refresh().number == before:
            break
    return [*problems, *found, *_runs(store, folder, log, workspace)]


def verify_log(store: Store, folder: str, read: Callable[[bytes, str], Any]) -> list[Problem]:
    """Return what is wrong with the log in a folder.

    Args:
        store: where it lies.
        folder: the folder that its own, `log`, is in.
        read: reads one record; raises `StoreUnusable` where it cannot.
    """
    problems = []
    names = [name for name in store.names(f"{folder}/log") if name.removesuffix(".json").isdecimal()]
    last = max((int(name.removesuffix(".json")) for name in names), default=0)
    for number in range(1, last + 1):
        path = f"{folder}/log/{number:08d}.json"
        try:
            read(store.read(path), path)
        except FileNotFoundError:
            problems.append(Problem(path, "is missing, though there are later records"))
        except StoreUnusable:
            problems.append(Problem(path, "is damaged, or was written by a newer release"))
    return [*problems, *_head(store, folder, last)]


def _head(store: Store, folder: str, last: int) -> Iterator[Problem]:
    path = f"{folder}/head.json"
    try:
        named = read_hint(store, folder) or 0
    except ValidationError:
        yield Problem(path, "is damaged; it is only a hint, and can be deleted")
        return
    # The log may have grown since it was listed, and the hint with it.
    if named > last and not _is_there(store, f"{folder}/log/{named:08d}.json"):
        yield Problem(path, f"names record {named}, which is missing")


def _ledger(store: Store, target: Target, workspace: Workspace) -> Iterator[Problem]:
    for path in target.files:
        found = check_file(store, path, SCHEMA, workspace)
        if isinstance(found, Problem):
            yield found
        elif path == target.base and found != target.base_rows:
            yield Problem(path, f"has {found:,} rows, and the records say {target.base_rows:,}")


def _own_snapshot(store: Store, folder: str, target: Target) -> Iterator[Problem]:
    """Look for the snapshot that a run is to go on with."""
    claim, settled = target.claim, target.settled
    own = claim.snapshot if claim and not (claim.finished_at or claim.retired_at) else None
    if own is None and settled and settled.goes_on:
        own = settled.snapshot
    if own is not None and SnapshotFolder(store, folder, f"{own:08d}").snapshot() is None:
        yield Problem(f"{folder}/snapshots/{own:08d}", "is missing, though its export is to go on with it")


def _snapshots(store: Store, folder: str, workspace: Workspace) -> Iterator[Problem]:
    for name in store.names(f"{folder}/snapshots"):
        one = SnapshotFolder(store, folder, name)
        try:
            one.session()
            snapshot = one.snapshot()
        except StoreUnusable:
            yield Problem(one.path, "session.json or complete.json is damaged")
            continue
        if snapshot is None:
            continue
        for path, rows in ((one.addresses, snapshot.members + snapshot.duplicate_email), (one.shared, None)):
            found = check_file(store, path, MEMBERS_SCHEMA, workspace)
            if isinstance(found, int) and rows not in {None, found}:
                found = Problem(path, f"has {found:,} rows for {rows:,} addresses")
            if isinstance(found, Problem) and _is_there(store, f"{one.path}/complete.json"):
                yield found


def _runs(store: Store, folder: str, log: TargetLog, workspace: Workspace) -> Iterator[Problem]:
    """Look for the lists of the runs that are kept; those of a run go together."""
    kept, looked_at = runs_kept(store, folder), log.target.files
    if not kept:
        return
    for number in range(int(min(kept)), log.target.number + 1):
        try:
            record = log.record(number)
        except StoreUnusable:
            continue  # told before
        for path in _lists(record):
            run = path.removeprefix(f"{folder}/runs/").partition("/")[0]
            found = _check_list(store, path, workspace) if run in kept and path not in looked_at else None
            # A run that ends meanwhile may remove those of another.
            if found and store.names(f"{folder}/runs/{run}"):
                yield found


def _check_list(store: Store, path: str, workspace: Workspace) -> Problem | None:
    if not is_change_list(path):
        found = check_file(store, path, SCHEMA, workspace)
        return found if isinstance(found, Problem) else None
    try:
        rows = csv_rows(quoted(store.fetch(path, workspace.scratch)), ("address", "set_to"))
        (strange,) = workspace.row(
            f"SELECT count(*) FROM {rows} WHERE coalesce(set_to NOT IN ('true', 'false'), true)"
        )
    except FileNotFoundError:
        return Problem(path, "is missing")
    except StoreUnusable:
        strange = 1
    return Problem(path, "is damaged: it has other lines than were written") if strange else None


def _lists(record: Record | None) -> Iterator[str]:
    if isinstance(record, Intended):
        yield record.change_list
    elif isinstance(record, Journaled | ImportEnded) and record.rows:
        yield record.rows


def check_file(store: Store, path: str, schema: pa.Schema, workspace: Workspace) -> int | Problem:
    """Return how many rows a Parquet file of addresses has, or what is wrong with it."""
    try:
        local = store.fetch(path, workspace.scratch)
    except FileNotFoundError:
        return Problem(path, "is missing")
    if not is_readable(local):
        return Problem(path, "is damaged: it cannot be read to its end")
    there = pq.read_schema(local)
    if [(each.name, each.type) for each in there] != [(each.name, each.type) for each in schema]:
        return Problem(path, "is damaged: it has other columns than it should")
    return _check_rows(path, local, schema, workspace)


def _check_rows(path: str, local: Path, schema: pa.Schema, workspace: Workspace) -> int | Problem:
    flags = f"flag NOT IN ({_FLAGS})" if "flag" in schema.names else "false"
    rows: int
    try:
        rows, strange = workspace.row(
            "SELECT count(*), count(*) FILTER (key_high IS DISTINCT FROM held_high "
            "OR key_low IS DISTINCT FROM held_low OR strange) FROM (SELECT key_high AS held_high, "
            f"key_low AS held_low, {flags} AS strange, {key_sql('address')} FROM read_parquet({quoted(local)}))"
        )
    except StoreUnusable:
        return Problem(path, "is damaged: it cannot be read to its end")
    return Problem(path, f"is damaged: {strange:,} rows are not what was written") if strange else rows


def _is_there(store: Store, path: str) -> bool:
    try:
        store.read(path)
    except FileNotFoundError:
        return False
    return True
