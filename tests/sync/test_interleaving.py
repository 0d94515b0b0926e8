"""Two runs of one target that take turns at every request and store operation: rule 9 of the sync, tried hard.

One of them works at a time; a schedule says at each step who goes on, and how much time has passed. Where that
outlasts a lease, the other run takes it over. A run is not frozen between its last look at the clock and its
send (that is not promised): a connection that was not made in its time is not made, and Marketo works on a
request for 90 seconds at most.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import Condition, Thread, local
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import MarketoProviderError, WaitUntil
from marketo_provider.state.store import LocalStore
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, InlinePool, InProcess, VirtualClock, World

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
ADDRESSES = [f"{name}@example.com" for name in ("ann", "bob", "cid", "dee", "eve")]
COHORTS = st.sets(st.sampled_from(ADDRESSES), min_size=1)
PATIENCE = (2, 3, 5, 10)
JUMPS = (0.0, 0.0, 0.0, 45.0, 100.0, 130.0, 240.0)
MARKETO_WORKS_SECONDS = 90


class Baton:
    """Lets one of several threads work at a time.

    Args:
        schedule: says at which steps the baton is passed on, and how much time passes by then.
        clock: the world's.
        patience: how many steps one of them takes in a row, on average; one of these.
        jumps: how many seconds pass where the baton is passed on; one of these.
    """

    def __init__(
        self,
        schedule: Random,
        clock: VirtualClock,
        patience: Sequence[int] = PATIENCE,
        jumps: Sequence[float] = JUMPS,
    ) -> None:
        self.failures: list[BaseException] = []
        self._schedule = schedule
        self._patience = schedule.choice(patience)
        self._jumps = jumps
        self._clock = clock
        self._changed = Condition()
        self._waiting: list[int] = []
        self._holder = 0
        self._own = local()

    def run(self, tasks: list[Callable[[], None]]) -> None:
        """Run tasks to their ends, taking turns."""
        threads = [Thread(target=self._work, args=(number, task)) for number, task in enumerate(tasks)]
        self._waiting = list(range(len(tasks)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for failure in self.failures:
            raise failure

    def step(self) -> None:
        """Pass the baton on, if the schedule says so, and wait for it."""
        if not hasattr(self._own, "number"):
            return
        if not self._schedule.randrange(self._patience):
            self._clock.sleep(self._schedule.choice(self._jumps))
            self._pass_on()
            self._await()

    def _work(self, number: int, task: Callable[[], None]) -> None:
        self._own.number = number
        self._await()
        try:
            task()
        except BaseException as failure:  # noqa: BLE001 - raised again by the thread that waits for this one
            self.failures.append(failure)
        with self._changed:
            self._waiting.remove(number)
        self._pass_on()

    def _await(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._holder == self._own.number)

    def _pass_on(self) -> None:
        with self._changed:
            others = [number for number in self._waiting if number != self._own.number]
            if others:
                self._holder = others[0]
            self._changed.notify_all()


class Stage:
    """A world whose runs take turns, and which watches every request."""

    def __init__(self, folder: Path, schedule: Random, **pace: Any) -> None:
        self.world = World(folder)
        self.files = LocalStore(folder)
        self.baton = Baton(schedule, self.world.clock, **pace)
        self.hook: Callable[[str], None] = lambda _: None
        self.world.store = HookedStore(self.files, self._step)
        stage = self

        class Interleaved(InProcess):
            def send(self, prepared: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override] # as its parent
                ends = stage.world.clock.seconds + options["timeout"].total
                stage.baton.step()
                if stage.world.clock.seconds >= ends:
                    raise requests.exceptions.ConnectTimeout
                if prepared.path_url == "/rest/v1/leads.json":
                    stage.check_lease(self.holder)
                return super().send(prepared, *args, **options)

            def pause(self) -> None:
                begun = stage.world.clock.seconds
                stage.baton.step()
                if stage.world.clock.seconds - begun > MARKETO_WORKS_SECONDS:
                    stage.world.marketo.instance.gate.leave()
                    raise requests.exceptions.ReadTimeout

        class TakingTurns(InlinePool):
            def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
                stage.baton.step()
                return super().submit(fn, *args, **kwargs)

        self.world.adapter = Interleaved
        self.world.pool = TakingTurns

    def _step(self, told: str) -> None:
        self.hook(told)
        # What has been read is as old before the next step as after this one.
        if told.startswith(("before", "after create")):
            self.baton.step()

    def check_lease(self, holder: str) -> None:
        """Fail where a run sends that has no lease, by the log's own files."""
        last: tuple[str, datetime] | None = None
        for name in self.files.names(f"{self.folder}/log"):
            record = json.loads(self.files.read(f"{self.folder}/log/{name}"))
            if record["kind"] == "lease_taken" or (last and record["by"] == last[0]):
                last = (record["by"], datetime.fromisoformat(record["at"]))
            if record["kind"] == "lease_given_back":
                last = None
        assert last is not None
        assert last[0] == holder
        assert self.world.clock.now() < last[1] + timedelta(seconds=self.world.settings.lease_seconds)

    @property
    def folder(self) -> str:
        """The target's folder."""
        return f"marketo/127.0.0.1:8001/{FIELD.lower()}"

    def task(self, cohort: set[str]) -> Callable[[], None]:
        """Return one run, its snapshot read: it waits where it is told to, and gives up at anything else."""
        self.world.set_cohort(sorted(cohort))
        name = read_snapshot(self.world.run()).name

        def work() -> None:
            for _ in range(5):
                try:
                    export_cohort(self.world.run(), name)
                except WaitUntil as wait:
                    self.world.clock.sleep(max(0.0, (wait.resume_at - self.world.clock.now()).total_seconds()))
                    self.baton.step()
                except MarketoProviderError:
                    return
                else:
                    return

        return work


@given(before=COHORTS, first=COHORTS, second=COHORTS, schedule=st.randoms(use_true_random=False))
# Not shrunk: a shorter schedule is another one.
@settings(max_examples=60, phases=[Phase.generate])
def test_two_runs_may_interleave_at_every_step(
    before: set[str], first: set[str], second: set[str], schedule: Random
) -> None:
    """Nobody sends without a lease, and one more run makes every flag true, and no lead was made twice."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), schedule)
        for _ in range(2):
            stage.world.add_lead(ADDRESSES[0])
        stage.world.sync(sorted(before))

        stage.baton.run([stage.task(first), stage.task(second)])
        stage.world.clock.sleep(300)
        stage.world.sync(sorted(second))

        leads = list(stage.world.marketo.instance.leads)
        assert all(bool(lead.values.get(FIELD)) is (lead.values["email"] in second) for lead in leads)
        assert len(leads) == len(stage.world.flags()) + 1
