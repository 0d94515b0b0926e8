"""A DAG run as Airflow carries it out: three tasks, their tries, and their waits without a worker."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from marketo_provider.errors import (
    ImportsUnderWay,
    LeaseHeld,
    MarketoProviderError,
    NothingToDo,
    StopAndAsk,
    TryAgain,
    VendorUnavailable,
    WaitUntil,
)
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import Killed
from tests.torture.process import Plan, Process
from tests.torture.witness import under_way
from tests.torture.work import Work
from tests.torture.world import World

T = TypeVar("T")
_TRIES = 3
_RETRY_SECONDS = 300.0
_PARKED_SECONDS = 600.0
_PARKED_AT_MOST_SECONDS = 3 * 3600.0
_LOOK_SECONDS = 60.0
_MOST_PARTS = 80
# Who has waited so often is looked at hourly, as if there were no free worker: it changes nothing but the time.
_OFTEN, _LATER_SECONDS = 20, 3600.0


@dataclass(slots=True)
class DagRun:
    """One run of one export, with the faults that wait for it; `ended` says how it came to its end."""

    world: World
    number: int
    run_id: str
    plan: Plan
    parameters: dict[str, Any] = field(default_factory=dict)
    ended: str = ""
    error: MarketoProviderError | None = None

    def carry_out(self) -> None:
        """Do all three tasks."""
        if self._task(lambda run, _: check_export(run, interval_end=None)) and (name := self.snapshot()):
            self.deliver(name)

    def snapshot(self) -> str | None:
        """Read the cohort, and return the snapshot's name."""
        return self._task(lambda run, _: read_snapshot(run).name)

    def deliver(self, name: str | None) -> None:
        """Export a snapshot, if it could be read."""
        if name is None:
            return
        witness = self.world.witness
        field_name = self.world.exports[self.number].marketo_field

        def work(run: Run, process: Process) -> None:
            members = witness.snapshots[field_name.lower(), name]
            witness.works[process] = Work(field_name, int(name), members)
            export_cohort(run, name)

        if self._task(work):
            self.ended = "done"

    def _task(self, work: Callable[[Run, Process], T]) -> T | Any:
        """Return what a task returns (True for nothing); nothing where it failed or was skipped."""
        tries, parked_since, stepper = _TRIES, None, self.world.stepper
        for part in range(_MOST_PARTS):
            process = self.world.process(self.run_id, self.plan)
            try:
                run = self.world.run(process, self.number, self.run_id, **self.parameters)
                return work(run, process) or True
            except (StopAndAsk, NothingToDo) as error:
                self.ended, self.error = type(error).__name__, error
                return None
            except WaitUntil as wait:
                parked_since = None
                self._wait(wait)
                stepper.sleep(_LATER_SECONDS if part > _OFTEN else 0.0)
                continue
            except VendorUnavailable:
                parked_since = parked_since or stepper.seconds
                if stepper.seconds - parked_since <= _PARKED_AT_MOST_SECONDS:
                    stepper.sleep(_PARKED_SECONDS)
                    continue
            except (TryAgain, Killed):
                pass
            except Exception as error:  # noqa: BLE001 - whatever else is raised is a fault of the provider's
                self.world.witness.accuse(f"{process.name} raised {type(error).__name__}: {error}")
            tries, parked_since = tries - 1, None
            if not tries:
                self.ended = "failed"
                return None
            stepper.sleep(_RETRY_SECONDS)
        self.ended = "endless"
        return None

    def _wait(self, wait: WaitUntil) -> None:
        stepper, jobs = self.world.stepper, self.world.marketo.instance.imports
        until = (wait.resume_at - stepper.now()).total_seconds() + stepper.seconds
        if isinstance(wait, LeaseHeld):
            until = min(until, stepper.seconds + _LOOK_SECONDS)
        ids = wait.batch_ids if isinstance(wait, ImportsUnderWay) else ()
        while ids and stepper.seconds < until:
            stepper.sleep(min(_LOOK_SECONDS, until - stepper.seconds))
            jobs.advance()
            if not any(under_way(jobs.jobs[one]) for one in ids if one in jobs.jobs):
                return
        stepper.sleep(max(timedelta(seconds=1).total_seconds(), until - stepper.seconds))
