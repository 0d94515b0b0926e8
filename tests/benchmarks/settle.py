"""bench-settle: settles of one per cent of changes each, beside writing the whole ledger anew."""

from pathlib import Path

import pyarrow as pa

from marketo_provider.state.ledger import COLUMNS, column_rows, encode_columns, load_ledger, settle_ledger
from marketo_provider.state.store import LocalStore
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.ledger_counts import count_after
from tests.benchmarks import addresses
from tests.benchmarks.common import MIB, Limit, Stopwatch, Work, best, quotient, report, scratch, size

_SETTLES = 12
_PIECE_ROWS = 3000  # a journal's
_CALL_ROWS = 300
_BASE = f"{addresses.TARGET}/ledger/base.parquet"


def main() -> None:
    """Run it."""
    rows = size("ROWS", 30_000_000)
    with scratch() as folder:
        addresses.write_ledger(LocalStore(folder), _BASE, 0, rows)
        sides = {"settle": best(settle, folder, rows), "whole ledger anew": best(whole, folder, rows)}
    report(
        "bench-settle",
        sides,
        [
            Limit(
                "whole / settle", quotient(sides["whole ledger anew"].seconds, sides["settle"].seconds), ">=", 5
            ),
            Limit("peak MiB of settle", quotient(sides["settle"].rss_bytes, MIB), "<=", 500),
        ],
    )


def settle(folder: Path, rows: int) -> Work:
    """Twelve runs' journals and settles, then the folding of base and deltas; a twelfth of it all counts."""
    store = LocalStore(folder)
    changed = rows // 100
    deltas: tuple[str, ...] = ()
    journal, settles, counts, fold = Stopwatch(), Stopwatch(), Stopwatch(), Stopwatch()
    for run in range(_SETTLES):
        intent = f"run/{run}/intent.parquet"
        addresses.write_ledger(store, intent, run * changed, changed)
        pieces = [f"run/{run}/{first}.parquet" for first in range(0, changed, _PIECE_ROWS)]
        for number, path in enumerate(pieces):
            answers = _answers(
                run * changed + number * _PIECE_ROWS, min(_PIECE_ROWS, changed - number * _PIECE_ROWS)
            )
            with journal.running():
                store.write(path, encode_columns(answers))
        target = addresses.target(_BASE, rows, deltas, intent, *pieces)
        with addresses.workspace(store) as workspace:
            _find(workspace, intent, rows)
            with settles.running():
                base, _, deltas = settle_ledger(workspace, target, f"run/{run}")
            with counts.running():
                counted = count_after(workspace, target, since=run, members=rows)
        if base != _BASE:
            raise RuntimeError("a fold came by itself; share it out differently")
        if counted.rows != rows or counted.standing.accepted != rows:
            raise RuntimeError(f"{counted.rows} rows were counted, of which Marketo holds {counted.standing}")
    with fold.running():
        _rewrite(store, addresses.target(_BASE, rows, deltas), "folded.parquet")
    seconds = (journal.seconds + settles.seconds + counts.seconds + fold.seconds) / _SETTLES
    parts = {
        "journal_s": journal.seconds / _SETTLES,
        "settle_s": settles.seconds / _SETTLES,
        "count_s": counts.seconds / _SETTLES,
        "fold_s": fold.seconds / _SETTLES,
    }
    return Work(seconds, changed, (folder / deltas[0]).stat().st_size, more=parts)


def _find(workspace: Workspace, intent: str, rows: int) -> None:
    """Leave the tables that a comparison leaves where one per cent of the ledger is to change."""
    known = f"SELECT * FROM read_parquet({workspace.fetch(intent)})"
    workspace.run(f"CREATE TABLE known AS {known}")
    workspace.run("CREATE TABLE changes AS SELECT key_high, key_low FROM known")
    workspace.run("CREATE TABLE exiting AS FROM known LIMIT 0")
    workspace.run(
        "CREATE TABLE counted AS SELECT 'true' AS flag, false AS leaver, NULL::VARCHAR AS code, "
        f"{rows}::BIGINT AS addresses"
    )


def whole(folder: Path, rows: int) -> Work:
    """Write base and changes as one new file."""
    store = LocalStore(folder)
    watch = Stopwatch()
    changes = "changes.parquet"
    addresses.write_ledger(store, changes, 0, rows // 100)
    with watch.running():
        _rewrite(store, addresses.target(_BASE, rows, (), changes), "whole.parquet")
    return Work(watch.seconds, rows, (folder / "whole.parquet").stat().st_size)


def _rewrite(store: LocalStore, target: Target, path: str) -> None:
    with addresses.workspace(store) as workspace:
        load_ledger(workspace, target)
        workspace.save(f"SELECT {COLUMNS} FROM ledger", path)


def _answers(first: int, rows: int) -> list[pa.RecordBatch]:
    """Return answers as a delivery hands them to the journal: the columns of one call after the other."""
    return [
        column_rows(addresses.answer(number) for number in range(call, min(call + _CALL_ROWS, first + rows)))
        for call in range(first, first + rows, _CALL_ROWS)
    ]


if __name__ == "__main__":
    main()
