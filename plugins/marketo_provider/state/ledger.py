"""The ledger: for every address ever sent, what Marketo holds, as far as we know.

It lies in Parquet: a base, and deltas that overlay it in order. All of them, intents and journals among them,
are rows of one schema, so that a settle is one record that names files.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace, parquet

# A settle costs what changed: deltas are folded into the base once they hold a quarter of its rows, and into
# one delta once they are more than a day's.
_FOLD_SHARE = 4
_MOST_DELTAS = 12


class Flag(StrEnum):
    """What Marketo holds for an address.

    `unknown`: sent or about to be, no answer yet. `absent`: a member whom Marketo does not know. `refused`:
    Marketo refused the record.
    """

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Key:
    """An address in lower case, as 128 bits of MD5."""

    high: int
    low: int

    @classmethod
    def of(cls, address: str) -> "Key":
        """Return the key of a valid address."""
        digest = hashlib.md5(address.lower().encode(), usedforsecurity=False).digest()
        return cls(int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))

    @property
    def sql(self) -> str:
        """Return the condition that a row is this key's."""
        return f"(key_high = {self.high} AND key_low = {self.low})"


def key_sql(address: str) -> str:
    """Return the columns `key_high` and `key_low` of an SQL expression that is an address."""
    # One call, of which DuckDB shares the value: MD5 is most of what a snapshot costs after its download.
    digest = f"md5_number(lower({address}))"
    return f"({digest} & 18446744073709551615)::UBIGINT AS key_high, ({digest} >> 64)::UBIGINT AS key_low"


def wait_sql(tries: str) -> str:
    """Return how long a record waits for its next try, 1, 2, 4 ... 30 days, after so many before it."""
    return f"to_days(least(1 << least({tries}, 5), 30))"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One address.

    `address` is the form sent. `was_true`: Marketo acknowledged True for it, and never False since.
    `may_hold`: a lead of it may hold True. `tries` counts refusals or absences in a row, after which
    `next_try` was set.
    """

    key: Key
    address: str = field(repr=False)
    flag: Flag
    was_true: bool = False
    may_hold: bool = False
    code: str | None = None
    lead_ids: tuple[int, ...] = ()
    tries: int = 0
    next_try: datetime | None = None


SCHEMA: pa.Schema = pa.schema(
    [  # type: ignore[arg-type] # the stubs know no list of mixed types
        ("key_high", pa.uint64()),
        ("key_low", pa.uint64()),
        ("address", pa.string()),
        ("flag", pa.string()),
        ("was_true", pa.bool_()),
        ("may_hold", pa.bool_()),
        ("code", pa.string()),
        ("lead_ids", pa.list_(pa.int64())),
        ("tries", pa.int32()),
        ("next_try", pa.timestamp("us", tz="UTC")),
    ]
)
COLUMNS = ", ".join(SCHEMA.names)


def encode_rows(rows: Iterable[LedgerRow]) -> bytes:
    """Return ledger rows as a Parquet file."""
    return encode_columns([column_rows(rows)])


def encode_columns(batches: Iterable[pa.RecordBatch]) -> bytes:
    """Return ledger rows that are columns of `SCHEMA` as a Parquet file."""
    return parquet(pa.Table.from_batches(batches, schema=SCHEMA))


def column_rows(rows: Iterable[LedgerRow]) -> pa.RecordBatch:
    """Return ledger rows as columns of `SCHEMA`."""
    rows = list(rows)
    columns: list[Sequence[object]] = [
        [row.key.high for row in rows],
        [row.key.low for row in rows],
        [row.address for row in rows],
        [row.flag.value for row in rows],
        [row.was_true for row in rows],
        [row.may_hold for row in rows],
        [row.code for row in rows],
        [row.lead_ids for row in rows],
        [row.tries for row in rows],
        [row.next_try for row in rows],
    ]
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def decode_row(row: Mapping[str, Any]) -> LedgerRow:
    """Return the ledger row that a query's row of `COLUMNS` holds.

    Raises:
        StoreUnusable: it is none that was ever written.
    """
    try:
        return LedgerRow(
            key=Key(row["key_high"], row["key_low"]),
            address=row["address"],
            flag=Flag(row["flag"]),
            was_true=row["was_true"],
            may_hold=row["may_hold"],
            code=row["code"],
            lead_ids=tuple(row["lead_ids"]),
            tries=row["tries"],
            next_try=row["next_try"],
        )
    except (TypeError, ValueError):
        raise StoreUnusable(
            "A row of the ledger is not what was written. Nothing more was sent. "
            "`python -m marketo_provider state verify` names the file."
        ) from None


def load_ledger(workspace: Workspace, target: Target) -> None:
    """Make the views `ledger` and `delta` of a target's files."""
    base = f"read_parquet({workspace.fetch(target.base)})" if target.base else _NO_ROWS
    newest = newest_rows(workspace, target.deltas)
    if len(target.deltas) > 1:
        newest = f"FROM read_parquet({workspace.set_aside(newest)})"
    workspace.run(f"CREATE OR REPLACE VIEW delta AS {newest}")
    if target.deltas:
        base = f"{base} AS base ANTI JOIN delta USING (key_high, key_low) UNION ALL SELECT {COLUMNS} FROM delta"
    workspace.run(f"CREATE OR REPLACE VIEW ledger AS SELECT {COLUMNS} FROM {base}")


