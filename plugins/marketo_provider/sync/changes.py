"""What to send: whatever the ledger and the snapshot disagree on. Rules 4 and 5 of the sync, in SQL.

Works on the views `ledger` and `members`; makes the tables `changes` (to be sent) and `forgotten` (rows that
become `false` without a request, so that whoever comes back enters anew).

A refusal waits for its next try in its own direction only. A `refused` row that may hold True is of an exit,
one that may not is of an entry; an entry that was refused in part is `unknown` with a code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from marketo_provider.state.ledger import COLUMNS, SCHEMA, LedgerRow, decode_row
from marketo_provider.state.records import OpenImport
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.comparison import RETRIED, find_suspects
from marketo_provider.sync.importing import load_importing
from marketo_provider.sync.ledger_counts import count_before

_CHUNK_ROWS = 3000


@dataclass(frozen=True, slots=True)
class Change:
    """One address to be set to `value`.

    `row` is the ledger's before the change (`false` where it had none), with the form to be sent. An exit has to
    reach `reach` too: the lead ids known for it, but those that a member's row holds by now. `create`: the
    request may create the lead. `importing`: it is in a file that is not known to have been imported yet.
    """

    row: LedgerRow
    value: bool
    create: bool
    reach: tuple[int, ...]
    importing: bool = False


@dataclass(frozen=True, slots=True)
class ChangeColumns:
    """Changes of one kind as columns: most of them never need an object of their own.

    `rows` has the ledger's columns and `reach`, `keys` the addresses as they are sent.
    """

    rows: pa.RecordBatch = field(repr=False)
    keys: list[str] = field(repr=False)
    value: bool
    create: bool

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Change]:
        """Yield them one by one."""
        return (_change(row, value=self.value, create=self.create) for row in self.rows.to_pylist())

    def cut(self, count: int) -> "tuple[ChangeColumns, ChangeColumns]":
        """Return the first `count`, and the others."""
        first = replace(self, rows=self.rows.slice(0, count), keys=self.keys[:count])
        return first, replace(self, rows=self.rows.slice(count), keys=self.keys[count:])

    def followed_by(self, other: "ChangeColumns") -> "ChangeColumns":
        """Return these and others of the same kind."""
        rows = pa.Table.from_batches([self.rows, other.rows]).combine_chunks().to_batches()
        return replace(self, rows=rows[0], keys=[*self.keys, *other.keys])

    def reached_by(self, lead_ids: list[int]) -> bool:
        """Return whether the leads that were written, one a change, are all that are to be reached."""
        if self.value:
            return True  # an entry has nobody else to reach
        reach: list[Any] = self.rows["reach"].to_pylist()
        return all(set(known) <= {lead_id} for known, lead_id in zip(reach, lead_ids, strict=True))

    @property
    def before(self) -> pa.RecordBatch:
        """The ledger's rows before the changes."""
        return self.rows.select(SCHEMA.names).cast(SCHEMA)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is to change, against what the ledger holds.

    `to_send` counts also what a full refresh asserts again: nobody enters or leaves by that.
    """

    entered: int
    exited: int
    to_send: int
    held: int
    ledger_rows: int


def find_changes(  # noqa: PLR0913 - each is a rule's own switch
    workspace: Workspace,
    *,
    now: datetime,
    exits: bool,
    create_leads: bool,
    full_refresh: bool,
    retry_refused: bool,
    imports: Sequence[OpenImport] = (),
    began_at: datetime | None = None,
) -> Extent:
    """Make the tables `changes`, `forgotten` and `counted`, and return how much there is to change.

    Args:
        workspace: has the views `ledger` and `members`.
        now: what a row's next try is compared with.
        exits: whether those who left are set False (a one-time export sets True only).
        create_leads: whether a member unknown to Marketo becomes a lead.
        full_refresh: assert every member, and every address that the ledger has `false`, again.
        retry_refused: do not wait for the next try of refused records.
        imports: the files that are under way.
        began_at: the run goes on since then. What it has sent beside a file under way, or was refused, it does
            not send again.
    """
    switches = {
        "now": now,
        "exits": exits,
        "create_leads": create_leads,
        "full_refresh": full_refresh,
        "retry_refused": retry_refused,
        "began_at": began_at,
    }
    load_importing(workspace, imports, sent_before=began_at is not None)
    find_suspects(workspace, switches)
    # One address, one request: whom a file that Marketo has taken will set True is not sent again meanwhile.
    workspace.run(
        "CREATE OR REPLACE TABLE found AS "
        "SELECT mine.key_high, mine.key_low, coalesce(known.address, mine.address) AS address, "
        "coalesce(flag, 'false') AS flag, coalesce(was_true, false) AS was_true, "
        "coalesce(may_hold, false) AS may_hold, code, coalesce(lead_ids, []) AS lead_ids, "
        "coalesce(tries, 0) AS tries, next_try, true AS value, "
        "$create_leads AND NOT coalesce(was_true, false) AND taken IS NULL AS create_lead, "
        "[]::BIGINT[] AS reach, taken IS NOT NULL AS importing, "
        "coalesce(enters, true) AND NOT coalesce(taken OR sent, false) AS enters "
        "FROM mine LEFT JOIN known USING (key_high, key_low) LEFT JOIN importing USING (key_high, key_low)",
        create_leads=create_leads,
    )
    workspace.run("CREATE OR REPLACE VIEW entering AS SELECT * EXCLUDE (enters) FROM found WHERE enters")
    workspace.run(
        f"CREATE OR REPLACE TABLE leaving AS SELECT {COLUMNS} FROM known ANTI JOIN found "
        "USING (key_high, key_low) ANTI JOIN (FROM importing WHERE sent) AS importing USING (key_high, key_low) "
        "WHERE leaves"
    )
    _find_reach(workspace)
    workspace.run(
        "CREATE OR REPLACE TABLE exiting AS "
        f"SELECT {COLUMNS}, false AS value, false AS create_lead, coalesce(reach, []) AS reach, "
        "importing.taken IS NOT NULL AS importing FROM leaving LEFT JOIN reaches USING (key_high, key_low) "
        "LEFT JOIN importing USING (key_high, key_low) WHERE ($full_refresh AND flag = 'false') "
        f"OR (may_hold AND (flag <> 'refused' OR $full_refresh OR {RETRIED} "
        "OR coalesce(next_try <= $now, true)))",
        now=now,
        full_refresh=full_refresh,
        retry_refused=retry_refused,
        began_at=began_at,
    )
    workspace.run(
        "CREATE OR REPLACE TABLE forgotten AS "
        f"SELECT {COLUMNS} FROM leaving WHERE NOT may_hold AND flag IN ('refused', 'absent')"
    )
    workspace.run(
        "CREATE OR REPLACE TABLE changes AS SELECT *, false AS by_file FROM (FROM exiting UNION ALL FROM entering)"
    )
    count_before(workspace)
    row = workspace.row(
        "SELECT (SELECT count(*) FROM entering WHERE flag <> 'true'), "
        "(SELECT count(*) FROM exiting WHERE may_hold), (SELECT count(*) FROM changes), "
        "coalesce(sum(addresses) FILTER (flag IN ('true', 'unknown')), 0)::BIGINT, "
        "coalesce(sum(addresses), 0)::BIGINT FROM counted"
    )
    return Extent(*row)


def _find_reach(workspace: Workspace) -> None:
    """Make the table `reaches`: the lead ids of those who leave, but those that a member's row holds by now."""
    workspace.run(
        "CREATE OR REPLACE TABLE leaving_leads AS "
        "SELECT key_high, key_low, unnest(lead_ids) AS lead_id FROM leaving"
    )
    workspace.run(
        "CREATE OR REPLACE TABLE passed_on AS SELECT DISTINCT lead_id FROM ("
        "FROM (SELECT key_high, key_low, unnest(lead_ids) AS lead_id FROM ledger WHERE may_hold) "
        "SEMI JOIN leaving_leads USING (lead_id)) ANTI JOIN leaving USING (key_high, key_low)"
    )
    workspace.run(
        "CREATE OR REPLACE TABLE reaches AS SELECT key_high, key_low, list(lead_id ORDER BY lead_id) AS reach "
        "FROM leaving_leads ANTI JOIN passed_on USING (lead_id) GROUP BY key_high, key_low"
    )


