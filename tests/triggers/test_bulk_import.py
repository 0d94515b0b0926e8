import asyncio
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.triggers.base import TriggerEvent

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_bulk_queue import NextImports
from include.sandbox.serving import serve
from include.sandbox.wire import Fault
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.triggers import bulk_import
from marketo_provider.triggers.bulk_import import MarketoBulkImportTrigger
from tests.fake_wire import FakeClock

pytestmark = pytest.mark.airflow

DAY = 86_400


class StillWaitingError(Exception):
    """A trigger has waited for as long as a test looks on."""


class World:
    """A served sandbox, and a triggerer's time, which passes only where the trigger or its client waits."""

    def __init__(self, sandbox: MarketoSandbox, url: str, clock: FakeClock, folder: Path) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.folder = folder
        self.imports = sandbox.instance.imports
        self.patience = DAY / 4
        self.secret = "sandbox-secret"
        self.clients = 0
        self._url = url

    def client(self, *_: object, **__: object) -> MarketoClient:
        """Return a client on the test's clock, in place of the hook's."""
        self.clients += 1
        connection = MarketoConnection.from_parts(
            "mkto", host=self._url, login="sandbox-client", password=self.secret, extra={}
        )
        return MarketoClient(connection, session=requests.Session(), clock=self.clock, patience_seconds=30.0)

    async def sleep(self, seconds: float) -> None:
        """Let the trigger's time pass."""
        self.clock.sleep(seconds)
        if self.clock.time - 1000 > self.patience:
            raise StillWaitingError

    def upload(self, *lines: str) -> int:
        """Queue a job."""
        path = self.folder / "import.csv"
        path.write_text("".join(f"{line}\r\n" for line in ("email,firstName", *lines)))
        return self.client().imports.create(path, partition=None, deadline=self.clock.time + 300)

    def wait(self, *batch_ids: int) -> list[TriggerEvent]:
        """Run a trigger to its end, and return what it fired."""

        async def run() -> list[TriggerEvent]:
            return [event async for event in MarketoBulkImportTrigger("mkto", batch_ids).run()]

        return asyncio.run(run())

    def looks(self) -> list[str]:
        """Return the paths of the status calls so far."""
        return [request.path for request in self.sandbox.wire.log if "/batch/" in request.path]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.clock.time - 1000


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve a sandbox whose clock is the trigger's."""
    clock = FakeClock()
    sandbox = MarketoSandbox(clock, seed=1)
    with serve(sandbox) as url:
        world = World(sandbox, url, clock, tmp_path)
        monkeypatch.setattr(bulk_import, "sleep", world.sleep)
        monkeypatch.setattr(bulk_import, "SystemClock", lambda: clock)
        monkeypatch.setattr(MarketoHook, "get_conn", world.client)
        yield world


def fired(*batch_ids: int) -> list[TriggerEvent]:
    """Return the one event that there is to be."""
    return [TriggerEvent({"batch_ids": list(batch_ids)})]  # type: ignore[no-untyped-call] # Airflow's


def test_it_fires_when_all_jobs_have_ended(world: World) -> None:
    """However they did: one is complete, one has failed as a whole, one is not known any more."""
    complete = world.upload("ann@example.com,Ann")
    world.imports.mishaps.append(NextImports(then="fail"))
    failed = world.upload("bob@example.com,Bob")

    assert world.wait(complete, failed, 99) == fired(complete, failed, 99)
    assert world.seconds == 30


@pytest.mark.parametrize("order", [1, -1])
def test_it_does_not_fire_while_one_job_goes_on(world: World, order: int) -> None:
    """Wherever it stands in the list, and though the other has ended."""
    world.imports.mishaps.append(NextImports(then="stick"))
    batch_ids = [world.upload("ann@example.com,Ann"), world.upload("bob@example.com,Bob")]

    with pytest.raises(StillWaitingError):
        world.wait(*batch_ids[::order])


