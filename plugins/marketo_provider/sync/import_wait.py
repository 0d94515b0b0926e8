"""Looking whether import jobs have ended, for who waits for them: a trigger, or a task that keeps its worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketo_provider.clock import Clock
from marketo_provider.errors import QuotaExhausted, StopAndAsk, TryAgain
from marketo_provider.marketo.client import MarketoClient

# Adobe's advice is a look every 5 to 30 seconds (help/rest-api/bulk-lead-import.md).
POLL_SECONDS = 30.0
# So long an id is valid (the same page); that there is no such job is not believed of a younger one.
IDS_ARE_VALID_FOR = timedelta(days=7)
# So long an upload that gave no answer is taken as under way.
UNANSWERED_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Look:
    """The jobs that have not ended, and how long to wait before the next look."""

    waiting: tuple[int, ...]
    pause_seconds: float = POLL_SECONDS


def has_ended(client: MarketoClient, batch_id: int, *, forgotten: bool = False) -> bool:
    """Ask whether a job changes no lead any more.

    Args:
        client: asks Marketo.
        batch_id: the job's.
        forgotten: the job is so old that Marketo no longer knows it if it has ended.
    """
    status = client.imports.status(batch_id)
    return forgotten if status is None else status.ended


def look_at_imports(client: MarketoClient, clock: Clock, batch_ids: Sequence[int]) -> Look:
    """Return which jobs are still to be waited for.

    The last is asked first: Marketo works in order, and while it has not ended a look costs one call.
    While Marketo cannot be asked all are waited for; where only a person can help, none: the task says so.
    """
    for batch_id in reversed(batch_ids):
        try:
            ended = has_ended(client, batch_id)
        except QuotaExhausted as spent:
            seconds = (spent.resume_at - clock.now()).total_seconds()
            return Look(tuple(batch_ids), max(seconds, POLL_SECONDS))
        except TryAgain:
            return Look(tuple(batch_ids))
        except StopAndAsk:
            return Look(())
        if not ended:
            return Look(tuple(batch_ids))
    return Look(())


def wait_for_imports(client: MarketoClient, clock: Clock, batch_ids: Sequence[int], *, until: datetime) -> None:
    """Wait until jobs have ended, but no longer than `until`."""
    while batch_ids and (seconds := (until - clock.now()).total_seconds()) > 0:
        found = look_at_imports(client, clock, batch_ids)
        batch_ids = found.waiting
        if batch_ids:
            clock.sleep(min(found.pause_seconds, seconds))
