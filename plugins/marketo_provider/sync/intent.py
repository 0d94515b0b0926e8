"""Making durable what is about to be sent, before the first request."""

import secrets

from marketo_provider.state.lease import Lease
from marketo_provider.state.records import Claim, Intended
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.changes import intent_rows
from marketo_provider.sync.run import Work


def announce(work: Work, lease: Lease, workspace: Workspace, number: int, claim: Claim) -> None:
    """Announce the tables `changes` and `forgotten`, and keep the list of changes for people.

    Args:
        work: who sends.
        lease: the target's, held.
        workspace: has the tables.
        number: of the snapshot that they are announced under.
        claim: the target's from here on.
    """
    name = secrets.token_hex(16)
    rows = f"{work.folder}/intents/{name}.parquet"
    change_list = f"{work.folder}/runs/{number:08d}/changes-{name}.csv"
    workspace.save(intent_rows(), rows)
    workspace.save_csv("SELECT address, value AS set_to FROM changes", change_list)
    lease.append(
        Intended(
            at=work.clock.now(),
            by=lease.holder,
            run_id=work.run_id,
            snapshot=number,
            claim=claim,
            rows=rows,
            change_list=change_list,
        )
    )
