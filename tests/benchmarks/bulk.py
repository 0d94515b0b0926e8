"""bench-bulk: the files of a first load by bulk import, beside Python's csv module writing the same rows."""

import csv
from pathlib import Path

from marketo_provider.marketo.imports import MAX_FILE_BYTES
from marketo_provider.state.ledger import COLUMNS
from marketo_provider.state.store import LocalStore
from marketo_provider.state.workspace import quoted
from marketo_provider.sync.import_files import write_import_files
from tests.benchmarks import addresses
from tests.benchmarks.common import Limit, Stopwatch, Work, best, peer_duckdb, quotient, report, scratch, size

_FIELD = "mixpanelFlag"
_FEW = 300_000


def main() -> None:
    """Run it."""
    rows = size("MEMBERS", 3_000_000)
    with scratch() as folder:
        for count in (_FEW, rows):
            addresses.write_ledger(LocalStore(folder), f"{count}.parquet", 0, count)
        sides = {
            "import files": best(files, folder, rows),
            f"import files, {_FEW:,} rows": best(files, folder, _FEW),
            "csv module": best(csv_module, folder, rows),
        }
    ours, few, peer = sides.values()
    header = len(f"email,{_FIELD}\r\n")
    fewest = -(-(ours.bytes - int(ours.more["files"]) * header) // (MAX_FILE_BYTES - header))
    report(
        "bench-bulk",
        sides,
        [
            Limit("files / the fewest that hold the rows", quotient(ours.more["files"], fewest), "==", 1),
            Limit("csv module / import files", quotient(peer.seconds, ours.seconds), ">=", 3),
            Limit("peak memory / that of 300,000 rows", quotient(ours.rss_bytes, few.rss_bytes), "<=", 1.1),
        ],
    )


def files(folder: Path, rows: int) -> Work:
    """Write the files, each with the ledger rows in it, and remove each as after its upload."""
    watch, total, number = Stopwatch(), 0, 0
    with addresses.workspace(LocalStore(folder)) as workspace, watch.running():
        query = f"SELECT {COLUMNS} FROM read_parquet({quoted(folder / f'{rows}.parquet')})"
        for file in write_import_files(workspace, query, field=_FIELD, refuse=lambda _: None):
            total += file.csv.stat().st_size
            number += 1
            file.csv.unlink()
            file.rows.unlink()
    return Work(watch.seconds, rows, total, more={"files": number})


def csv_module(folder: Path, rows: int) -> Work:
    """Write the rows with Python's own writer, read by DuckDB some at a time; without ledger rows beside them."""
    watch, number = Stopwatch(), 0
    path = folder / "peer.csv"
    with peer_duckdb() as db, watch.running():
        found = db.execute(f"SELECT address FROM read_parquet({quoted(folder / f'{rows}.parquet')})")
        total = 0
        batch = found.fetchmany(100_000)
        while batch:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["email", _FIELD])
                while batch and file.tell() < MAX_FILE_BYTES * 0.7:
                    writer.writerows((address, "true") for (address,) in batch)
                    batch = found.fetchmany(100_000)
            total += path.stat().st_size
            number += 1
    return Work(watch.seconds, rows, total, more={"files": number})


if __name__ == "__main__":
    main()
