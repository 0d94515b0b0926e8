"""The CSV files of a bulk import, each filled to just under Marketo's limit, and the ledger rows in each.

RFC 4180 and UTF-8, API names in the header, the address first and the never-empty Boolean last: where the last
cell of a failed row is empty, Marketo's failures file can lose columns. No cell needs quoting, since what is an
address has neither quotes nor commas nor line breaks (`sync.address`).

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from marketo_provider.marketo.imports import MAX_FILE_BYTES
from marketo_provider.state.ledger import SCHEMA

_ROW_END = ",true\r\n"


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One file to be uploaded, and a Parquet file of the ledger rows in it."""

    csv: Path
    ledger_rows: Path
    rows: int


def write_import_files(
    rows: Iterable[pa.RecordBatch], folder: Path, *, field: str, most_bytes: int = MAX_FILE_BYTES
) -> Iterator[ImportFile]:
    """Write one file after the other, each when it is asked for.

    Args:
        rows: ledger rows, in the ledger's columns.
        folder: where to write.
        field: the API name of the Boolean field.
        most_bytes: the limit of a file.
    """
    header = f"email,{field}\r\n".encode()
    source = iter(rows)
    batch = next(source, None)
    number = 0
    while batch is not None:
        csv, parquet = folder / f"import-{number}.csv", folder / f"import-{number}.parquet"
        number += 1
        free, count = most_bytes - len(header), 0
        with csv.open("wb") as file, pq.ParquetWriter(parquet, SCHEMA, compression="zstd") as writer:
            file.write(header)
            while batch is not None:
                lines = _lines(batch)
                ends = pc.cumulative_sum(pc.binary_length(lines).cast(pa.int64()))
                fit = pc.sum(pc.less_equal(ends, pa.scalar(free)).cast(pa.int64())).as_py() or 0
                if fit:
                    size = ends[fit - 1].as_py()
                    file.write(_text(lines, size))
                    writer.write_batch(batch.slice(0, fit).cast(SCHEMA))
                    free -= size
                    count += fit
                if fit < batch.num_rows:
                    batch = batch.slice(fit)
                    break
                batch = next(source, None)
        if not count:
            raise ValueError("a row alone is larger than a file may be")
        yield ImportFile(csv, parquet, count)


def _lines(batch: pa.RecordBatch) -> pa.StringArray:
    addresses = batch.column("address").cast(pa.string())
    joined = pc.binary_join_element_wise(addresses, pa.scalar(_ROW_END), pa.scalar(""))  # type: ignore[call-overload] # scalars are taken too
    return cast("pa.StringArray", joined)


def _text(lines: pa.StringArray, size: int) -> memoryview:
    """Return the first `size` bytes of an array's texts, which lie one behind the other."""
    texts = lines.buffers()[2]
    if texts is None:
        raise ValueError("an array of no texts")
    return memoryview(texts)[:size]
