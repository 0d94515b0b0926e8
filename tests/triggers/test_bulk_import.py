"""Waiting for imports in a triggerer, and in a task that keeps its worker."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import TriggerEvent
from asgiref.sync import sync_to_async

from marketo_provider import errors
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.marketo.models import ImportStatus
from marketo_provider.operators.export import ExportOperator
from marketo_provider.operators.marketo import CohortToMarketoOperator
from marketo_provider.sync.import_wait import Look, look_at_imports, wait_for_imports
from marketo_provider.triggers.bulk_import import MarketoBulkImportTrigger
from tests.operators.support import connect_nowhere, context, execute
from tests.sync.world import VirtualClock

pytestmark = pytest.mark.airflow

LATER = datetime(2126, 11, 24, 12, tzinfo=UTC)


class Marketo:
    """Answers each look with what comes next; `imports` is itself."""

    host = "nowhere"

    def __init__(self, *answers: Any) -> None:
        self.asked: list[int] = []
        self._answers: Iterator[Any] = iter(answers)
        self.imports = self

    def status(self, batch_id: int) -> ImportStatus | None:
        """Answer."""
        self.asked.append(batch_id)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return None if answer == "gone" else ImportStatus(answer, 0, 0, 0)


def trigger(until: datetime) -> MarketoBulkImportTrigger:
    """Return one that waits for two jobs."""
    return MarketoBulkImportTrigger(marketo_conn_id="marketo", batch_ids=(1, 2), until=until.isoformat())


def fire(until: datetime) -> TriggerEvent:
    """Let it run until it fires."""

    async def events() -> list[TriggerEvent]:
        return [event async for event in trigger(until).run()]

    (event,) = asyncio.run(events())
    return event


def look(marketo: Any, batch_ids: Sequence[int]) -> Look:
    """Look once."""
    return look_at_imports(marketo, VirtualClock(), batch_ids)


@pytest.mark.parametrize("state", ["Complete", "Failed"])
def test_a_job_that_has_ended_is_not_waited_for(state: str) -> None:
    """However it has ended."""
    assert look(Marketo(state), [1]).waiting == ()


def test_a_job_that_is_said_not_to_be_there_is_waited_for() -> None:
    """Who knows its age decides."""
    assert look(Marketo("gone"), [1]).waiting == (1,)


@pytest.mark.parametrize("error", [errors.VendorUnavailable("Later."), errors.NoAnswer("Perhaps.")])
def test_while_marketo_cannot_be_asked_all_are_waited_for(error: Exception) -> None:
    """Nobody knows."""
    assert look(Marketo("Complete", error), [1, 2, 3]) == Look((1, 2, 3), 30.0)


def test_without_calls_the_next_look_is_when_there_are_some() -> None:
    """A look costs a call."""
    spent = errors.QuotaExhausted("Spent.", resume_at=VirtualClock().now() + timedelta(hours=2))

    assert look(Marketo(spent), [1]) == Look((1,), 7200.0)


def test_what_only_a_person_can_mend_ends_the_wait() -> None:
    """The task says it."""
    assert look(Marketo(errors.AccessDenied("Refused.")), [1]).waiting == ()


def test_a_worker_that_is_kept_looks_every_half_minute() -> None:
    """Until all have ended."""
    clock, marketo = VirtualClock(), Marketo("Queued", "Importing", "Complete")

    wait_for_imports(marketo, clock, [1], until=LATER)  # type: ignore[arg-type] # all that is asked of a client

    assert (clock.seconds, marketo.asked) == (60.0, [1, 1, 1])


def test_the_trigger_fires_when_all_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps in between without a thread."""
    marketo, slept = Marketo("Queued", "Complete", "Complete"), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    monkeypatch.setattr(MarketoHook, "get_conn", lambda *_, **__: marketo)

    event = fire(until=LATER)

    assert event.payload == {"batch_ids": [1, 2]}
    assert slept == [30.0]
    assert marketo.asked == [2, 2, 1]


