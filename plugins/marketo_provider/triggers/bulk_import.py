"""Waiting for Marketo's import jobs without a worker."""

from asyncio import sleep, to_thread
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from marketo_provider.clock import SystemClock
from marketo_provider.errors import StopAndAsk, TryAgain, WaitUntil
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.marketo.client import MarketoClient

# A look that fails is repeated at the next one; until then it holds one of the triggerer's few threads.
_PATIENCE_SECONDS = 30.0


class MarketoBulkImportTrigger(BaseTrigger):
    """Fire when import jobs have ended, however they did; a job that Marketo does not know any more has.

    While Marketo cannot be used it goes on asking, and while the calls of the day are spent it waits for the next
    day. An error that a person must mend fires the event too, so that the task meets it and says so.

    :param marketo_conn_id: Connection of type ``marketo``.
    :param batch_ids: the jobs, in the order in which they were queued.
    :param poll_seconds: how long to wait before each look; Adobe advises 5 to 30
        (https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import).
    """

    def __init__(self, marketo_conn_id: str, batch_ids: Sequence[int], poll_seconds: float = 30.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's
        self.marketo_conn_id = marketo_conn_id
        self.batch_ids = list(batch_ids)
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what a triggerer makes the trigger anew from."""
        return (
            "marketo_provider.triggers.bulk_import.MarketoBulkImportTrigger",
            {
                "marketo_conn_id": self.marketo_conn_id,
                "batch_ids": self.batch_ids,
                "poll_seconds": self.poll_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the jobs until all have ended."""
        clock, pause = SystemClock(), self.poll_seconds
        waiting = list(self.batch_ids)
        client: MarketoClient | None = None
        while waiting:
            await sleep(pause)
            pause = self.poll_seconds
            try:
                if client is None:
                    client = await to_thread(self._client)
                await to_thread(_drop_ended, client, waiting)
            except StopAndAsk as error:
                self.log.warning("%s", error)
                break
            except WaitUntil as error:
                self.log.info("%s", error)
                pause = max(pause, (error.resume_at - clock.now()).total_seconds())
            except TryAgain as error:
                self.log.info("%s", error)
        yield TriggerEvent({"batch_ids": self.batch_ids})  # type: ignore[no-untyped-call] # Airflow's

    def _client(self) -> MarketoClient:
        return MarketoHook(self.marketo_conn_id).get_conn(patience_seconds=_PATIENCE_SECONDS)


def _drop_ended(client: MarketoClient, waiting: list[int]) -> None:
    """Drop jobs from the end of the list while they have ended: the last in the queue is, as a rule, last to end.

    So a look costs one call, however many jobs there are.
    """
    while waiting:
        status = client.imports.status(waiting[-1])
        if status and not status.ended:
            break
        waiting.pop()
