"""A running Airflow's processes: found, killed, stopped and started again as on a machine that fails."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import psutil

from include.demo.airflow import Airflow
from include.demo.processes import kept
from include.demo.waiting import wait_for

_LONGEST = 120
_WORKER = "airflow worker --"
Component = Literal["scheduler", "triggerer"]


class Processes:
    """The processes of an Airflow, those included that were started again."""

    def __init__(self, airflow: Airflow, kept_until: ExitStack) -> None:
        self._airflow = airflow
        self._kept_until = kept_until
        self._keepers = [psutil.Process(airflow.process.pid)]

    def component(self, name: Component) -> psutil.Process:
        """Return the process of a component; the newest, if there are several."""
        return self._await(
            f"component {name}",
            lambda line: name in line.split() and any(Path(part).name == "airflow" for part in line.split()),
        )

    def supervisor(self, try_id: str) -> psutil.Process:
        """Return the worker that supervises a try of a task."""
        return self._await(f"supervisor of {try_id}", lambda line: line == f"{_WORKER} LocalExecutor: {try_id}")

    def task(self, try_id: str) -> psutil.Process:
        """Return the process that a try of a task runs in."""
        return self._await(f"process of {try_id}", lambda line: line == f"{_WORKER} {try_id}")

    def start(self, name: Component) -> None:
        """Start a component, as `airflow standalone` has done it; beside another, if that is still there."""
        keeper = self._keepers[0]
        launcher, _ = keeper.cmdline()[-2:]
        command, log = [launcher, name], self._airflow.home / f"{name}.log"
        started = self._kept_until.enter_context(kept(command, env=keeper.environ(), errors=log))
        self._keepers.append(psutil.Process(started.pid))

    def _await(self, what: str, fits: Callable[[str], bool]) -> psutil.Process:
        return wait_for(lambda: self._newest(fits), seconds=_LONGEST, otherwise=lambda: f"Airflow has no {what}.")

    def _newest(self, fits: Callable[[str], bool]) -> psutil.Process | None:
        """Return the newest process whose command line fits; forks of it, which have the same, apart."""
        everyone = [one for keeper in self._keepers for one in keeper.children(recursive=True)]
        found = {one.pid: one for one in everyone if fits(_command_line(one))}
        heads = [one for one in found.values() if one.ppid() not in found]
        return max(heads, key=psutil.Process.create_time, default=None)


@contextmanager
def processes_of(airflow: Airflow) -> Iterator[Processes]:
    """Look after an Airflow's processes while the context lasts."""
    with ExitStack() as kept_until:
        yield Processes(airflow, kept_until)


def has_ended(process: psutil.Process) -> bool:
    """Return whether nothing of it runs any more; its parent need not have taken notice."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill(process: psutil.Process) -> None:
    """Kill a process and all that it has started: SIGKILL, no time to tidy up."""
    doomed = [process, *process.children(recursive=True)]
    for one in doomed:
        one.kill()
    psutil.wait_procs(doomed, timeout=10)


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
