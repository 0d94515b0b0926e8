"""Who is in files that are under way: what is answered for them meanwhile does not last. Rule 12 of the sync."""

from collections.abc import Sequence

from marketo_provider.state.records import OpenImport
from marketo_provider.state.workspace import Workspace


def load_importing(workspace: Workspace, imports: Sequence[OpenImport], *, sent_before: bool) -> None:
    """Make the table `importing` of the keys in open imports.

    `taken`: Marketo is known to have the file. `sent`: beside the file a request has gone out that would only be
    repeated; always false unless `sent_before`, since a run sends such a request once.

    Args:
        workspace: where to work.
        imports: the files that are under way.
        sent_before: whether the run goes on, and has sent requests beside them.
    """
    workspace.run(
        "CREATE OR REPLACE TABLE importing (key_high UBIGINT, key_low UBIGINT, taken BOOLEAN, sent BOOLEAN)"
    )
    for one in imports:
        later = one.later if sent_before else ()
        workspace.run(
            f"INSERT INTO importing SELECT key_high, key_low, $taken, {_named_by(workspace, later)} "
            f"FROM read_parquet({workspace.fetch(one.rows)}) AS held "
            "ANTI JOIN importing USING (key_high, key_low)",
            taken=one.batch_id is not None,
        )


def count_importing(workspace: Workspace) -> int:
    """Return how many addresses are in open imports."""
    count: int
    (count,) = workspace.row("SELECT count(*) FROM importing")
    return count


def _named_by(workspace: Workspace, intents: Sequence[str]) -> str:
    """Return the condition that a row's key is in one of some intents."""
    if not intents:
        return "false"
    files = ", ".join(map(workspace.fetch, intents))
    return f"(key_high, key_low) IN (SELECT (key_high, key_low) FROM read_parquet([{files}]))"
