"""Which changes may go by bulk import, and which do so in this part of a run. Rules 7 and 12 of the sync."""

from collections.abc import Sequence
from pathlib import Path

from marketo_provider.state.workspace import Workspace, quoted
from marketo_provider.sync.changes import intended_rows

# So often a row goes by import whose file failed as a whole.
IMPORT_TRIES = 2


def mark_importable(workspace: Workspace) -> int:
    """Mark, in `changes`, the entries that may go by bulk import, and return how many they are.

    They are those that may create a lead; but not who was in files that failed as a whole before.
    """
    workspace.run(
        "CREATE OR REPLACE TABLE changes AS SELECT * REPLACE (value AND create_lead "
        "AND NOT (flag = 'unknown' AND code IS NULL AND tries >= $tries) AS by_file) FROM changes",
        tries=IMPORT_TRIES,
    )
    count: int
    (count,) = workspace.row("SELECT count(*) FROM changes WHERE by_file")
    return count


def unmark_importable(workspace: Workspace) -> None:
    """Have all entries go by sync leads."""
    workspace.run("CREATE OR REPLACE TABLE changes AS SELECT * REPLACE (false AS by_file) FROM changes")


def importable_rows() -> str:
    """Return the query of the ledger rows of the marked entries, as an intent announces them.

    But `may_hold` is as it was before: whom a file cannot set True may hold it from an earlier request.
    """
    return f"{intended_rows('may_hold')} WHERE by_file"


def keep_in_files(workspace: Workspace, files: Sequence[Path]) -> int:
    """Keep, of the marked entries, those that are in some Parquet files; return how many are left for later."""
    kept = "FROM changes WHERE NOT by_file"
    if files:
        rows = f"read_parquet([{', '.join(map(quoted, files))}])"
        marked = "(FROM changes WHERE by_file) AS marked"
        kept += f" UNION ALL FROM {marked} SEMI JOIN {rows} USING (key_high, key_low)"
    before: int
    after: int
    (before,) = workspace.row("SELECT count(*) FROM changes")
    workspace.run(f"CREATE OR REPLACE TABLE changes AS {kept}")
    (after,) = workspace.row("SELECT count(*) FROM changes")
    return before - after
