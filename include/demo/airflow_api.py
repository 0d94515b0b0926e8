"""What the demo asks of Airflow, over its REST API v2.

The version of the path is Airflow's own: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from include.demo.failure import DemoFailed

_TIMEOUT = 30
_RUNNING = frozenset({"queued", "running"})
RunType = Literal["manual", "scheduled", "backfill", "asset_triggered"]
_COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


@dataclass(frozen=True, slots=True)
class DagRun:
    """A run of a DAG."""

    dag_id: str
    run_id: str
    run_type: str
    state: str

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen in it."""
        return self.state not in _RUNNING


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A Connection to be made."""

    conn_id: str
    conn_type: str
    host: str
    login: str
    password: str
    extra: Mapping[str, object]


class AirflowApi:
    """A person who is logged in to an Airflow."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self.url = url
        self._credentials = {"username": user, "password": password}
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of this machine has no business on loopback
        # A machine that plays several is slow at times, and what only reads may be asked again.
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(read=5, connect=0, allowed_methods={"GET"})))

    def log_in(self) -> None:
        """Get a token.

        Raises:
            requests.RequestException: nobody answers, or somebody else.
        """
        answer = self._session.post(f"{self.url}/auth/token", json=self._credentials, timeout=_TIMEOUT)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ailing(self) -> list[str]:
        """Return the components that are not healthy."""
        health = self._get("monitor/health")
        return [name for name in _COMPONENTS if (health.get(name) or {}).get("status") != "healthy"]

    def alive(self, job_type: str) -> int:
        """Return how many schedulers (`SchedulerJob`) or triggerers (`TriggererJob`) there are."""
        return len(self._get("jobs", job_type=job_type, is_alive="true")["jobs"])

    def create_connection(self, new: NewConnection) -> None:
        """Keep a Connection in the metadata database, where the UI shows it."""
        body = {
            "connection_id": new.conn_id,
            "conn_type": new.conn_type,
            "host": new.host,
            "port": 0,  # without one Airflow 3.3.2 refuses to test it (apache/airflow pull request 73298)
            "login": new.login,
            "password": new.password,
            "extra": json.dumps(dict(new.extra)),
        }
        self._send("POST", "connections", body)

    def import_errors(self) -> list[str]:
        """Return what is wrong with DAG files."""
        return [error["stack_trace"] for error in self._get("importErrors")["import_errors"]]

    def dag_ids(self) -> set[str]:
        """Return the ids of the DAGs that Airflow knows."""
        return {dag["dag_id"] for dag in self._get("dags")["dags"]}

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG."""
        self._send("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, **conf: object) -> str:
        """Begin a run now, with `conf` as its parameters; return its id."""
        # Airflow 3 requires the key: a run by hand need not have a logical date.
        answer = self._send("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(answer["dag_run_id"])

    def runs(self, dag_id: str) -> list[DagRun]:
        """Return the runs of a DAG, or with `~` of all, in the order in which they began."""
        rows = self._get(f"dags/{dag_id}/dagRuns", order_by="start_date", limit=100)["dag_runs"]
        return [DagRun(row["dag_id"], row["dag_run_id"], row["run_type"], row["state"]) for row in rows]

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """Return a run as it is now."""
        row = self._get(f"dags/{dag_id}/dagRuns/{run_id}")
        return DagRun(dag_id, run_id, row["run_type"], row["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return the state of each task that has one, in the order in which they began."""
        rows = self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", order_by="start_date")["task_instances"]
        return {row["task_id"]: row["state"] for row in rows if row["state"]}

    def try_id(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return the id of a task's newest try, which the titles of its processes bear."""
        return str(self._get(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")["id"])

    def xcom(self, run: DagRun, task_id: str, key: str = "return_value") -> Any:
        """Return what a task left; None where it left nothing."""
        path = f"dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        answer = self._session.get(f"{self.url}/api/v2/{path}", timeout=_TIMEOUT)
        if answer.status_code == requests.codes.not_found:
            return None
        return _content(answer)["value"]

    def _get(self, path: str, **query: str | int) -> Any:
        return _content(self._session.get(f"{self.url}/api/v2/{path}", params=query, timeout=_TIMEOUT))

    def _send(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        return _content(self._session.request(method, f"{self.url}/api/v2/{path}", json=body, timeout=_TIMEOUT))


def _content(answer: requests.Response) -> Any:
    if not answer.ok:
        request = f"{answer.request.method} {answer.request.path_url}"
        raise DemoFailed(f"Airflow answered {answer.status_code} to {request}: {answer.text[:500]}")
    return answer.json()
