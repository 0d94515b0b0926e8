"""What leads that were looked up tell: which there are of an address, and whose one is by now."""

from collections import defaultdict
from collections.abc import Collection

from marketo_provider.marketo.client import Lead, LeadResult
from marketo_provider.state.ledger import Key
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.batches import Batch
from marketo_provider.sync.course import NOT_FOUND


def ids_by_address(leads: Collection[Lead]) -> dict[str, tuple[int, ...]]:
    """Return the ids of the leads of each address, which is in lower case."""
    found: dict[str, set[int]] = defaultdict(set)
    for lead in leads:
        if lead.email is not None:
            found[lead.email.lower()].add(lead.lead_id)
    return {address: tuple(sorted(lead_ids)) for address, lead_ids in found.items()}


def traced(workspace: Workspace, batch: Batch, leads: Collection[Lead]) -> list[LeadResult]:
    """Return, for each lead that was asked for by its id, what is known of it: gone, or there, by its id.

    One that has a member's address by now counts as gone: it is his, whosever it was. The view `members` says who
    is one.
    """
    keys = {lead.lead_id: Key.of(lead.email) for lead in leads if lead.email is not None}
    members = _members(workspace, set(keys.values()))
    there = {lead.lead_id for lead in leads if keys.get(lead.lead_id) not in members}
    return [
        LeadResult("skipped", item.lead_id if item.lead_id in there else None, NOT_FOUND) for item in batch.items
    ]


def _members(workspace: Workspace, asked: Collection[Key]) -> set[Key]:
    found = workspace.batches(
        "SELECT DISTINCT key_high, key_low FROM members SEMI JOIN (SELECT unnest($high::UBIGINT[]) AS key_high, "
        "unnest($low::UBIGINT[]) AS key_low) AS asked USING (key_high, key_low)",
        max(1, len(asked)),
        high=[key.high for key in asked],
        low=[key.low for key in asked],
    )
    return {Key(row["key_high"], row["key_low"]) for batch in found for row in batch.to_pylist()}