def settle_ledger(workspace: Workspace, target: Target, folder: str) -> tuple[str | None, int, tuple[str, ...]]:
    """Write what came since the last settle as one delta, and return base, base's rows and deltas.

    Args:
        workspace: where to work.
        target: the state to be settled.
        folder: a folder of the store that no other settle writes to.
    """
    settled = target.settled.deltas if target.settled else ()
    fresh = target.deltas[len(settled) :]
    deltas = settled
    if _stored_rows(workspace, fresh):
        deltas = (*settled, f"{folder}/delta.parquet")
        workspace.save(newest_rows(workspace, fresh), deltas[-1])
    delta_rows = _stored_rows(workspace, deltas)
    if delta_rows and delta_rows * _FOLD_SHARE >= target.base_rows:
        path = f"{folder}/base.parquet"
        load_ledger(workspace, replace(target, deltas=deltas))
        workspace.save("FROM ledger", path)
        return path, _stored_rows(workspace, (path,)), ()
    if len(deltas) > _MOST_DELTAS:
        path = f"{folder}/deltas.parquet"
        workspace.save(newest_rows(workspace, deltas), path)
        deltas = (path,)
    return target.base, target.base_rows, deltas


def _stored_rows(workspace: Workspace, paths: Sequence[str]) -> int:
    """Return how many rows some files hold; they say so themselves."""
    if not paths:
        return 0
    rows: int
    (rows,) = workspace.row(f"SELECT count(*) FROM read_parquet([{', '.join(map(workspace.fetch, paths))}])")
    return rows


def newest_rows(workspace: Workspace, deltas: Sequence[str]) -> str:
    """Return the query of the deltas' rows, of each key the newest."""
    if not deltas:
        return f"FROM {_NO_ROWS}"
    files = f"read_parquet([{', '.join(map(workspace.fetch, deltas))}])"
    if len(deltas) == 1:
        return f"SELECT {COLUMNS} FROM {files}"
    newest = f"SELECT key_high, key_low, max(file_index) AS file_index FROM {files} GROUP BY key_high, key_low"
    return f"SELECT {COLUMNS} FROM {files} SEMI JOIN ({newest}) USING (key_high, key_low, file_index)"


_SQL_TYPES = {
    "key_high": "UBIGINT",
    "key_low": "UBIGINT",
    "address": "VARCHAR",
    "flag": "VARCHAR",
    "was_true": "BOOLEAN",
    "may_hold": "BOOLEAN",
    "code": "VARCHAR",
    "lead_ids": "BIGINT[]",
    "tries": "INTEGER",
    "next_try": "TIMESTAMPTZ",
}
_NO_ROWS = f"(SELECT {', '.join(f'NULL::{_SQL_TYPES[name]} AS {name}' for name in SCHEMA.names)} LIMIT 0)"
