"""What an operator does in a real Airflow: backfills, clears, pauses.

Judged by the sandbox: what its leads hold, and what Marketo was told, request by request. One Airflow for all; the
tests go on where the one before has left it.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from include.demo.airflow import running_airflow
from include.demo.project import write_project
from include.demo.sandbox import Sandbox, running_sandbox
from include.demo.truth import read_cohort
from tests.system.operating import Operator

pytestmark = [pytest.mark.airflow, pytest.mark.system]

COHORT, FIELD, DAG_ID, SEED = 1001, "mixpanelTrialUsers", "cohort_export__trial_users", 7
TODAY = datetime.now(UTC).date()
WEEK_AGO, YESTERDAY = TODAY - timedelta(days=7), TODAY - timedelta(days=1)
EXPORT = {
    "name": "trial_users",
    "cohort_id": COHORT,
    "marketo_field": FIELD,
    "sync_type": "dynamic",
    "schedule": "@daily",
    "start_date": (TODAY - timedelta(days=40)).isoformat(),
    "retry_delay_seconds": 1,
}
SKIPPED = dict.fromkeys(("check_field", "snapshot_cohort", "export_to_marketo"), "skipped")
DONE = dict.fromkeys(SKIPPED, "success")


class Vendors:
    """The sandbox, as the tests look at it and change it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.seen = 0

    def right(self) -> bool:
        """Whether exactly the members hold True."""
        members = read_cohort(self.sandbox.emails(COHORT)).members
        return {lead.key for lead in self.sandbox.leads() if lead.values.get(FIELD) is True} == members

    def told(self) -> list[tuple[str, bool]]:
        """Return what Marketo was told since the last call: lead by lead, in order."""
        addresses = {lead.lead_id: lead.key for lead in self.sandbox.leads()}
        calls = self.sandbox.calls(since=self.seen)
        self.seen = max([call.number + 1 for call in calls], default=self.seen)
        writes = [call for call in calls if call.path == "/rest/v1/leads.json" and "_method" not in call.query]
        return [
            (addresses[record["id"]] if "id" in record else record["email"].lower(), record[FIELD])
            for call in writes
            for record in json.loads(call.body)["input"]
        ]

    def members(self) -> list[Any]:
        """Return the ids of those who are in the cohort."""
        return [one["distinct_id"] for one in self._mixpanel("GET", f"cohort?id={COHORT}")["members"]]

    def set_members(self, members: list[Any]) -> None:
        """Let the cohort consist of these."""
        self._mixpanel("POST", "cohort", {"id": COHORT, "members": members})

    def _mixpanel(self, method: str, route: str, body: object = None) -> Any:
        url = self.sandbox.connections()[1].host
        answer = requests.request(method, f"{url}/_sandbox/{route}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendors]:
    """Run a sandbox with one cohort and its field."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "log", seed=SEED) as sandbox:
        sandbox.generate(COHORT, seed=SEED, size=800)
        sandbox.create_field(FIELD, display_name="Mixpanel Trial Users")
        yield Vendors(sandbox)


@pytest.fixture(scope="module")
def operator(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Run an Airflow with one daily export, forty days old and never run."""
    folder = tmp_path_factory.mktemp("backfill")
    write_project(folder, [EXPORT])
    env = {"AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"), "AIRFLOW__CORE__PARALLELISM": "6"}
    with running_airflow(folder / "airflow", env) as airflow:
        airflow.wait_until_ready()
        for connection in vendors.sandbox.connections():
            airflow.api.create_connection(connection)
        airflow.wait_for_dags({DAG_ID})
        yield Operator(airflow, DAG_ID)


@pytest.fixture(scope="module")
def exported(operator: Operator, vendors: Vendors) -> list[tuple[str, bool]]:
    """Backfill a week, ten at once, of a field that nothing was delivered to; return what Marketo was told."""
    operator.backfill(WEEK_AGO, YESTERDAY, reprocess="completed", at_once=10)
    operator.pause(paused=False)
    operator.wait_for_all()
    return vendors.told()


