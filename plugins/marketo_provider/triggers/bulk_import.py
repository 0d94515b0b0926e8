"""Waiting for Marketo's bulk imports without a worker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from marketo_provider.clock import SystemClock
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.sync.import_wait import POLL_SECONDS, Look, look_at_imports


class MarketoBulkImportTrigger(BaseTrigger):
    """Fire when all of some import jobs have ended, or at a time: a job may stay in Marketo's queue for days.

    What became of their rows is the task's to find out, as is anything that only a person can mend.

    :param marketo_conn_id: Connection of type ``marketo``.
    :param batch_ids: the jobs.
    :param until: when the task goes on at the latest, in ISO 8601 with an offset.
    """

    def __init__(self, *, marketo_conn_id: str, batch_ids: Sequence[int], until: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's
        self.marketo_conn_id = marketo_conn_id
        self.batch_ids = list(batch_ids)
        self.until = until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what another triggerer makes it anew from."""
        return (
            "marketo_provider.triggers.bulk_import.MarketoBulkImportTrigger",
            {"marketo_conn_id": self.marketo_conn_id, "batch_ids": self.batch_ids, "until": self.until},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the jobs until they have ended, every 30 seconds."""
        waiting: Sequence[int] = self.batch_ids
        until = datetime.fromisoformat(self.until)
        while waiting and (seconds := (until - datetime.now(UTC)).total_seconds()) > 0:
            # In a thread of its own: all that is left to one thread waits behind a vendor that is slow.
            found = await sync_to_async(self._look, thread_sensitive=False)(waiting)
            waiting = found.waiting
            if waiting:
                await asyncio.sleep(min(found.pause_seconds, seconds))
        yield TriggerEvent({"batch_ids": self.batch_ids})  # type: ignore[no-untyped-call] # Airflow's

    def _look(self, batch_ids: Sequence[int]) -> Look:
        # Made anew each time: a Connection that somebody mends meanwhile is taken up.
        client = MarketoHook(self.marketo_conn_id).get_conn(patience_seconds=POLL_SECONDS)
        return look_at_imports(client, SystemClock(), batch_ids)
