"""The journal: answers made durable while a run works, every ten seconds or 3,000 records."""

import secrets

import pyarrow as pa

from marketo_provider.clock import Clock
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import LedgerRow, column_rows, encode_columns
from marketo_provider.state.records import Journaled

_MOST_ROWS = 3000
_MOST_SECONDS = 10


class Journal:
    """Collects ledger rows and writes them in pieces, each named by a record of the log."""

    def __init__(self, lease: Lease, clock: Clock) -> None:
        self.pieces: list[str] = []
        self._lease = lease
        self._clock = clock
        self._rows: list[LedgerRow] = []
        self._columns: list[pa.RecordBatch] = []
        self._count = 0
        self._since = clock.monotonic()

    def add(self, row: LedgerRow) -> None:
        """Add an answer."""
        self._begin(1)
        self._rows.append(row)

    def add_columns(self, rows: pa.RecordBatch) -> None:
        """Add answers that are columns of the ledger's schema."""
        self._begin(rows.num_rows)
        self._columns.append(rows)

    def _begin(self, count: int) -> None:
        if not self._count:
            self._since = self._clock.monotonic()
        self._count += count

    def keep(self) -> None:
        """Write where it is time to."""
        if self._count >= _MOST_ROWS or self._clock.monotonic() - self._since >= _MOST_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is there."""
        if not self._count:
            return
        path = f"{self._lease.log.folder}/journals/{secrets.token_hex(16)}.parquet"
        # What is collected stays as it is until it is durable: a flush that failed is repeated.
        rows = [column_rows(self._rows)] if self._rows else []
        self._lease.log.store.write(path, encode_columns([*self._columns, *rows]))
        self._lease.append(Journaled(at=self._clock.now(), by=self._lease.holder, rows=path))
        self.pieces.append(path)
        self._rows, self._columns, self._count = [], [], 0
