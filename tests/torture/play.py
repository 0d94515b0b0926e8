"""Plays a schedule: its rounds, then runs without faults, then the verdict."""

import logging
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from include.sandbox.marketo_bulk_queue import ImportSettings, NextImports
from marketo_provider.sync import batches, import_files
from tests.sync.world import FIELD
from tests.torture import databases, kinds, pool
from tests.torture.by_hand import Marks, break_field, interfere, mend_fields
from tests.torture.process import Plan
from tests.torture.schedule import Round, Schedule
from tests.torture.tasks import DagRun
from tests.torture.verdict import judge
from tests.torture.witness import under_way
from tests.torture.world import World, address

_DAYS = 86_400.0
_ASKS = re.compile(r"(allow_exits|allow_entries) = (\d+)")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a seed."""

    seed: int
    effects: Counter[str]
    violations: list[str]
    ended: list[str]


def play(seed: int) -> Played:
    """Play the schedule of a seed."""
    schedule = Schedule.draw(seed)
    _settle(schedule)
    with tempfile.TemporaryDirectory() as folder:
        return _Play(World(schedule, Path(folder))).to_the_end()


class _Play:
    def __init__(self, world: World) -> None:
        self._world = world
        self._marks = Marks()
        self._runs: list[DagRun] = []
        self._counted: set[int] = set()

    def to_the_end(self) -> Played:
        world = self._world
        for number, one in enumerate(world.schedule.rounds):
            self._round(number, one)
        self._recover()
        violations = judge(world, self._marks)
        return Played(
            world.schedule.seed, world.effects, violations, [f"{run.run_id}: {run.ended}" for run in self._runs]
        )

    def _round(self, number: int, one: Round) -> None:
        world = self._world
        world.stepper.sleep(one.pause)
        mend_fields(world)
        for kind in one.by_hand:
            interfere(world, self._marks, kind)
        for export, people in enumerate(one.cohorts):
            world.set_cohort(export, people)
        if () in one.cohorts:
            world.effects["cohort_emptied"] += 1
        self._arrange_jobs(one.job)
        if one.field:
            break_field(world, one.export, one.field)
        world.stepper.run(self._tasks(number, one))
        self._count_jobs()
        if one.field:
            world.effects[one.field] += 1

    def _tasks(self, number: int, one: Round) -> list[Callable[[], None]]:
        plans = [Plan([*faults]) for faults in one.faults]
        first = self._dag_run(one.export, f"run-{number}", plans[0], one.parameters)
        if one.how == "one":
            return [first.carry_out]
        self._world.effects[one.how] += 1
        if one.how == "exports_overlap":
            other = self._dag_run(1 - one.export, f"other-{number}", plans[1], {})
            return [first.carry_out, other.carry_out]
        older = self._quietly(first)
        if one.how == "tries_overlap":
            again = self._dag_run(one.export, f"run-{number}", plans[1], one.parameters)
            return [partial(first.deliver, older), partial(again.deliver, older)]
        second = self._dag_run(one.export, f"second-{number}", plans[1], one.parameters)
        moved = one.cohorts[one.export][self._world.random.randrange(3) :]
        self._world.set_cohort(one.export, moved)
        newer = self._quietly(second)
        return [partial(first.deliver, older), partial(second.deliver, newer)]

    def _quietly(self, run: DagRun) -> str | None:
        """Read a snapshot without a fault."""
        plan, run.plan = run.plan, Plan()
        name = run.snapshot()
        run.plan = plan
        return name

    def _dag_run(self, number: int, run_id: str, plan: Plan, parameters: dict[str, Any]) -> DagRun:
        if self._world.schedule.exports[number].sync_type == "one_time":
            parameters = {name: value for name, value in parameters.items() if name != "full_refresh"}
        run = DagRun(self._world, number, f"{number}/{run_id}", plan, parameters)
        self._runs.append(run)
        return run

    def _arrange_jobs(self, job: str) -> None:
        imports, latest = self._world.marketo.instance.imports, self._world.schedule.latest_job
        imports.settings = ImportSettings(rows_per_second=0.02 if job == "job_slow" else 10_000.0)
        if job == "job_late":
            imports.mishaps.append(NextImports(then="lag", seconds=self._world.random.uniform(60, latest)))
        elif job == "job_failed":
            imports.mishaps.append(NextImports(then="fail"))
        elif job == "job_stuck" and latest > 3600:
            imports.mishaps.append(NextImports(then="stick"))

    def _count_jobs(self) -> None:
        """Count what has befallen import jobs, once each."""
        names = {"stick": "job_stuck", "lag": "job_late", "fail": "job_failed"}
        for job in self._world.marketo.instance.imports.jobs.values():
            if job.mishap and job.batch_id not in self._counted:
                self._world.effects[names[job.mishap]] += 1
                self._counted.add(job.batch_id)
            if job.rows_per_second < 1 and job.work and -job.batch_id not in self._counted:
                self._world.effects["job_slow"] += 1
                self._counted.add(-job.batch_id)

    def _recover(self) -> None:
        """Run without faults: once, or twice where a job was late; and as often as a message asks to."""
        world = self._world
        mend_fields(world)
        jobs = world.marketo.instance.imports
        jobs.mishaps.clear()
        jobs.settings = ImportSettings()
        for number, people in enumerate(world.schedule.rounds[-1].cohorts):
            world.set_cohort(number, people)
        world.stepper.sleep(world.schedule.wait)
        jobs.advance()
        late = any(under_way(job) for job in jobs.jobs.values())
        jobs.release()
        while any(under_way(job) for job in jobs.jobs.values()):
            world.stepper.sleep(60.0)
            jobs.advance()
        if world.witness.open_files:
            # Whether Marketo has taken these is not known: for a day their rows are kept from creating leads.
            world.stepper.sleep(_DAYS + 3600.0)
        if self._has_returned():
            # Who is not in Marketo is asked for again after 1, 2, 4 ... 30 days.
            world.stepper.sleep(31 * _DAYS)
        self._run_each(2 if late or self._interfered else 1)
        if self._has_returned():
            # Another export has created somebody meanwhile.
            world.stepper.sleep(31 * _DAYS)
            self._run_each(1)

    def _run_each(self, times: int) -> None:
        for number in range(len(self._world.exports)):
            for _ in range(times):
                self._run_until_done(number)
                self._world.stepper.sleep(600.0)

    def _has_returned(self) -> bool:
        """Whether there may be leads now of members for whom there was none, and none was to be made."""
        if not all(export.create_leads for export in self._world.exports):
            return True
        removed = {email for emails in self._world.witness.removed.values() for email in emails}
        return bool(self._world.marketo.instance.leads.find("email", removed))

    @property
    def _interfered(self) -> bool:
        """Whether people have changed leads, which the first run after it may see only when it reads back."""
        return any(self._world.effects[kind] for kind in kinds.BY_HAND)

    def _run_until_done(self, number: int) -> None:
        """Run, and do what the messages say."""
        one_time = self._world.schedule.exports[number].sync_type == "one_time"
        parameters: dict[str, Any] = {"retry_refused": True}
        for attempt in range(8):
            run = self._dag_run(number, f"last-{attempt}-{self._world.stepper.seconds:.0f}", Plan(), parameters)
            run.carry_out()
            text = str(run.error or "")
            asked = _ASKS.search(text)
            self._world.stepper.sleep(400.0)
            if run.ended == "GuardStopped" and asked:
                parameters = {"retry_refused": True, asked[1]: int(asked[2])}
            elif run.ended == "TooMuchDrift" and not one_time:
                parameters = {"retry_refused": True, "full_refresh": True}
            elif run.ended == "FieldUnusable" and "adopt = true" in text:
                parameters = {"retry_refused": True, "adopt": True}
            elif run.ended == "done" and self._has_left_over(number):
                continue
            elif one_time and run.ended == "done":
                continue  # until it says that it is finished
            else:
                break

    def _has_left_over(self, number: int) -> bool:
        return self._world.exports[number].max_changes_per_run is not None


def _settle(schedule: Schedule) -> None:
    """Make the provider work in the small (few records a request, few rows a file), and repeatably."""
    logging.disable(logging.CRITICAL)
    pool.install()
    databases.install()
    chance = Random(f"names {schedule.seed}")  # noqa: S311 - repeatable on purpose
    secrets.token_hex = lambda nbytes=None: f"{chance.getrandbits(8 * (nbytes or 16)):0{2 * (nbytes or 16)}x}"
    secrets.randbits = chance.getrandbits  # type: ignore[assignment] # its argument has another name
    batches.MOST_RECORDS = schedule.records
    most = len(f"email,{FIELD}\r\n") + schedule.file_rows * len(f"{address(0)},true\r\n")
    import_files.write_import_files.__kwdefaults__ = {"most_bytes": most}
