"""How many rows of the ledger are of each kind: counted where all of it is read, from then on by what changes."""

from collections import Counter
from dataclasses import dataclass, replace

from marketo_provider.state.ledger import load_ledger, newest_rows
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.summary import Standing

_KIND = "flag, may_hold AND flag = 'refused' AS leaver, code"
_COLUMNS = "key_high, key_low, flag, may_hold, code"
_KEY = "USING (key_high, key_low)"


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """What Marketo holds, addresses by code, and how many are `absent` or `unknown`, with a code or without.

    `rows` are all that the ledger has.
    """

    standing: Standing
    by_code: dict[str, int]
    absent: int
    unknown: int
    rows: int


def count_before(workspace: Workspace) -> None:
    """Make the table `counted` of the view `ledger`."""
    workspace.run(
        f"CREATE OR REPLACE TABLE counted AS SELECT {_KIND}, count(*) AS addresses FROM ledger GROUP BY ALL"
    )


def count_after(workspace: Workspace, target: Target, *, since: int, members: int) -> LedgerCounts:
    """Count the ledger as it is now, by what has changed since `count_before`.

    Args:
        workspace: has what `find_changes` made.
        target: the state after the run's last answer.
        since: how many deltas the ledger had when it was counted.
        members: how many there are.
    """
    kinds = _count_kinds(workspace, target, since)
    flags, uncoded = Counter[str](), Counter[str]()
    refused, leavers = Counter[str](), Counter[str]()
    for flag, leaver, code, addresses in kinds:
        flags[flag] += addresses
        if code is None:
            uncoded[flag] += addresses
        else:
            (leavers if leaver else refused)[code] += addresses
    # Who has left and was not sent yet holds True, and is no member.
    (unsent,) = workspace.row(f"SELECT count(*) FROM exiting ANTI JOIN changes {_KEY} WHERE flag = 'true'")
    standing = Standing(
        accepted=min(uncoded["true"] - unsent, members),
        false=flags["false"],
        absent=uncoded["absent"],
        refused=dict(refused),
        leavers_refused=dict(leavers),
    )
    return LedgerCounts(
        standing,
        by_code=dict(sorted((refused + leavers).items())),
        absent=flags["absent"],
        unknown=flags["unknown"],
        rows=flags.total(),
    )


def _count_kinds(workspace: Workspace, target: Target, since: int) -> list[tuple[str, bool, str | None, int]]:
    touched = workspace.set_aside(f"SELECT {_COLUMNS} FROM ({newest_rows(workspace, target.deltas[since:])})")
    workspace.run(f"CREATE OR REPLACE VIEW touched AS FROM read_parquet({touched})")
    (strangers,) = workspace.row(f"SELECT count(*) FROM touched ANTI JOIN known {_KEY} ANTI JOIN changes {_KEY}")
    before = "known"
    if strangers:
        load_ledger(workspace, replace(target, deltas=target.deltas[:since]))
        before = "ledger"
    rows = workspace.batches(
        "SELECT flag, leaver, code, sum(addresses)::BIGINT AS addresses FROM (FROM counted UNION ALL "
        f"SELECT {_KIND}, -count(*) FROM {before} SEMI JOIN touched {_KEY} GROUP BY ALL UNION ALL "
        f"SELECT {_KIND}, count(*) FROM touched GROUP BY ALL) GROUP BY ALL HAVING addresses <> 0 ORDER BY ALL",
        1000,
    )
    return [
        (row["flag"], row["leaver"], row["code"], row["addresses"]) for batch in rows for row in batch.to_pylist()
    ]
