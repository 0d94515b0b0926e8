"""bench-diff: a snapshot compared with the ledger, beside plain DuckDB, Polars, and sort with comm."""

import os
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from marketo_provider.state.ledger import load_ledger
from marketo_provider.state.snapshots import Session, Snapshot, SnapshotFolder
from marketo_provider.state.store import LocalStore
from marketo_provider.state.workspace import Workspace, quoted
from marketo_provider.sync.changes import find_changes, intent_rows
from tests.benchmarks import addresses
from tests.benchmarks.common import MIB, Limit, Stopwatch, Work, best, peer_duckdb, quotient, report, scratch, size

_PAGE_SIZE = 5000
_SNAPSHOT = "00000001"
# Parts of what the snapshot's completion cannot do without, each with those before.
_STEPS = {
    "pages_read_s": "bit_xor(strlen(profile)), bit_xor(strlen(address))",
    "and_ids_hashed_s": "bit_xor(hash(profile)), bit_xor(strlen(address))",
    "and_lower_case_s": "bit_xor(hash(profile)), bit_xor(strlen(lower(address)))",
    "and_md5_s": "bit_xor(hash(profile)), bit_xor(md5_number(lower(address)))",
}
_BASE = f"{addresses.TARGET}/ledger/base.parquet"


class _KeepsPages(LocalStore):
    """A snapshot's pages are folded once a round."""

    def delete(self, path: str) -> None:
        """Keep it."""


def main() -> None:
    """Run it."""
    rows = size("ROWS", 30_000_000)
    with scratch() as folder:
        _set_up(folder, rows)
        sides = {
            "prepare": best(prepare, folder, rows),
            "diff": best(diff, folder),
            "floor: read and hash": best(floor, folder),
            "DuckDB anti-joins": best(plain_duckdb, folder),
            "Polars anti-joins": best(plain_polars, folder),
            "sort + comm": best(sort_and_comm, folder),
        }
    prepare_s, diff_s = sides["prepare"].seconds, sides["diff"].seconds
    ours = prepare_s + diff_s
    peak = max(sides["prepare"].rss_bytes, sides["diff"].rss_bytes)
    report(
        "bench-diff",
        sides,
        [
            Limit("diff / floor", quotient(diff_s, sides["floor: read and hash"].seconds), "<=", 5),
            Limit("DuckDB / (prepare + diff)", quotient(sides["DuckDB anti-joins"].seconds, ours), ">=", 1.5),
            Limit("Polars / (prepare + diff)", quotient(sides["Polars anti-joins"].seconds, ours), ">=", 2),
            Limit("sort + comm / (prepare + diff)", quotient(sides["sort + comm"].seconds, ours), ">=", 5),
            Limit("peak MiB of prepare and diff", quotient(peak, MIB), "<=", 1024),
        ],
    )


def prepare(folder: Path, rows: int) -> Work:
    """From pages to members: hashing, looking for duplicates, writing; all of it counts as `prepare_s`."""
    watch = Stopwatch()
    snapshot = SnapshotFolder(_KeepsPages(folder), addresses.TARGET, _SNAPSHOT)
    with addresses.workspace(LocalStore(folder)) as workspace:
        with watch.running():
            counts = snapshot.count(workspace, _session(rows))
            snapshot.complete(workspace, _complete(rows))
        steps = {name: _step(workspace, work) for name, work in _STEPS.items()}
    members = folder / addresses.TARGET / "snapshots" / _SNAPSHOT / "addresses.parquet"
    return Work(watch.seconds, counts.members, members.stat().st_size, more=steps)


def _step(workspace: Workspace, work: str) -> float:
    """Return the seconds that a part of the work takes for itself, reading the pages included."""
    watch = Stopwatch()
    with watch.running():
        workspace.row(f"SELECT {work} FROM pages")
    return watch.seconds


def diff(folder: Path) -> Work:
    """Compare, and write the change set as the intent."""
    watch = Stopwatch()
    store = LocalStore(folder)
    ledger_rows = pq.read_metadata(folder / _BASE).num_rows
    with addresses.workspace(store) as workspace, watch.running():
        load_ledger(workspace, addresses.target(_BASE, ledger_rows, ()))
        SnapshotFolder(store, addresses.TARGET, _SNAPSHOT).load_members(workspace)
        extent = find_changes(
            workspace,
            now=addresses.BEGUN_AT,
            exits=True,
            create_leads=True,
            full_refresh=False,
            retry_refused=False,
        )
        workspace.save(intent_rows(), "changes.parquet")
    return Work(watch.seconds, extent.entered + extent.exited, (folder / "changes.parquet").stat().st_size)


