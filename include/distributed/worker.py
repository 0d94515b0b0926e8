"""A worker: a machine of its own, as far as one machine can be two, whose power can be cut."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from include.demo.airflow_home import clean_environment
from include.demo.processes import kept, tail
from include.demo.task_log import task_log
from include.demo.waiting import wait_for

_START, _PATIENCE = 180, 2.0


class Worker:
    """A Celery worker with a home and a folder for temporary files that are nobody else's.

    Args:
        name: what it is called.
        disk: the folder that stands for its disk; is made.
        url: Airflow's API server.
        settings: what every component is told.
    """

    def __init__(self, name: str, disk: Path, *, url: str, settings: Mapping[str, str]) -> None:
        self.name = name
        self.disk = disk
        self.log = disk.with_suffix(".log")  # what it says of itself; no part of its disk
        home, temporary = disk / "airflow", disk / "tmp"
        for folder in (home, temporary):
            folder.mkdir(parents=True)
        self._env = {
            **clean_environment(),
            **settings,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "TMPDIR": str(temporary),
        }
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, and all that it runs."""
        self._stack.close()

    def start(self) -> None:
        """Start it, on the disk that it has."""
        self._earlier = self._readiness()
        program = str(Path(sys.executable).with_name("airflow"))
        # Its log server listens on every address of the machine, and no setting changes that.
        arguments = ["celery", "worker", "--celery-hostname", self.name, "--skip-serve-logs"]
        self._keeper = self._stack.enter_context(
            kept([program, *arguments], env=self._env, errors=self.log, patience=_PATIENCE)
        )

    def wait_until_ready(self) -> None:
        """Wait until it takes tasks.

        Raises:
            DemoFailed: it does not get there.
        """
        wait_for(
            lambda: True if self._readiness() > self._earlier else None,
            seconds=_START,
            otherwise=lambda: f"{self.name} does not start. The end of {self.log}:\n{tail(self.log)}",
        )

    def last_ran(self, dag_id: str, run_id: str, task_id: str) -> float:
        """Return when it last worked on that task: where a task runs, its log grows. 0 if it never did."""
        log = task_log(self.disk / "airflow" / "logs", dag_id, run_id, task_id)
        return log.stat().st_mtime if log.exists() else 0.0

    def cut_power(self) -> None:
        """Kill it and all that it runs, tasks too, so that none has time to tidy up; its disk stays."""
        doomed = psutil.Process(self._keeper.pid).children(recursive=True)
        for end in (psutil.Process.suspend, psutil.Process.kill):  # suspended first, so that none sees another go
            for one in doomed:
                with suppress(psutil.NoSuchProcess):
                    end(one)
        psutil.wait_procs(doomed, timeout=10)
        self._stack.close()

    def _readiness(self) -> int:
        """Return how often it has said that it is ready."""
        with suppress(FileNotFoundError):
            return self.log.read_text(errors="replace").count(f"{self.name} ready.")
        return 0
