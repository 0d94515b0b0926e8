"""Bulk imports in a real Airflow whose triggerer and worker are killed or frozen while the file waits."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from include.demo.airflow import Airflow, running_airflow
from include.demo.sandbox import Sandbox, running_sandbox
from include.demo.truth import read_cohort
from include.demo.waiting import wait_for
from tests.system.running import Processes, kill, processes_of

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
    with DAG(name, schedule=None, default_args={"retries": 10, "retry_delay": timedelta(seconds=1)}):
        CohortToMarketoOperator(
            task_id="export",
            cohort_id=1001,
            marketo_field=field,
            route="bulk_import",
            deferrable=deferrable,
        )
'''
# Who was killed or frozen is missed by his silence; these are only shorter than Airflow's own.
_QUICK = {
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}
_SHOW_TRIGGERS = """
import json

from airflow.models.trigger import Trigger
from airflow.utils.session import create_session

with create_session() as session:
    print(json.dumps([trigger.kwargs for trigger in session.query(Trigger)]))
"""


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


@pytest.fixture(scope="module")
def processes(airflow: Airflow) -> Iterator[Processes]:
    """Look after that Airflow's processes."""
    with processes_of(airflow) as processes:
        yield processes


def test_a_run_goes_on_after_the_triggerer_was_killed(
    airflow: Airflow, sandbox: Sandbox, processes: Processes
) -> None:
    """The file is taken once, and every member's flag is True; what waits knows the job, and nobody in it."""
    run = _run_until_deferred(airflow, sandbox)
    (job,) = sandbox.marketo("GET", "imports")["imports"]
    (wait,) = _waits(airflow)

    kill(processes.component("triggerer"))
    sandbox.marketo("POST", "release-imports")
    processes.start("triggerer")
    ended = airflow.wait_for_end(*run)

    assert wait.keys() == {"marketo_conn_id", "batch_ids", "until"}
    assert wait["batch_ids"] == [job["batch_id"]]
    assert ended == "success"
    assert _uploads(sandbox, "flagDeferred") == 1
    assert _holding_true(sandbox, "flagDeferred") == _members(sandbox)


def test_a_run_goes_on_while_the_triggerer_is_frozen(
    airflow: Airflow, sandbox: Sandbox, processes: Processes
) -> None:
    """Another triggerer takes its waits over; when it awakes nothing happens twice."""
    sandbox.churn(COHORT, seed=SEED, entered=300, exited=200)
    run = _run_until_deferred(airflow, sandbox)
    triggerer = processes.component("triggerer")
    frozen = [triggerer, *triggerer.children(recursive=True)]

    for process in frozen:
        process.suspend()
    processes.start("triggerer")
    sandbox.marketo("POST", "release-imports")
    ended = airflow.wait_for_end(*run)
    for process in frozen:
        process.resume()
    wait_for(
        lambda: airflow.api.alive("TriggererJob") == 2 or None,
        seconds=_LONGEST,
        otherwise=lambda: "The triggerer that was frozen does not go on.",
    )

    assert ended == "success"
    assert len(airflow.api.runs("deferred")) == 2
    assert _uploads(sandbox, "flagDeferred") == 2
    assert _holding_true(sandbox, "flagDeferred") == _members(sandbox)


def test_a_run_goes_on_after_its_worker_was_killed(
    airflow: Airflow, sandbox: Sandbox, processes: Processes
) -> None:
    """The retry finds the job that the killed try had uploaded."""
    run = _run_until_queued(airflow, sandbox, "held", "flagHeld")

    kill(processes.supervisor(airflow.api.try_id(*run, "export")))
    sandbox.marketo("POST", "release-imports")
    ended = airflow.wait_for_end(*run)

    assert ended == "success"
    assert _uploads(sandbox, "flagHeld") == 1
    assert _holding_true(sandbox, "flagHeld") == _members(sandbox)


def _run_until_deferred(airflow: Airflow, sandbox: Sandbox) -> tuple[str, str]:
    """Trigger a run, and wait until it waits for its import without a worker."""
    run = _run_until_queued(airflow, sandbox, "deferred", "flagDeferred")
    wait_for(
        lambda: airflow.api.task_states(*run)["export"] == "deferred" or None,
        seconds=_LONGEST,
        otherwise=lambda: "The task does not wait without a worker.",
    )
    return run


def _waits(airflow: Airflow) -> list[dict[str, Any]]:
    """Return what the rows of Airflow's triggers hold, decrypted; its REST API shows nothing of it."""
    env = psutil.Process(airflow.process.pid).environ()
    shown = subprocess.run([sys.executable, "-c", _SHOW_TRIGGERS], env=env, capture_output=True, check=True)  # noqa: S603 - ours
    waits: list[dict[str, Any]] = json.loads(shown.stdout.splitlines()[-1])
    return waits


def _run_until_queued(airflow: Airflow, sandbox: Sandbox, dag_id: str, field: str) -> tuple[str, str]:
    """Trigger a run whose file stays in Marketo's queue, and wait until the run waits for it."""
    uploads = _uploads(sandbox, field)
    sandbox.marketo("POST", "next-imports", {"then": "stick"})
    airflow.api.unpause(dag_id)
    run_id = airflow.api.trigger(dag_id)

    def waits() -> bool | None:
        uploaded = _uploads(sandbox, field) > uploads
        return (uploaded and _last_record(airflow.home, field) == "lease_given_back") or None

    wait_for(waits, seconds=_LONGEST, otherwise=lambda: "The run does not get to waiting for its import.")
    return dag_id, run_id


def _last_record(home: Path, field: str) -> str | None:
    records = sorted(home.glob(f"marketo_state/marketo/*/{field.lower()}/log/*.json"))
    return json.loads(records[-1].read_bytes())["kind"] if records else None


def _uploads(sandbox: Sandbox, field: str) -> int:
    """Return how many files for a field Marketo has accepted."""
    return sum(field in job["header"] for job in sandbox.marketo("GET", "imports")["imports"])


def _holding_true(sandbox: Sandbox, field: str) -> set[str]:
    return {lead.key for lead in sandbox.leads() if lead.values.get(field) is True}


def _members(sandbox: Sandbox) -> set[str]:
    return set(read_cohort(sandbox.emails(COHORT)).members)
