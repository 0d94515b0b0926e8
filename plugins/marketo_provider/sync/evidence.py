"""All addresses that any readable file of a target names, and whether they were ever sent: what a repair knows.

The ledger's files tell most; change lists name whom the runs of the last `keep_runs_days` set out to send,
snapshots who was in the cohort.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.files import files_below, is_change_list, is_ledger_file, is_members_file
from marketo_provider.state.ledger import SCHEMA, Key, key_sql
from marketo_provider.state.snapshots import MEMBERS_SCHEMA
from marketo_provider.state.target import Target
from marketo_provider.state.verify import Problem, check_file
from marketo_provider.state.workspace import Workspace, csv_rows
from marketo_provider.sync.run import Work


@dataclass(frozen=True, slots=True)
class Known:
    """An address, the leads known for it, and whether it was set True once, as far as can be told."""

    key: Key
    address: str = field(repr=False)
    lead_ids: tuple[int, ...]
    was_sent: bool


def gather_evidence(work: Work, workspace: Workspace, target: Target) -> tuple[int, tuple[str, ...]]:
    """Make the table `known` of all addresses; return how many, and the files that could not be read."""
    workspace.run(
        "CREATE OR REPLACE TABLE evidence (key_high UBIGINT, key_low UBIGINT, address VARCHAR, lead_ids BIGINT[], "
        "acknowledged BOOLEAN, refused BOOLEAN, announced BOOLEAN)"
    )
    there = list(files_below(work.store, work.folder))
    unreadable = [path for path in target.files if path not in there]
    unreadable += [path for path in there if not _take(work, workspace, target, path)]
    # Who was announced and neither acknowledged nor refused in what is left was most likely set True.
    workspace.run(
        "CREATE OR REPLACE TABLE known AS SELECT key_high, key_low, min(address) AS address, "
        "list_distinct(flatten(list(lead_ids))) AS lead_ids, "
        "bool_or(acknowledged) OR (bool_or(announced) AND NOT bool_or(refused)) AS was_sent "
        "FROM evidence GROUP BY key_high, key_low"
    )
    count: int
    (count,) = workspace.row("SELECT count(*) FROM known")
    return count, tuple(sorted(unreadable))


def known_addresses(workspace: Workspace, size: int) -> Iterator[list[Known]]:
    """Yield the addresses of the table `known`, at most `size` at a time."""
    for batch in workspace.batches("SELECT * FROM known", size):
        rows = batch.to_pylist()
        known = [
            Known(Key(row["key_high"], row["key_low"]), row["address"], tuple(row["lead_ids"]), row["was_sent"])
            for row in rows
        ]
        for first in range(0, len(known), size):
            yield known[first : first + size]


def _take(work: Work, workspace: Workspace, target: Target, path: str) -> bool:
    """Take what a file tells; return whether it could be read."""
    if is_ledger_file(path):
        columns = (
            "key_high, key_low, address, lead_ids, was_true OR flag = 'true', "
            "flag = 'refused' OR code IS NOT NULL, may_hold OR flag = 'absent'"
        )
        schema = SCHEMA
    elif is_members_file(path):
        number = path.split("/")[-2]
        if not number.isdecimal() or int(number) > target.delivered:
            return True
        left_over = target.settled.left_over if target.settled else 1
        columns = f"key_high, key_low, address, []::BIGINT[], false, false, {'false' if left_over else 'true'}"
        schema = MEMBERS_SCHEMA
    elif is_change_list(path):
        return _take_list(workspace, path)
    else:
        return True
    if isinstance(check_file(work.store, path, schema, workspace), Problem):
        return False
    workspace.run(f"INSERT INTO evidence SELECT {columns} FROM read_parquet({workspace.fetch(path)})")
    return True


def _take_list(workspace: Workspace, path: str) -> bool:
    rows = csv_rows(workspace.fetch(path), ("address", "set_to"))
    try:
        workspace.run(
            f"INSERT INTO evidence SELECT {key_sql('address')}, address, []::BIGINT[], false, false, "
            f"set_to = 'true' FROM {rows}"
        )
    except StoreUnusable:
        return False
    return True