def floor(folder: Path) -> Work:
    """DuckDB reads and hashes both files' address column once."""
    watch = Stopwatch()
    with peer_duckdb() as db, watch.running():
        hashed = " + ".join(
            f"(SELECT bit_xor(hash(address)) FROM {quoted(path)})::HUGEINT" for path in _plain(folder)
        )
        db.execute(f"SELECT {hashed}").fetchall()
    return Work(watch.seconds, 0, sum(path.stat().st_size for path in _plain(folder)))


def plain_duckdb(folder: Path) -> Work:
    """DuckDB's anti-joins both ways, within its default memory."""
    watch = Stopwatch()
    before, after = map(quoted, _plain(folder))
    written = [folder / "in.parquet", folder / "out.parquet"]
    with peer_duckdb() as db, watch.running():
        for mine, other, path in ((after, before, written[0]), (before, after, written[1])):
            db.execute(
                f"COPY (SELECT address FROM {mine} AS mine ANTI JOIN {other} AS other USING (address)) "
                f"TO {quoted(path)} (FORMAT parquet)"
            )
    return _written(watch, written)


def plain_polars(folder: Path) -> Work:
    """Polars' streaming anti-joins both ways."""
    watch = Stopwatch()
    before, after = _plain(folder)
    written = [folder / "in.parquet", folder / "out.parquet"]
    with watch.running():
        for mine, other, path in ((after, before, written[0]), (before, after, written[1])):
            lazy = pl.scan_parquet(mine).join(pl.scan_parquet(other), on="address", how="anti")
            lazy.sink_parquet(path, engine="streaming")
    return _written(watch, written)


def sort_and_comm(folder: Path) -> Work:
    """Sort both files of text, then comm both ways."""
    watch = Stopwatch()
    command = (
        "sort -T . before.txt -o before.sorted && sort -T . after.txt -o after.sorted && "
        "comm -13 before.sorted after.sorted > in.txt && comm -23 before.sorted after.sorted > out.txt"
    )
    with watch.running():
        subprocess.run(  # noqa: S603 - the command stands above
            ["/bin/sh", "-c", command], cwd=folder, env={**os.environ, "LC_ALL": "C"}, check=True
        )
    written = [folder / "in.txt", folder / "out.txt"]
    rows = sum(path.read_bytes().count(b"\n") for path in written)
    return Work(watch.seconds, rows, sum(path.stat().st_size for path in written))


def _set_up(folder: Path, rows: int) -> None:
    moved = rows // 50
    store = LocalStore(folder)
    addresses.write_ledger(store, _BASE, 0, rows)
    for path, first in zip(_plain(folder), (0, moved), strict=True):
        addresses.write_addresses(path, first, rows)
        with peer_duckdb() as db:
            db.execute(
                f"COPY (SELECT address FROM {quoted(path)}) TO {quoted(path.with_suffix('.txt'))} "
                "(FORMAT csv, HEADER false)"
            )
    snapshot = SnapshotFolder(store, addresses.TARGET, _SNAPSHOT)
    for number, page in enumerate(addresses.pages(_plain(folder)[1], _PAGE_SIZE)):
        snapshot.add_page(number, page, page, [None] * len(page))


def _plain(folder: Path) -> tuple[Path, Path]:
    return folder / "before.parquet", folder / "after.parquet"


def _written(watch: Stopwatch, paths: list[Path]) -> Work:
    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    return Work(watch.seconds, rows, sum(path.stat().st_size for path in paths))


def _session(rows: int) -> Session:
    return Session(
        session_id="bench",
        total=rows,
        page_size=_PAGE_SIZE,
        project_id=1,
        workspace_id=None,
        cohort_id=1,
        begun_at=addresses.BEGUN_AT,
    )


def _complete(rows: int) -> Snapshot:
    return Snapshot(
        name=_SNAPSHOT,
        number=1,
        project_id=1,
        workspace_id=None,
        cohort_id=1,
        begun_at=addresses.BEGUN_AT,
        completed_at=addresses.BEGUN_AT,
        profiles=rows,
        missing_profiles=0,
        without_email=0,
        invalid_email=0,
        duplicate_email=0,
        members=rows,
    )


if __name__ == "__main__":
    main()
