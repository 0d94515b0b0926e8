"""One batch as one call of Marketo's API; runs in a thread of the delivery's pool."""

from marketo_provider.marketo.client import Lead, LeadResult
from marketo_provider.sync.batches import Batch
from marketo_provider.sync.course import Step
from marketo_provider.sync.run import Run

Answer = list[LeadResult] | list[Lead]


def make_call(run: Run, batch: Batch, deadline: float) -> Answer:
    """Send or look up a batch's records, by `deadline` on the monotonic clock.

    An exit is never sent with an action that could create a lead.
    """
    client, field = run.marketo, run.field
    addresses = [item.course.change.row.address for item in batch.items]
    if batch.step is Step.LOOK_UP:
        return client.find_leads("email", addresses, field=field, deadline=deadline)
    if batch.step is Step.BY_ID:
        lead_ids = [item.lead_id for item in batch.items if item.lead_id is not None]
        records = [{"id": lead_id, field: batch.value} for lead_id in lead_ids]
        return client.sync_leads(
            records, action="updateOnly", lookup_field="id", partition=None, deadline=deadline
        )
    return client.sync_leads(
        [{"email": address, field: batch.value} for address in addresses],
        action="createOrUpdate" if batch.create else "updateOnly",
        lookup_field="email",
        partition=(run.export.partition or run.limits.partition) if batch.create else None,
        deadline=deadline,
    )
