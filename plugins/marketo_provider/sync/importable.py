"""Which changes may go by bulk import, and which do so in this part of a run. Rules 7 and 12 of the sync."""

from collections.abc import Sequence
from pathlib import Path

from marketo_provider.state.workspace import Workspace, quoted
from marketo_provider.sync.changes import intended_rows

# So often a row goes by import whose file failed as a whole.
IMPORT_TRIES = 2


# Those that may create a lead; but not who was in files that failed as a whole before.
_IMPORTABLE = (
    "(value AND create_lead "
    f"AND NOT (changes.flag = 'unknown' AND changes.code IS NULL AND changes.tries >= {IMPORT_TRIES}))"
)


def count_importable(workspace: Workspace) -> int:
    """Return how many of the changes may go by bulk import."""
    count: int
    (count,) = workspace.row(f"SELECT count(*) FROM changes WHERE {_IMPORTABLE}")
    return count


def importable_rows() -> str:
    """Return the query of the ledger rows of those that may go by bulk import, as an intent announces them.

    But `may_hold` is as it was before: whom a file cannot set True may hold it from an earlier request.
    """
    return f"{intended_rows('may_hold')} WHERE {_IMPORTABLE}"


def keep_in_files(workspace: Workspace, files: Sequence[Path]) -> None:
    """Mark the changes that are in some Parquet files, and drop the others that may go by bulk import."""
    kept = f"FROM changes WHERE NOT {_IMPORTABLE}"
    if files:
        kept += (
            " UNION ALL SELECT * REPLACE (true AS by_file) FROM changes "
            f"SEMI JOIN read_parquet([{', '.join(map(quoted, files))}]) AS files USING (key_high, key_low)"
        )
    workspace.run(f"CREATE OR REPLACE TABLE changes AS {kept}")
