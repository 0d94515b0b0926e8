"""Looking whether import jobs have ended, for who waits for them: a trigger, or a task that keeps its worker."""

from collections.abc import Sequence
from dataclasses import dataclass

from marketo_provider.clock import Clock
from marketo_provider.errors import QuotaExhausted, StopAndAsk, TryAgain
from marketo_provider.marketo.client import MarketoClient

# Adobe's advice is a look every 5 to 30 seconds (help/rest-api/bulk-lead-import.md).
POLL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """The jobs that have not ended, and how long to wait before the next look."""

    waiting: tuple[int, ...]
    pause_seconds: float = POLL_SECONDS


def look_at_imports(client: MarketoClient, clock: Clock, batch_ids: Sequence[int]) -> Look:
    """Return which jobs are still to be waited for.

    While Marketo cannot be asked all are waited for; where only a person can help, none: the task says so.
    """
    waiting: list[int] = []
    for place, batch_id in enumerate(batch_ids):
        try:
            status = client.imports.status(batch_id)
        except QuotaExhausted as spent:
            seconds = (spent.resume_at - clock.now()).total_seconds()
            return Look((*waiting, *batch_ids[place:]), max(seconds, POLL_SECONDS))
        except TryAgain:
            return Look((*waiting, *batch_ids[place:]))
        except StopAndAsk:
            return Look(())
        if status is not None and not status.ended:
            waiting.append(batch_id)
    return Look(tuple(waiting))


def wait_for_imports(client: MarketoClient, clock: Clock, batch_ids: Sequence[int]) -> None:
    """Wait until jobs have ended."""
    while batch_ids:
        found = look_at_imports(client, clock, batch_ids)
        batch_ids = found.waiting
        if batch_ids:
            clock.sleep(found.pause_seconds)
