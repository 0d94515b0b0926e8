"""The people of the benchmarks on state: addresses in plain Parquet, snapshots and ledgers made of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from marketo_provider.state.ledger import COLUMNS, Flag, Key, LedgerRow, key_sql
from marketo_provider.state.records import Claim, Settled
from marketo_provider.state.store import LocalStore
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace, quoted
from tests.benchmarks.common import peer_duckdb

MEMORY_LIMIT = "512MiB"  # the default of [marketo_provider] memory_limit
TARGET = "marketo/example.com/flag"
BEGUN_AT = datetime(2026, 1, 1, tzinfo=UTC)
ADDRESS = "'user.' || (i::UBIGINT * 7919 % 100000007) || '.' || i || '@example-' || (i % 997) || '.com'"
_FLAGS = (
    "'true' AS flag, true AS was_true, true AS may_hold, NULL::VARCHAR AS code, [i + 1]::BIGINT[] AS lead_ids, "
    "0::INTEGER AS tries, NULL::TIMESTAMPTZ AS next_try"
)


def write_addresses(path: Path, first: int, rows: int) -> None:
    """Write some people's addresses, shuffled."""
    with _duckdb(path.parent) as db:
        db.execute(
            f"COPY (SELECT {ADDRESS} AS address FROM range({first}, {first + rows}) AS p(i) ORDER BY hash(i)) "
            f"TO {quoted(path)} (FORMAT parquet)"
        )


def write_ledger(store: LocalStore, path: str, first: int, rows: int) -> None:
    """Write ledger rows of some people, as a settle lays them down: all hold True."""
    query = (
        f"SELECT {key_sql(ADDRESS)}, {ADDRESS} AS address, {_FLAGS} FROM range({first}, {first + rows}) AS p(i)"
    )
    with workspace(store) as space:
        space.save(f"SELECT {COLUMNS} FROM ({query}) ORDER BY hash(key_low)", path)


def pages(path: Path, size: int) -> Iterator[list[str]]:
    """Yield the addresses of a file, `size` at a time."""
    with _duckdb(path.parent) as db:
        waiting: list[str] = []
        for batch in db.sql(f"SELECT address FROM {quoted(path)}").to_arrow_reader(200 * size):
            waiting += batch.column(0).to_pylist()
            whole = len(waiting) - len(waiting) % size
            yield from (waiting[first : first + size] for first in range(0, whole, size))
            del waiting[:whole]
        if waiting:
            yield waiting


def answer(number: int) -> LedgerRow:
    """Return the ledger's row of a person who was set True."""
    address = f"user.{number * 7919 % 100_000_007}.{number}@example-{number % 997}.com"
    return LedgerRow(Key.of(address), address, Flag.TRUE, was_true=True, may_hold=True, lead_ids=(number + 1,))


def target(base: str, rows: int, settled: tuple[str, ...], *since: str) -> Target:
    """Return the state in which the ledger is `base` with settled deltas, and what came since."""
    claim = Claim(
        project_id=1, workspace_id=None, cohort_id=1, sync_type="dynamic", export="bench", claimed_at=BEGUN_AT
    )
    last = Settled(
        at=BEGUN_AT,
        by="bench",
        run_id="bench",
        snapshot=1,
        snapshot_begun_at=BEGUN_AT,
        claim=claim,
        base=base,
        base_rows=rows,
        deltas=settled,
        delivered=1,
        address_share=1.0,
        report={},
        left_over=0,
        takeover_seconds=0.0,
    )
    return Target(base=base, base_rows=rows, deltas=(*settled, *since), settled=last)


def workspace(store: LocalStore) -> Workspace:
    """Return a workspace with the default limit."""
    return Workspace(store, memory_limit=MEMORY_LIMIT)


def _duckdb(folder: Path) -> duckdb.DuckDBPyConnection:
    db = peer_duckdb()
    db.execute(f"SET temp_directory = {quoted(folder / 'spill')}; SET preserve_insertion_order = false")
    return db
