"""One run of an export, as the three tasks of its DAG do it: check, snapshot, delivery.

Route, budget and limits are the provider's own. Each call goes through them; the people are only counted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from include.simulator.assumptions import Assumptions
from include.simulator.clock import DAY, HOUR, START, VirtualClock
from include.simulator.cohort import Cohort, Delay, Sent
from include.simulator.marketo import Marketo
from include.simulator.sync_leads import SyncLeads
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.marketo.limits import WINDOW_SECONDS, CallLimits, Share
from marketo_provider.sync.budget import Budget, calls_again_at
from marketo_provider.sync.import_files import rows_per_file
from marketo_provider.sync.route import choose_route

_CHECK_CALLS = 2  # for the fields, and whether ours is a custom one


@dataclass(slots=True)
class Outcome:
    """What a run did, in how many calls of Marketo's; instants are seconds since the start."""

    begun: float
    ended: float = 0.0
    skipped: bool = False
    route: str = ""
    left_over: int = 0
    calls: int = 0
    delays: list[Delay] = field(default_factory=list)


class Runs:
    """The runs of one export on one instance of Marketo."""

    def __init__(self, assumed: Assumptions, clock: VirtualClock, marketo: Marketo, cohort: Cohort) -> None:
        self._assumed = assumed
        self._clock = clock
        self._marketo = marketo
        self._cohort = cohort
        self._connection = MarketoConnection.model_validate(
            {
                "rest_url": "http://localhost",
                "client_id": "simulated",
                "client_secret": "simulated",
                "daily_quota": assumed.quota,
                "quota_share": assumed.quota_share,
                "calls_per_20_seconds": assumed.calls_per_20_seconds,
                "concurrent_calls": assumed.concurrent_calls,
            }
        )

    def next_due(self) -> float:
        """Return when the schedule's next run is due."""
        interval = self._assumed.interval_hours * HOUR
        return (self._clock.seconds // interval + 1) * interval

    def run(self) -> Outcome:
        """Carry out a run of a dynamic export now."""
        outcome = Outcome(self._clock.seconds)
        calls_before = self._marketo.calls
        if not self._check(exits=True):
            outcome.skipped = True
        else:
            self._read()
            if self._cohort.waiting:
                outcome.route, outcome.delays = self._deliver(scheduled=True)
        outcome.left_over = self._cohort.waiting
        outcome.ended = self._clock.seconds
        outcome.calls = self._marketo.calls - calls_before
        return outcome

    def load_once(self) -> float | None:
        """Carry out a one-time export, however often it waits for calls; return when it ended, if in time."""
        end = self._assumed.days * DAY
        while not self._check(exits=False) and self._clock.seconds < end:
            self._await_calls()
        self._read()
        while self._cohort.entered.people and self._clock.seconds < end:
            self._deliver(scheduled=False)
            if self._cohort.entered.people:
                self._await_calls()
        return None if self._cohort.entered.people else self._clock.seconds

    def _await_calls(self) -> None:
        self._clock.sleep_until((calls_again_at(self._clock.now()) - START).total_seconds())

    def _check(self, *, exits: bool) -> bool:
        for _ in range(_CHECK_CALLS):
            self._marketo.call()
        return self._budget().allows(exits=exits)

    def _read(self) -> None:
        """Read the cohort, which is as it was when page 0 was computed, and compare."""
        begun, assumed = self._clock.seconds, self._assumed
        pages = math.ceil(assumed.members / assumed.page_size) - 1
        self._clock.sleep(assumed.first_page_seconds)
        self._clock.sleep(math.ceil(pages / assumed.concurrent_pages) * assumed.page_seconds)
        self._clock.sleep(assumed.members / 1e6 * assumed.compare_seconds_per_million)
        self._cohort.move_to(begun)

    def _deliver(self, *, scheduled: bool) -> tuple[str, list[Delay]]:
        budget = self._budget()
        share = Share(self._connection.calls_per_20_seconds, self._connection.concurrent_calls)
        limits = CallLimits(lambda: share, self._clock)
        entered, exited = self._cohort.entered.people, self._cohort.exited.people
        route = choose_route(
            entered=entered,
            exited=exited,
            calls_left=budget.left(),
            calls_per_second=self._connection.calls_per_20_seconds / WINDOW_SECONDS,
            seconds_left=self.next_due() - self._clock.seconds if scheduled else None,
            may_create=self._assumed.create_leads,
        )
        sync_leads = SyncLeads(self._assumed, self._clock, self._marketo, limits)
        delays = self._cohort.exit(sync_leads.send(exited, budget, exits=True))
        if route.name == "sync_leads":
            delays += self._cohort.enter(sync_leads.send(entered, budget, exits=False))
        else:
            delays += self._cohort.enter(self._import(entered, budget, in_rounds=not scheduled))
        if not self._cohort.waiting:
            self._marketo.call()  # to read a sample back
        return route.name, delays

    def _import(self, entered: int, budget: Budget, *, in_rounds: bool) -> Sent:
        """Upload files as there is room in the queue; a look is a call, and one more for each job that has ended.

        As `look_at_imports` asks: the last job first, and while that has not ended, no other. In rounds, as a
        one-time export goes, the queue is filled again when all have ended; a dynamic one's next run does it.
        """
        files, jobs, sent = self._files(entered), list[tuple[float, int]](), Sent()
        rows = next(files, 0)
        while rows or jobs:
            room = 0 if in_rounds and jobs else self._assumed.import_queue - len(jobs)
            while rows and room and budget.allows(exits=False):
                if not self._marketo.call():
                    break
                jobs.append((self._marketo.import_file(rows), rows))
                rows, room = next(files, 0), room - 1
            if not jobs:
                break
            self._clock.sleep(self._assumed.poll_seconds)
            if not self._marketo.call():
                continue
            ended = [job for job in jobs if job[0] <= self._clock.seconds and self._marketo.call()]
            sent += [(self._clock.seconds, rows_of_it) for _, rows_of_it in ended]
            jobs = [job for job in jobs if job not in ended]
        return sent

    def _files(self, entered: int) -> Iterator[int]:
        most = rows_per_file(self._assumed.address_bytes)
        for first in range(0, entered, most):
            yield min(most, entered - first)

    def _budget(self) -> Budget:
        return Budget(self._marketo, self._connection)
