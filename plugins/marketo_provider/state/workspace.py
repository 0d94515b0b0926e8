"""DuckDB at work for one task: in a scratch folder of its own, within a memory limit, silent about values."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.hashes import Array, Hashes
from marketo_provider.state.scratch import Scratch
from marketo_provider.state.store import Store

BATCH_ROWS = 122_880  # DuckDB's own row group
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError)  # the last by a column's name
_LIKE_A_FORMULA = "address[1] IN ('=', '+', '-', '@', '''')"
_RESTORE = (
    "Nothing more was sent. Restore it from the store's backup; where it is one of the ledger's, "
    "`python -m marketo_provider state repair` rebuilds the ledger from Marketo."
)


class Workspace:
    """A DuckDB connection and a scratch folder that both end with the `with` block.

    Args:
        store: where the Parquet files lie.
        memory_limit: DuckDB's, such as `512MiB`; beyond it DuckDB spills to the scratch folder.
    """

    def __init__(self, store: Store, *, memory_limit: str) -> None:
        self.store = store
        self._fetched: dict[Path, str] = {}
        self._folder = Scratch()
        self.scratch = self._folder.path
        with silent():
            self._duckdb = duckdb.connect(
                config={
                    "memory_limit": memory_limit,
                    "temp_directory": str(self.scratch / "spill"),
                    "preserve_insertion_order": "false",
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                }
            )
            self._duckdb.execute("SET enable_progress_bar = false")  # it would be printed into the task's log

    def __enter__(self) -> Self:
        """Return the workspace."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close DuckDB and remove the scratch folder."""
        self._duckdb.close()
        self._folder.remove()

    def run(self, sql: str, **parameters: Any) -> None:
        """Execute a statement.

        Raises:
            StoreUnusable: DuckDB could not; its own message may quote an address and is not repeated.
        """
        self._execute(sql, parameters)

    def row(self, sql: str, **parameters: Any) -> tuple[Any, ...]:
        """Return the one row of a query."""
        found: tuple[Any, ...] | None = self._execute(sql, parameters).fetchone()
        if found is None:
            raise StoreUnusable(
                "A query on the state store gave no row. Nothing more was sent. Report this to the maintainers of "
                "this provider."
            )
        return found

    def batches(self, sql: str, size: int, **parameters: Any) -> Iterator[pa.RecordBatch]:
        """Yield a query's rows, some `size` at a time; other statements may run in between."""
        with self._duckdb.cursor() as cursor, self._naming_damage(), silent():
            reader = cursor.sql(sql, params=parameters or None).to_arrow_reader(size)
            yield from reader

    def hashes(self, sql: str, **parameters: Any) -> Hashes:
        """Return the hashes that are a query's one column."""
        hashes = Hashes(self.scratch)
        with silent():
            for batch in self.batches(sql, BATCH_ROWS, **parameters):
                hashes.add(batch.column(0).to_numpy())
        return hashes

    def keep(self, hashes: Array, table: str) -> None:
        """Make a table of one column, `hash`."""
        with silent():
            self._duckdb.execute(f"DROP TABLE IF EXISTS {table}")
            self._duckdb.from_arrow(pa.table({"hash": hashes})).to_table(table)

    def fetch(self, path: str) -> str:
        """Return a local copy of a stored file, quoted for SQL.

        Raises:
            StoreUnusable: it is missing, or cut off.
        """
        try:
            local = self.store.fetch(path, self.scratch)
        except FileNotFoundError:
            raise StoreUnusable(f"The state store's file {path} is missing. {_RESTORE}") from None
        if path.endswith(".parquet"):
            self._fetched[local] = path
            try:
                pq.read_metadata(local)
            except _UNREADABLE:
                raise StoreUnusable(f"The state store's file {path} is damaged. {_RESTORE}") from None
        return quoted(local)

    def set_aside(self, query: str) -> str:
        """Write a query's rows to a Parquet file in the scratch folder, and return its path, quoted for SQL."""
        return quoted(self._copy(query))

    def save(self, query: str, path: str) -> None:
        """Store a query's rows as a Parquet file."""
        self.store.publish(self._copy(query), path)

    def save_csv(self, query: str, path: str) -> None:
        """Store a query's rows, of which one column is `address`, as a CSV file with a header, for people.

        An address that a spreadsheet would take for a formula stands behind a `'`, and so does one that begins
        with that; `csv_rows` takes it away again.
        """
        local = self.scratch / secrets.token_hex(16)
        rows = f"SELECT * REPLACE (CASE WHEN {_LIKE_A_FORMULA} THEN '''' || address ELSE address END AS address)"
        self.run(f"COPY ({rows} FROM ({query})) TO {quoted(local)} (FORMAT csv, HEADER)")
        self.store.publish(local, path)

    def _copy(self, query: str) -> Path:
        local = self.scratch / secrets.token_hex(16)
        # Keys and addresses are nearly random: what compresses slowly is hardly smaller.
        self.run(f"COPY ({query}) TO {quoted(local)} (FORMAT parquet, COMPRESSION lz4_raw)")
        return local

    def _execute(self, sql: str, parameters: dict[str, Any]) -> duckdb.DuckDBPyConnection:
        with self._naming_damage(), silent():
            return self._duckdb.execute(sql, parameters or None)

    @contextmanager
    def _naming_damage(self) -> Iterator[None]:
        """Where DuckDB fails, look whether a stored file is the cause: its own message may quote an address."""
        try:
            yield
        except StoreUnusable:
            for local, path in self._fetched.items():
                if not is_readable(local):
                    raise StoreUnusable(f"The state store's file {path} is damaged. {_RESTORE}") from None
            raise


@contextmanager
def silent() -> Iterator[None]:
    """Keep the messages of DuckDB and Arrow, which may quote an address, out of logs.

    Raises:
        StoreUnusable: instead of their own errors.
    """
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:  # Arrow hands DuckDB's errors on as OSError
        raise StoreUnusable(
            f"DuckDB could not work on the state store ({type(error).__name__}). Nothing more was sent. "
            "Look for a full disk, a memory limit that is too small, or a damaged file."
        ) from None


def csv_rows(local: str, columns: Iterable[str]) -> str:
    """Return where the rows of a CSV are to be had that `save_csv` wrote; `local` is quoted for SQL."""
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in columns)
    return (
        "(SELECT * REPLACE (regexp_replace(address, '^''', '') AS address) FROM "
        f"read_csv({local}, columns = {{{types}}}, header = true, delim = ',', quote = '\"', escape = '\"', "
        "auto_detect = false))"
    )


def is_readable(local: Path) -> bool:
    """Whether all of a Parquet file can be read."""
    try:
        with pq.ParquetFile(local) as file:
            for batch in file.iter_batches():
                batch.validate(full=True)
    except _UNREADABLE:
        return False
    return True


def quoted(path: Path) -> str:
    """Return a local path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def parquet(table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    sink = pa.BufferOutputStream()
    # Pieces are small and short-lived, and hold what is nearly random: dictionaries and statistics only cost time.
    pq.write_table(table, sink, compression="lz4", use_dictionary=False, write_statistics=False)
    return sink.getvalue().to_pybytes()
