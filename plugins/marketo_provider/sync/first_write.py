"""Before a field's first write: does anybody hold True already?

Leads that hold True cannot be listed by Marketo's API, so some members are looked up instead.
"""

from marketo_provider.errors import FieldUnusable
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.lead_sample import LeadSample
from marketo_provider.sync.run import Run, logger


def check_first_write(run: Run, workspace: Workspace) -> None:
    """Look 300 members up that the ledger does not explain, and stop where one holds True.

    Raises:
        FieldUnusable: another writer, lost state, or leads to be adopted.
    """
    # The keys are hashes, so the first of them are a sample without favour.
    batches = workspace.batches(
        "SELECT members.address FROM members ANTI JOIN (FROM ledger WHERE may_hold) AS held "
        "USING (key_high, key_low) ORDER BY key_high, key_low LIMIT $most",
        MOST_RECORDS,
        most=MOST_RECORDS,
    )
    addresses: list[str] = [row["address"] for batch in batches for row in batch.to_pylist()]
    if not addresses:
        return
    holding = LeadSample.look_up(run.marketo, addresses, field=run.field).holding
    if holding and run.parameters.adopt:
        logger.warning("%s: %d of %d sampled members hold True already.", run.label, holding, len(addresses))
    elif holding:
        raise FieldUnusable(
            f"{run.label}: of {len(addresses)} sampled members {holding} leads hold True already, though this "
            "export has never written to the field. It is not new, somebody else writes it, or the state store "
            "was lost. Nothing was sent. Use a new field; or trigger the DAG with adopt = true; or, so that "
            "those who left are set False too, first run: "
            f"python -m marketo_provider state adopt {run.target} FILE.csv"
        )