def test_a_job_that_never_leaves_the_queue_ends_with_its_id(world: World) -> None:
    """After seven days (here two hours) Marketo does not know it, and nobody waits for it any more."""
    gate = world.sandbox.instance.gate
    gate.limits = gate.limits.model_copy(update={"import_id_seconds": 7000})
    world.imports.mishaps.append(NextImports(then="stick"))
    stuck = world.upload("ann@example.com,Ann")

    assert world.wait(stuck) == fired(stuck)
    assert world.seconds == 7020


def test_a_look_costs_one_call_however_many_jobs_there_are(world: World) -> None:
    """The last in the queue tells for all: the others are asked for once it has ended."""
    world.imports.settings = world.imports.settings.model_copy(update={"seconds_to_start": 100})
    batch_ids = [world.upload("ann@example.com,Ann") for _ in range(5)]

    assert world.wait(*batch_ids) == fired(*batch_ids)
    assert world.seconds == 120
    assert len(world.looks()) == 3 + len(batch_ids)


def test_an_outage_keeps_it_waiting(world: World) -> None:
    """An hour of 608, a broken connection and nonsense are no end of a job."""
    batch = world.upload("ann@example.com,Ann")
    world.sandbox.wire.faults += [
        Fault("error_code", path="/batch/", code="608", times=20),
        Fault("reset_after", path="/batch/"),
        Fault("body", path="/batch/", body="<html>"),
        Fault("error_code", path="/batch/", code="606"),
    ]

    assert world.wait(batch) == fired(batch)
    assert len(world.looks()) == 24


def test_a_spent_quota_is_sat_out(world: World) -> None:
    """Nothing is asked before the day is over in Chicago, and then the jobs are."""
    world.patience = DAY
    batch = world.upload("ann@example.com,Ann")
    world.sandbox.wire.faults.append(Fault("error_code", path="/batch/", code="607"))

    assert world.wait(batch) == fired(batch)
    assert len(world.looks()) == 2
    assert world.clock.now().isoformat() == "2026-11-25T06:05:00+00:00"


def test_what_a_person_must_mend_is_left_to_the_task(world: World) -> None:
    """It meets the same error, fails for good, and says what to do."""
    batch = world.upload("ann@example.com,Ann")
    world.secret = "another"

    assert world.wait(batch) == fired(batch)
    assert world.looks() == []
    assert world.seconds == 30


def test_a_bad_connection_is_left_to_the_task(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The same goes for what is wrong in it already."""
    monkeypatch.undo()
    monkeypatch.setattr(bulk_import, "sleep", world.sleep)
    monkeypatch.setenv("AIRFLOW_CONN_MKTO", json.dumps({"conn_type": "marketo", "host": "nowhere.example.com"}))

    assert world.wait(7) == fired(7)


def test_the_client_is_kept(world: World) -> None:
    """Marketo's tokens are counted, and so are the sessions of a triggerer."""
    world.imports.settings = world.imports.settings.model_copy(update={"seconds_to_start": 1000})
    batch = world.upload("ann@example.com,Ann")
    before = world.clients

    world.wait(batch)

    assert world.clients == before + 1


def test_without_jobs_there_is_nothing_to_wait_for(world: World) -> None:
    """It fires at once, and asks nothing."""
    assert world.wait() == fired()
    assert world.seconds == 0


def test_another_triggerer_can_go_on_with_it() -> None:
    """What is serialised makes the same trigger, by JSON alone."""
    path, arguments = MarketoBulkImportTrigger("mkto", (7, 8), poll_seconds=5).serialize()

    again: Any = pkgutil.resolve_name(path)(**json.loads(json.dumps(arguments)))

    assert isinstance(again, MarketoBulkImportTrigger)
    assert (again.marketo_conn_id, again.batch_ids, again.poll_seconds) == ("mkto", [7, 8], 5)
    assert again.serialize() == (path, arguments)


def test_a_job_is_looked_at_every_half_minute_unless_told_otherwise() -> None:
    """The longest that Adobe advises."""
    assert MarketoBulkImportTrigger("mkto", [7]).poll_seconds == 30
