"""The rows of a change set as files for bulk import, each as full as Marketo takes it.

DuckDB makes the text of the lines, Arrow holds it in one piece, and a file is a slice of that: no row is ever a
Python object. An address is quoted where RFC 4180 asks for it. The address comes first and the flag last, since
Marketo leaves a last column out of its file of failures where that is empty in each of them
(reference of bulk lead import: help/rest-api/bulk-lead-import.md, AdobeDocs/marketo-developer.en).
"""

import secrets
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from marketo_provider.marketo.imports import ADDRESS_COLUMN, MAX_FILE_BYTES
from marketo_provider.state.ledger import COLUMNS, SCHEMA, LedgerRow, decode_row
from marketo_provider.state.workspace import Workspace, silent

_CHUNK_ROWS = 20_000
_ROW_BYTES_BESIDE_ADDRESS = len(",true\r\n")
_QUOTED = (
    "CASE WHEN contains(address, ',') OR contains(address, '\"') OR contains(address, chr(13)) "
    "OR contains(address, chr(10)) THEN '\"' || replace(address, '\"', '\"\"') || '\"' ELSE address END"
)


def rows_per_file(address_bytes: float) -> int:
    """Return how many rows a file has room for, with addresses of that length."""
    return int(MAX_FILE_BYTES // (address_bytes + _ROW_BYTES_BESIDE_ADDRESS))


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One file: what is uploaded, and a Parquet file with the ledger rows it sets, both in the scratch folder."""

    csv: Path
    rows: Path
    count: int


def write_import_files(
    workspace: Workspace,
    query: str,
    *,
    field: str,
    refuse: Callable[[LedgerRow], None],
    most_bytes: int = MAX_FILE_BYTES,
) -> Iterator[ImportFile]:
    """Yield files that set the field True for a query's rows; in the query's order they are as few as can be.

    A file is written when it is asked for, and the caller's to remove.

    Args:
        workspace: where to work.
        query: gives ledger rows, of which no address comes twice.
        field: REST API name of the flag.
        refuse: takes a row that no file has room for.
        most_bytes: the size of a file that Marketo still takes.
    """
    header = f"{ADDRESS_COLUMN},{field}\r\n".encode()
    lines = f"SELECT {COLUMNS}, {_QUOTED} || ',true' || chr(13) || chr(10) AS line FROM ({query})"
    file: _File | None = None
    for batch in workspace.batches(lines, _CHUNK_ROWS):
        text, ends = _text(batch.column("line"))
        rows = batch.select(SCHEMA.names).cast(SCHEMA)
        start = 0
        while start < len(rows):
            file = file or _File(workspace.scratch, header)
            stop = bisect_right(ends, ends[start] + most_bytes - file.size, lo=start) - 1
            if stop > start:
                file.write(text[ends[start] : ends[stop]], rows.slice(start, stop - start))
                start = stop
            elif file.count:
                yield file.finish()
                file = None
            else:
                refuse(decode_row(rows.slice(start, 1).to_pylist()[0]))
                start += 1
    if file and file.count:
        yield file.finish()


def _text(lines: "pa.Array[Any]") -> tuple[memoryview, memoryview]:
    """Return the bytes of all lines, and where in them each line begins and the last ends."""
    offsets, text = (memoryview(buffer) for buffer in lines.buffers()[1:] if buffer)
    return text, offsets.cast("i")[lines.offset : lines.offset + len(lines) + 1]


class _File:
    """A file that is being filled."""

    def __init__(self, folder: Path, header: bytes) -> None:
        name = secrets.token_hex(16)
        self._csv, self._rows = folder / f"{name}.csv", folder / f"{name}.parquet"
        self.size = self.count = 0
        with silent():
            self._lines = self._csv.open("wb")
            # Keys and addresses are nearly random: a dictionary of them is only larger.
            self._writer = pq.ParquetWriter(self._rows, SCHEMA, compression="lz4", use_dictionary=False)
        self._write(header)

    def write(self, lines: memoryview, rows: pa.RecordBatch) -> None:
        """Add some lines, and the ledger rows that they are of."""
        self._write(lines)
        with silent():
            self._writer.write_batch(rows)
        self.count += len(rows)

    def finish(self) -> ImportFile:
        """Close it."""
        with silent():
            self._lines.close()
            self._writer.close()
        return ImportFile(self._csv, self._rows, self.count)

    def _write(self, text: bytes | memoryview) -> None:
        with silent():
            self._lines.write(text)
        self.size += len(text)
