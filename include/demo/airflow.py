"""A real Airflow of one's own: `airflow standalone` in a fresh home, on loopback, gone afterwards."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from include.demo.airflow_api import AirflowApi, DagRun
from include.demo.airflow_home import new_home
from include.demo.failure import DemoFailed
from include.demo.ports import reserved_port
from include.demo.processes import kept, tail
from include.demo.progress import Say
from include.demo.run_watch import RunWatch
from include.demo.waiting import wait_for

USUAL_PORT = 8080
_START, _FIND, _BEGIN, _END = 180, 120, 60, 300


@dataclass(frozen=True, slots=True)
class Airflow:
    """A running Airflow, and how to reach it."""

    api: AirflowApi
    password: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until_ready(self) -> None:
        """Wait for all of its components to be healthy, and log in.

        Raises:
            DemoFailed: it ended, or did not get there in three minutes.
        """
        state = {"last": "it does not answer"}

        def ready() -> bool | None:
            if self.process.poll() is not None:
                raise DemoFailed(f"Airflow ended while it started. {self._shown_log()}")
            try:
                self.api.log_in()
                ailing = self.api.ailing()
            except requests.RequestException:
                return None
            state["last"] = f"not healthy: {', '.join(ailing)}"
            return None if ailing else True

        wait_for(
            ready,
            seconds=_START,
            otherwise=lambda: f"Airflow is not ready after {_START} s; {state['last']}. {self._shown_log()}",
        )

    def wait_for_dags(self, dag_ids: set[str]) -> None:
        """Wait until Airflow knows these DAGs.

        Raises:
            DemoFailed: a DAG file cannot be imported, or the DAGs do not turn up in two minutes.
        """

        def all_there() -> bool | None:
            if errors := self.api.import_errors():
                raise DemoFailed("A DAG file cannot be imported:\n" + "\n".join(errors))
            return True if dag_ids <= self.api.dag_ids() else None

        missing = ", ".join(sorted(dag_ids))
        wait_for(
            all_there, seconds=_FIND, otherwise=lambda: f"Airflow does not find {missing}. {self._shown_log()}"
        )

    def wait_for_scheduled_run(self, dag_id: str) -> DagRun:
        """Return the first run that the scheduler makes of a DAG.

        Raises:
            DemoFailed: it makes none in a minute.
        """

        def scheduled() -> DagRun | None:
            return next((run for run in self.api.runs(dag_id) if run.run_type == "scheduled"), None)

        return wait_for(
            scheduled,
            seconds=_BEGIN,
            otherwise=lambda: f"The scheduler makes no run of {dag_id}. {self._shown_log()}",
        )

    def wait_for_run(self, dag_id: str, run_id: str, *, seconds: float, say: Say) -> DagRun:
        """Wait until a run is over, and tell each change of a task's state.

        Raises:
            DemoFailed: a task failed, even if Airflow would try again, or the time is up.
        """
        watch = RunWatch(self.api, self.home / "logs", dag_id=dag_id, run_id=run_id, say=say)
        run = wait_for(
            watch.look,
            seconds=seconds,
            otherwise=lambda: f"{dag_id} is not done after {seconds:.0f} s; {watch.standing()}",
        )
        if run.state != "success":
            raise DemoFailed(f"The run {run_id} of {dag_id} ended as {run.state}.")
        return run

    def wait_for_end(self, dag_id: str, run_id: str) -> str:
        """Return the state in which a run ends, whatever its tasks go through.

        Raises:
            DemoFailed: it does not end in five minutes.
        """

        def ended() -> str | None:
            run = self.api.run(dag_id, run_id)
            return run.state if run.is_over else None

        return wait_for(
            ended,
            seconds=_END,
            otherwise=lambda: f"{run_id} of {dag_id} is not over; {self.api.task_states(dag_id, run_id)}",
        )

    def _shown_log(self) -> str:
        return f"The end of {self.log}:\n{tail(self.log)}"


@contextmanager
def running_airflow(home: Path, env: Mapping[str, str] | None = None) -> Iterator[Airflow]:
    """Run `airflow standalone` while the context lasts; yields at once, so that it is to be waited for.

    Args:
        home: its AIRFLOW_HOME, which is made.
        env: settings beside the demo's own, such as AIRFLOW__CORE__DAGS_FOLDER.
    """
    log = home / "standalone.log"
    with reserved_port(USUAL_PORT) as port:
        made = new_home(home, port=port, env=env or {})
        with kept(made.command("standalone"), env=made.env, errors=log) as process:
            yield Airflow(made.api(), made.password, home, process, log)
