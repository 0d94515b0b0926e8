"""A running Airflow's processes, found and killed as a machine that fails would: SIGKILL, no time to tidy up."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from include.demo.airflow import Airflow
from include.demo.waiting import wait_for

_LONGEST = 120


def kill_worker(airflow: Airflow) -> None:
    """Kill the worker that runs a task, and the task with it."""
    busy = wait_for(
        lambda: _busy_worker(airflow), seconds=_LONGEST, otherwise=lambda: "No worker of the executor runs a task."
    )
    _kill(busy)


def kill_triggerer(airflow: Airflow) -> "StoppedTriggerer":
    """Kill the triggerer, with the processes that it has started."""
    process = next(one for one in _processes(airflow) if _is_triggerer(one))
    stopped = StoppedTriggerer(process.cmdline(), process.environ(), airflow.home)
    _kill(process)
    return stopped


class StoppedTriggerer:
    """A triggerer that was killed, and can be started again as it was."""

    def __init__(self, command: list[str], env: dict[str, str], home: Path) -> None:
        self._command = command
        self._env = env
        self._home = home

    @contextmanager
    def started_again(self) -> Iterator[None]:
        """Run it while the context lasts."""
        with (self._home / "triggerer.log").open("ab") as log:
            process = subprocess.Popen(self._command, env=self._env, stdout=log, stderr=log)  # noqa: S603 - as it ran
        try:
            yield
        finally:
            _kill(psutil.Process(process.pid))
            process.wait()


def _processes(airflow: Airflow) -> list[psutil.Process]:
    return psutil.Process(airflow.process.pid).children(recursive=True)


def _is_triggerer(process: psutil.Process) -> bool:
    parts = process.cmdline()
    return any(Path(part).name == "airflow" for part in parts) and "triggerer" in parts


def _busy_worker(airflow: Airflow) -> psutil.Process | None:
    for process in _processes(airflow):
        try:
            title = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if "airflow worker -- LocalExecutor" in title and "<idle>" not in title and process.children():
            return process
    return None


def _kill(process: psutil.Process) -> None:
    doomed = [process, *process.children(recursive=True)]
    for one in doomed:
        if one.pid != os.getpid():
            one.kill()
    psutil.wait_procs(doomed, timeout=10)
