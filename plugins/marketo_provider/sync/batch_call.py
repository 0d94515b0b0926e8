"""One batch as one call of Marketo's API; runs in a thread of the delivery's pool."""

from marketo_provider.marketo.client import Lead, LeadResults
from marketo_provider.sync.batches import Batch
from marketo_provider.sync.course import Step
from marketo_provider.sync.run import Work

Answer = LeadResults | list[Lead]


def make_call(run: Work, batch: Batch, deadline: float) -> Answer:
    """Send or look up a batch's records, by `deadline` on the monotonic clock.

    An exit is never sent with an action that could create a lead.
    """
    client, field = run.marketo, run.field
    if batch.step is Step.LOOK_UP:
        return client.find_leads("email", _keys(batch), field=field, deadline=deadline)
    if batch.step is Step.TRACE:
        return client.find_leads("id", _keys(batch), field=field, deadline=deadline)
    value = batch.value
    if batch.step is Step.BY_ID:
        return client.sync_leads(
            [{"id": lead_id, field: value} for lead_id in _keys(batch)],
            action="updateOnly",
            lookup_field="id",
            partition=None,
            deadline=deadline,
        )
    return client.sync_leads(
        [{"email": address, field: value} for address in _keys(batch)],
        action="createOrUpdate" if batch.create else "updateOnly",
        lookup_field="email",
        partition=(run.export.partition or run.limits.partition) if batch.create else None,
        deadline=deadline,
    )


def _keys(batch: Batch) -> list[str] | list[int]:
    """Return what names each record: a lead's id, or an address."""
    if batch.columns:
        return batch.columns.keys
    if batch.step.names_leads:
        return [item.lead_id for item in batch.items if item.lead_id is not None]
    return [item.course.change.row.address for item in batch.items]
