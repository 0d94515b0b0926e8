"""The ledger: for every address ever sent, what Marketo holds, as far as we know.

It lies in Parquet: a base, and deltas that overlay it in order. All of them, intents and journals among them,
are rows of one schema, so that a settle is one record that names files.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace, parquet

# Deltas are folded into the base once they hold a quarter of its rows: then a settle costs what changed.
_FOLD_SHARE = 4


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
        return cls(int.from_bytes(digest[:8]), int.from_bytes(digest[8:]))


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
    table = pa.Table.from_pylist(
        [
            {
                "key_high": row.key.high,
                "key_low": row.key.low,
                "address": row.address,
                "flag": row.flag.value,
                "was_true": row.was_true,
                "may_hold": row.may_hold,
                "code": row.code,
                "lead_ids": row.lead_ids,
                "tries": row.tries,
                "next_try": row.next_try,
            }
            for row in rows
        ],
        schema=SCHEMA,
    )
    return parquet(table)


def decode_row(row: Mapping[str, Any]) -> LedgerRow:
    """Return the ledger row that a query's row of `COLUMNS` holds."""
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


def load_ledger(workspace: Workspace, target: Target) -> None:
    """Make the view `ledger` (and the table `delta`) of a target's files."""
    workspace.run("DROP VIEW IF EXISTS ledger")
    _load_deltas(workspace, target.deltas)
    base = f"read_parquet({workspace.fetch(target.base)})" if target.base else "(FROM delta LIMIT 0)"
    workspace.run(
        f"CREATE VIEW ledger AS SELECT {COLUMNS} FROM {base} AS base ANTI JOIN delta USING (key_high, key_low)"
        f" UNION ALL SELECT {COLUMNS} FROM delta"
    )


def settle_ledger(workspace: Workspace, target: Target, folder: str) -> tuple[str | None, int, tuple[str, ...]]:
    """Write the ledger of `target` as few files, and return base, base's rows and deltas.

    Args:
        workspace: where to work.
        target: the state to be settled.
        folder: a folder of the store that no other settle writes to.
    """
    load_ledger(workspace, target)
    (delta_rows,) = workspace.row("SELECT count(*) FROM delta")
    if not delta_rows:
        return target.base, target.base_rows, ()
    if delta_rows * _FOLD_SHARE < target.base_rows:
        path = f"{folder}/delta.parquet"
        workspace.save(f"SELECT {COLUMNS} FROM delta", path)
        return target.base, target.base_rows, (path,)
    path = f"{folder}/base.parquet"
    (rows,) = workspace.row("SELECT count(*) FROM ledger")
    workspace.save(f"SELECT {COLUMNS} FROM ledger", path)
    return path, rows, ()


def _load_deltas(workspace: Workspace, deltas: Sequence[str]) -> None:
    workspace.run("DROP TABLE IF EXISTS delta")
    columns = ", ".join(f"{name} {_SQL_TYPES[name]}" for name in SCHEMA.names)
    workspace.run(f"CREATE TABLE delta ({columns})")
    if not deltas:
        return
    layers = " UNION ALL ".join(
        f"SELECT {COLUMNS}, {order} AS layer FROM read_parquet({workspace.fetch(path)})"
        for order, path in enumerate(deltas)
    )
    workspace.run(
        f"INSERT INTO delta SELECT {COLUMNS} FROM ({layers}) "
        "QUALIFY row_number() OVER (PARTITION BY key_high, key_low ORDER BY layer DESC) = 1"
    )


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
