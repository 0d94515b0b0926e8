"""Where the ledger and the cohort may disagree: of millions of rows the few that are worth a look.

Hashes of 64 bits are compared, and sums of the keys' other bits tell whether they have overlooked anybody.
"""

import secrets
from typing import Any

from marketo_provider.state.hashes import differing
from marketo_provider.state.ledger import COLUMNS, wait_sql
from marketo_provider.state.workspace import Workspace

# Whether a person asks for a refused record again, and the run that goes on has not: it waits from its refusal on.
RETRIED = (
    f"($retry_refused AND coalesce(next_try - {wait_sql('greatest(tries - 1, 0)')} "
    "< $began_at::TIMESTAMPTZ, true))"
)
# Whether a ledger row is sent again if its address is a member, and looked at if it is not.
_ENTERS = (
    "(flag = 'false' OR (flag = 'unknown' AND code IS NULL) OR (flag = 'refused' AND may_hold) "
    f"OR (code IS NOT NULL AND ({RETRIED} OR coalesce(next_try <= $now, true))) "
    "OR (flag = 'absent' AND ((NOT was_true AND $create_leads) OR coalesce(next_try <= $now, true))) "
    "OR $full_refresh)"
)
_LEAVES = "($exits AND (may_hold OR flag IN ('refused', 'absent') OR ($full_refresh AND flag = 'false')))"
_JUDGED = f"(SELECT {COLUMNS}, {_ENTERS} AS enters, {_LEAVES} AS leaves FROM ledger)"
_EVEN = f"{(1 << 64) - 2}::UBIGINT"


def find_suspects(workspace: Workspace, switches: dict[str, Any]) -> None:
    """Make the tables `known` and `mine`: ledger rows and members that may have to change, and few others.

    Addresses, and all else but the keys, of those who stay are not read.

    Args:
        workspace: has the views `ledger` and `members`.
        switches: what `find_changes` is told, by name.
    """
    _find_by_hash(workspace, _hashed(), switches)
    # Whoever enters and whoever leaves hide each other where they share a hash; in the next they do not.
    while _overlooked(workspace, switches):
        _find_by_hash(workspace, _hashed(), switches)


def _find_by_hash(workspace: Workspace, hashed: str, switches: dict[str, Any]) -> None:
    """Make the tables by an SQL expression of the two keys that gives even numbers."""
    cohort = workspace.hashes(f"SELECT {hashed} FROM members")
    stays = workspace.hashes(f"SELECT {hashed} FROM {_JUDGED} WHERE NOT enters", **switches)
    workspace.keep(differing(cohort, stays), "suspects")
    workspace.run(f"INSERT INTO suspects SELECT {hashed} FROM {_JUDGED} WHERE enters AND leaves", **switches)
    workspace.run(
        f"CREATE OR REPLACE TABLE known AS FROM {_JUDGED} SEMI JOIN suspects ON {hashed} = hash", **switches
    )
    workspace.run(f"CREATE OR REPLACE TABLE mine AS FROM members SEMI JOIN suspects ON {hashed} = hash")


def _overlooked(workspace: Workspace, switches: dict[str, Any]) -> bool:
    """Return whether the sides differ by more than was found: who is on both adds nothing to the difference."""
    sums = (
        workspace.row(f"SELECT coalesce(sum(key_low), 0) FROM {rows}", **values)[0]
        for rows, values in (
            ("members", {}),
            (f"{_JUDGED} WHERE NOT enters", switches),
            ("mine", {}),
            ("known WHERE NOT enters", {}),
        )
    )
    members, stays, mine, known = sums
    return bool(members - stays != mine - known)


def _hashed() -> str:
    return f"(hash({secrets.randbits(32)}, key_high, key_low) & {_EVEN})"
