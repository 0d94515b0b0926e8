"""A first load by bulk import in a real Airflow whose triggerer and worker are killed while the file waits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from include.demo.airflow import Airflow, running_airflow
from include.demo.airflow_api import DagRun
from include.demo.sandbox import Sandbox, running_sandbox
from include.demo.truth import read_cohort
from include.demo.waiting import wait_for
from tests.system.running import kill_triggerer, kill_worker

pytestmark = [pytest.mark.airflow, pytest.mark.system]

COHORT = 1001
SEED = 5
_LONGEST = 300
DAGS = '''
"""Exports of one cohort that go by bulk import whatever their size."""

from datetime import timedelta

from airflow.sdk import DAG

from marketo_provider.operators.marketo import CohortToMarketoOperator

for name, field, deferrable in (("deferred", "flagDeferred", True), ("held", "flagHeld", False)):
    with DAG(name, schedule=None, default_args={"retries": 2, "retry_delay": timedelta(seconds=1)}):
        CohortToMarketoOperator(
            task_id="export",
            cohort_id=1001,
            marketo_field=field,
            route="bulk_import",
            deferrable=deferrable,
        )
'''
# A worker that was killed is missed by its silence; these are only shorter than Airflow's own.
_QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Run a sandbox with one cohort, and a field for each export."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "log", seed=SEED) as sandbox:
        sandbox.generate(COHORT, seed=SEED, size=2_000)
        for name in ("flagDeferred", "flagHeld"):
            sandbox.create_field(name, display_name=name)
        yield sandbox


@pytest.fixture(scope="module")
def airflow(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Run an Airflow that has the DAGs above."""
    folder = tmp_path_factory.mktemp("bulk")
    dags = folder / "dags"
    dags.mkdir()
    (dags / "bulk.py").write_text(DAGS)
    env = {"AIRFLOW__CORE__DAGS_FOLDER": str(dags), **_QUICK}
    with running_airflow(folder / "airflow", env) as airflow:
        airflow.wait_until_ready()
        for connection in sandbox.connections():
            airflow.api.create_connection(connection)
        airflow.wait_for_dags({"deferred", "held"})
        yield airflow


def test_a_run_goes_on_after_the_triggerer_was_killed(airflow: Airflow, sandbox: Sandbox) -> None:
    """The file is taken once, and every member's flag is True."""
    run = _run_until_queued(airflow, sandbox, "deferred", "flagDeferred")
    wait_for(
        lambda: airflow.api.task_states(*run)["export"] == "deferred" or None,
        seconds=_LONGEST,
        otherwise=lambda: "The task does not wait without a worker.",
    )

    stopped = kill_triggerer(airflow)
    _admin(sandbox, "POST", "release-imports")
    with stopped.started_again():
        ended = _wait_for_end(airflow, run)

    assert ended.state == "success"
    assert _uploads(sandbox, "flagDeferred") == 1
    assert _holding_true(sandbox, "flagDeferred") == _members(sandbox)


def test_a_run_goes_on_after_its_worker_was_killed(airflow: Airflow, sandbox: Sandbox) -> None:
    """The retry finds the job that the killed try had uploaded."""
    run = _run_until_queued(airflow, sandbox, "held", "flagHeld")

    kill_worker(airflow)
    _admin(sandbox, "POST", "release-imports")
    ended = _wait_for_end(airflow, run)

    assert ended.state == "success"
    assert _uploads(sandbox, "flagHeld") == 1
    assert _holding_true(sandbox, "flagHeld") == _members(sandbox)


def _run_until_queued(airflow: Airflow, sandbox: Sandbox, dag_id: str, field: str) -> tuple[str, str]:
    """Trigger a run whose file stays in Marketo's queue, and wait until the run waits for it."""
    _admin(sandbox, "POST", "next-imports", {"then": "stick"})
    airflow.api.unpause(dag_id)
    run_id = airflow.api.trigger(dag_id)
    wait_for(
        lambda: _last_record(airflow.home, field) == "lease_given_back" or None,
        seconds=_LONGEST,
        otherwise=lambda: "The run does not get to waiting for its import.",
    )
    assert _uploads(sandbox, field) == 1
    return dag_id, run_id


def _wait_for_end(airflow: Airflow, run: tuple[str, str]) -> DagRun:
    def ended() -> DagRun | None:
        now = airflow.api.run(*run)
        return now if now.is_over else None

    return wait_for(
        ended, seconds=_LONGEST, otherwise=lambda: f"The run is not over: {airflow.api.task_states(*run)}"
    )


def _last_record(home: Path, field: str) -> str | None:
    records = sorted(home.glob(f"marketo_state/marketo/*/{field.lower()}/log/*.json"))
    return json.loads(records[-1].read_bytes())["kind"] if records else None


def _uploads(sandbox: Sandbox, field: str) -> int:
    """Return how many files for a field Marketo has accepted."""
    return sum(field in job["header"] for job in _admin(sandbox, "GET", "imports")["imports"])


def _holding_true(sandbox: Sandbox, field: str) -> set[str]:
    return {lead.key for lead in sandbox.leads() if lead.values.get(field) is True}


def _members(sandbox: Sandbox) -> set[str]:
    return set(read_cohort(sandbox.emails(COHORT)).members)


def _admin(sandbox: Sandbox, method: str, route: str, body: object = None) -> Any:
    url = sandbox.connections()[0].host
    answer = requests.request(method, f"{url}/_sandbox/{route}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()