def test_the_trigger_fires_at_its_time_though_a_job_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stuck job must not keep the DAG's next run from beginning."""
    monkeypatch.setattr(MarketoHook, "get_conn", lambda *_, **__: Marketo(*["Queued"] * 9))

    event = fire(until=datetime.now(UTC) + timedelta(seconds=0.05))

    assert event.payload == {"batch_ids": [1, 2]}


def test_a_worker_that_is_kept_waits_no_longer_than_it_may() -> None:
    """And does not look again at the end."""
    clock, marketo = VirtualClock(), Marketo("Queued", "Queued")

    wait_for_imports(marketo, clock, [1], until=clock.now() + timedelta(seconds=40))  # type: ignore[arg-type] # all that is asked of a client

    assert (clock.seconds, marketo.asked) == (40.0, [1, 1])


def test_another_triggerer_makes_the_trigger_anew() -> None:
    """From what it says of itself."""
    path, arguments = trigger(until=LATER).serialize()

    again = MarketoBulkImportTrigger(**json.loads(json.dumps(arguments)))

    assert path == f"{MarketoBulkImportTrigger.__module__}.{MarketoBulkImportTrigger.__qualname__}"
    assert again.serialize() == (path, arguments)


class Waits(ExportOperator):
    """Waits once, then is done."""

    waits = True

    def _work(self, run: Any, context: Any, state: dict[str, Any]) -> str:  # noqa: ARG002 - the base's
        if self.waits:
            self.waits = False
            raise errors.ImportsUnderWay("Importing.", resume_at=LATER, batch_ids=[7])
        return "done"


def test_a_task_waits_for_imports_with_the_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which knows the Connection and the jobs."""
    connect_nowhere(monkeypatch)

    with pytest.raises(TaskDeferred) as caught:
        execute(Waits(task_id="waits", cohort_id=1, marketo_field="flag"), context())

    assert isinstance(caught.value.trigger, MarketoBulkImportTrigger)
    assert caught.value.trigger.serialize()[1] == {
        "marketo_conn_id": "marketo_default",
        "batch_ids": [7],
        "until": LATER.isoformat(),
    }


def test_a_task_that_is_not_deferrable_waits_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """And comes to the same end."""
    connect_nowhere(monkeypatch)
    monkeypatch.setattr(MarketoHook, "get_conn", lambda *_, **__: Marketo("Complete"))

    operator = Waits(task_id="waits", cohort_id=1, marketo_field="flag", deferrable=False)

    assert execute(operator, context()) == "done"


def test_a_route_that_does_not_exist_is_refused_when_the_dag_is_parsed() -> None:
    """Not in the middle of a run."""
    with pytest.raises(ValueError, match="route"):
        CohortToMarketoOperator(task_id="export", cohort_id=1, marketo_field="flag", route="pigeon")  # type: ignore[arg-type] # on purpose


def test_a_marketo_that_is_slow_holds_up_no_other_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    """All triggers of a triggerer share the one thread that `sync_to_async` takes where it is told nothing."""
    asked, others_were_there = threading.Event(), threading.Event()
    found: list[bool] = []

    def slow(*_: Any) -> Look:
        asked.set()
        found.append(others_were_there.wait(30))
        return Look(())

    monkeypatch.setattr("marketo_provider.triggers.bulk_import.look_at_imports", slow)
    monkeypatch.setattr(MarketoHook, "get_conn", lambda *_, **__: None)

    async def others() -> None:
        await sync_to_async(asked.wait, thread_sensitive=False)(30)
        await sync_to_async(others_were_there.set)()

    async def both() -> list[TriggerEvent]:
        other = asyncio.create_task(others())
        events = [event async for event in trigger(LATER).run()]
        await other
        return events

    assert len(asyncio.run(both())) == 1
    assert found == [True]