def keep_first(workspace: Workspace, most: int) -> int:
    """Keep at most `most` changes, exits first; return how many are left to the next run."""
    count: int
    (count,) = workspace.row("SELECT count(*) FROM changes")
    if count > most:
        workspace.run(
            "CREATE OR REPLACE TABLE changes AS FROM changes ORDER BY value, key_high, key_low LIMIT $most",
            most=most,
        )
    return max(0, count - most)


def intended_rows(may_hold: str = "true") -> str:
    """Return the query of the ledger rows of those to be sent: `unknown`, and they may hold True from here on."""
    return (
        "SELECT key_high, key_low, address, 'unknown' AS flag, flag = 'true' OR was_true AS was_true, "
        f"{may_hold} AS may_hold, NULL::VARCHAR AS code, lead_ids, tries, NULL::TIMESTAMPTZ AS next_try "
        "FROM changes"
    )


def intent_rows() -> str:
    """Return the query of the ledger rows that an intent announces."""
    return (
        f"{intended_rows()} UNION ALL "
        "SELECT key_high, key_low, address, 'false', false, false, NULL, lead_ids, 0, NULL FROM forgotten"
    )


def changes_of(workspace: Workspace, *, value: bool) -> Iterator[Change | ChangeColumns]:
    """Yield the exits (`value` False) or the entries (True), a few thousand in memory at a time.

    Those that may create a lead come last. Who is in a file under way comes alone.
    """
    importing = workspace.batches(
        f"SELECT {COLUMNS}, reach FROM changes WHERE value = $value AND importing", _CHUNK_ROWS, value=value
    )
    for batch in importing:
        yield from (_change(row, value=value, create=False, importing=True) for row in batch.to_pylist())
    for create in (False, True):
        batches = workspace.batches(
            f"SELECT {COLUMNS}, reach FROM changes WHERE value = $value AND create_lead = $create "
            "AND NOT by_file AND NOT importing",
            _CHUNK_ROWS,
            value=value,
            create=create,
        )
        for batch in batches:
            addresses: list[Any] = batch["address"].to_pylist()
            yield ChangeColumns(batch, addresses, value, create)


def _change(row: dict[str, Any], *, value: bool, create: bool, importing: bool = False) -> Change:
    return Change(decode_row(row), value, create, tuple(row["reach"]), importing)