def last_delivery(operator: Operator) -> str:
    """Return the run that exported last."""
    reports = {run.run_id: operator.report(run.run_id) for run in operator.runs()}
    return max((one for one in reports if reports[one]), key=lambda one: reports[one]["finished_at"])


def test_a_backfill_of_a_week_at_once_tells_marketo_everything_once(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """Whichever of its runs was the first; the others had nothing to send, or were skipped."""
    runs = operator.runs()

    assert len(runs) >= 7
    assert {run.state for run in runs} == {"success"}
    assert vendors.right()
    assert len(exported) == len(set(exported)) > 300
    assert {value for _, value in exported} == {True}


def test_unpausing_after_forty_days_makes_one_run(operator: Operator, exported: list[tuple[str, bool]]) -> None:
    """Not one a day; where the backfill has made yesterday's, not even that."""
    scheduled = [run for run in operator.runs() if run.run_type == "scheduled"]

    assert len(scheduled) <= 1
    assert len(operator.runs()) <= 8


def test_a_backfill_that_reprocesses_completed_runs_moves_the_field_forward_once(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """One run exports the cohort of now, the last delivery's; all others are skipped."""
    vendors.sandbox.churn(COHORT, seed=SEED, entered=40, exited=30)

    operator.backfill(WEEK_AGO, YESTERDAY, reprocess="completed", at_once=10)
    operator.wait_for_all()

    told = vendors.told()
    states = [operator.tasks(run.run_id) for run in operator.runs()]
    assert (states.count(DONE), states.count(SKIPPED)) == (1, len(states) - 1)
    assert vendors.right()
    assert len(told) == len(dict(told))
    assert {value for _, value in told} == {True, False}


def test_clearing_a_finished_run_is_skipped(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """It is not the last delivery, and who has entered since is not its business."""
    vendors.sandbox.churn(COHORT, seed=SEED + 1, entered=5, exited=5)
    run_id = next(run.run_id for run in operator.runs() if run.run_id != last_delivery(operator))

    operator.clear(run_id)
    operator.wait(run_id)

    assert operator.tasks(run_id) == SKIPPED
    assert vendors.told() == []


def test_clearing_the_export_of_a_finished_run_answers_with_its_report(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """Nothing is sent again."""
    run_id = last_delivery(operator)
    report = operator.report(run_id)

    operator.clear(run_id, "export_to_marketo")
    operator.wait(run_id)

    assert operator.tasks(run_id) == DONE
    assert operator.report(run_id) == report
    assert vendors.told() == []


def test_clearing_a_failed_run_begins_anew(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """A guard had stopped it, since nearly everybody seemed to have left."""
    members = vendors.members()
    vendors.set_members(members[:10])
    run_id = operator.trigger()
    failed = operator.tasks(run_id), vendors.told()
    vendors.set_members(members)

    operator.clear(run_id)
    operator.wait(run_id)

    assert failed == ({**DONE, "export_to_marketo": "failed"}, [])
    assert operator.tasks(run_id) == DONE
    assert vendors.right()


def test_pausing_and_unpausing_makes_no_other_run_than_the_one_that_waits(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """The last interval has its run; the one that was triggered meanwhile makes the field true."""
    operator.pause(paused=True)
    before = len(operator.runs())
    vendors.set_members(vendors.members()[:300])
    run_id = operator.begin(allow_exits=500)

    operator.pause(paused=False)
    operator.wait(run_id)

    assert len(operator.runs()) == before + 1
    assert operator.tasks(run_id) == DONE
    assert vendors.right()


def test_what_let_a_change_through_does_not_count_once_the_run_is_cleared(
    operator: Operator, vendors: Vendors, exported: list[tuple[str, bool]]
) -> None:
    """The run above, which was allowed 500 exits; by now they would be others, so that the guard asks."""
    run_id = last_delivery(operator)
    vendors.told()
    vendors.set_members(vendors.members()[:10])

    operator.clear(run_id)
    operator.wait(run_id)

    assert operator.tasks(run_id) == {**DONE, "export_to_marketo": "failed"}
    assert vendors.told() == []
