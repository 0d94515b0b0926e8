"""What an operator does with a running Airflow: at its UI, whose REST API this is, and at its command line."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import requests

from include.demo.airflow import Airflow
from include.demo.airflow_api import DagRun
from include.demo.airflow_home import USER
from include.demo.waiting import wait_for

_TIMEOUT = 30
_LONGEST = 600


class Operator:
    """Somebody who is logged in, and looks after one DAG."""

    def __init__(self, airflow: Airflow, dag_id: str) -> None:
        self.dag_id = dag_id
        self._airflow = airflow
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of this machine has no business on loopback
        credentials = {"username": USER, "password": airflow.password}
        token = self._send("POST", "auth/token", credentials)["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def backfill(self, first: date, last: date, *, reprocess: str, at_once: int) -> None:
        """Create a backfill, both days included, by `airflow backfill create`."""
        command = [
            *(str(Path(sys.executable).with_name("airflow")), "backfill", "create"),
            *("--dag-id", self.dag_id),
            *("--from-date", first.isoformat(), "--to-date", last.isoformat()),
            *("--reprocess-behavior", reprocess, "--max-active-runs", str(at_once)),
        ]
        env = psutil.Process(self._airflow.process.pid).environ()

        def created() -> bool | None:
            # Who reads and then writes to Airflow's SQLite file fails if anybody has written in between.
            with self._held_still():
                ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - ours
            # It was held in the middle of a write, then; the command undoes what it had begun.
            assert ended.returncode == 0 or "database is locked" in ended.stderr, ended.stdout + ended.stderr
            return True if ended.returncode == 0 else None

        # There is one at a time, and Airflow closes it some time after its last run.
        wait_for(self._no_backfill, seconds=_LONGEST, otherwise=lambda: "The last backfill is not closed.")
        wait_for(created, seconds=_LONGEST, otherwise=lambda: "The database stays locked.")

    def clear(self, run_id: str, *tasks: str) -> None:
        """Clear a run, or some tasks of it alone."""
        body: dict[str, object] = {"dry_run": False, "dag_run_id": run_id, "only_failed": False}
        if tasks:
            body["task_ids"] = list(tasks)
        self._send("POST", f"api/v2/dags/{self.dag_id}/clearTaskInstances", body)

    def pause(self, *, paused: bool) -> None:
        """Pause the DAG, or unpause it."""
        self._send("PATCH", f"api/v2/dags/{self.dag_id}", {"is_paused": paused})

    def begin(self, **conf: object) -> str:
        """Trigger a run, and return its id."""
        return self._airflow.api.trigger(self.dag_id, **conf)

    def trigger(self, **conf: object) -> str:
        """Trigger a run, wait for its end, and return its id."""
        run_id = self.begin(**conf)
        self.wait(run_id)
        return run_id

    def runs(self) -> list[DagRun]:
        """Return all runs."""
        return self._airflow.api.runs(self.dag_id)

    def tasks(self, run_id: str) -> dict[str, str]:
        """Return the states of a run's tasks."""
        return self._airflow.api.task_states(self.dag_id, run_id)

    def report(self, run_id: str) -> Any:
        """Return the report that a run has in Airflow, if it has one."""
        return self._airflow.api.xcom(self._airflow.api.run(self.dag_id, run_id), "export_to_marketo")

    def wait(self, run_id: str) -> None:
        """Wait until a run is over."""
        wait_for(
            lambda: self._airflow.api.run(self.dag_id, run_id).is_over or None,
            seconds=_LONGEST,
            otherwise=lambda: f"The run {run_id} is not over: {self.tasks(run_id)}",
        )

    def wait_for_all(self) -> None:
        """Wait until every run is over."""
        wait_for(
            lambda: all(run.is_over for run in self.runs()) or None,
            seconds=_LONGEST,
            otherwise=lambda: f"Not over: {[(run.run_id, self.tasks(run.run_id)) for run in self.runs()]}",
        )

    def _no_backfill(self) -> bool | None:
        backfills = self._send("GET", f"api/v2/backfills?dag_id={self.dag_id}")["backfills"]
        return True if all(one["completed_at"] for one in backfills) else None

    @contextmanager
    def _held_still(self) -> Iterator[None]:
        """Let none of Airflow's processes go on while the context lasts."""
        held = psutil.Process(self._airflow.process.pid).children(recursive=True)
        for one in held:
            with suppress(psutil.NoSuchProcess):
                one.suspend()
        try:
            yield
        finally:
            for one in held:
                with suppress(psutil.NoSuchProcess):
                    one.resume()

    def _send(self, method: str, path: str, body: object = None) -> Any:
        answer = self._session.request(method, f"{self._airflow.api.url}/{path}", json=body, timeout=_TIMEOUT)
        assert answer.ok, f"{answer.status_code} to {method} {path}: {answer.text[:500]}"
        return answer.json()
