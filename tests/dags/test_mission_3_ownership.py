"""Mission line 3: a field belongs to one export, across DAGs and restarts; a finished one-time export is finished.

The same cohort to a new field works, and a Connection pointed at another Marketo instance means another target.
"""

import shutil
from datetime import UTC, datetime

import pytest

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.serving import serve
from tests.dags.deployment import (
    COHORT,
    FIELD,
    MARKETO_ID,
    MARKETO_SECRET,
    OTHER_COHORT,
    OTHER_FIELD,
    Deployment,
    Outcome,
)

pytestmark = pytest.mark.airflow

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"


@pytest.fixture
def exported(deployment: Deployment) -> Deployment:
    """Return a deployment in which `trial_users` owns the field."""
    deployment.set_cohort([CLEO], OTHER_COHORT)
    deployment.export_once([ANN, BOB])
    return deployment


@pytest.fixture
def launched(deployment: Deployment) -> Deployment:
    """Return a deployment whose one-time export `launch` is finished."""
    deployment.declare("launch", sync_type="one_time")
    deployment.set_cohort([ANN, BOB])
    assert deployment.run("launch").state == "success"
    deployment.marketo.wire.log.clear()
    deployment.mixpanel.wire.log.clear()
    return deployment


def assert_refused(deployment: Deployment, outcome: Outcome, *words: str) -> None:
    """Make sure that the check failed for good, said `words`, and that nothing was read or written."""
    assert (outcome.state, outcome.tasks["check_field"], outcome.tries["check_field"]) == ("failed", "failed", 1)
    assert [word for word in words if word not in outcome.failure] == []
    assert deployment.writes() == []
    assert deployment.asked_mixpanel() == []


def test_another_dag_is_refused_the_field(exported: Deployment) -> None:
    """Through a Connection of another name too: the field is the same, and both DAGs are there."""
    exported.connect_marketo(conn_id="marketo_again")
    exported.declare("readers", cohort_id=OTHER_COHORT, marketo_conn_id="marketo_again")

    outcome = exported.run("readers")

    assert_refused(exported, outcome, "belongs to export 'trial_users'", f"cohort {COHORT}", "new Boolean field")


def test_a_dag_that_replaces_another_is_refused_its_field(exported: Deployment) -> None:
    """The claim outlives the export's YAML and every restart."""
    exported.withdraw("trial_users")
    exported.declare("readers", cohort_id=OTHER_COHORT)

    outcome = exported.run("readers")

    assert_refused(exported, outcome, "belongs to export 'trial_users'")


def test_the_field_of_a_dynamic_export_is_refused_to_a_one_time_one(exported: Deployment) -> None:
    """Even for the same cohort."""
    exported.withdraw("trial_users")
    exported.declare("launch", sync_type="one_time")

    outcome = exported.run("launch")

    assert_refused(exported, outcome, "belongs to export 'trial_users'", "dynamic")


def test_another_project_s_cohort_is_refused_the_field(exported: Deployment) -> None:
    """Cohort numbers mean something within their project only."""
    exported.connect_mixpanel(project_id=3)

    outcome = exported.run()

    assert_refused(exported, outcome, "belongs to export 'trial_users'")


def test_a_renamed_export_goes_on(exported: Deployment) -> None:
    """The name is a label: the ledger is the field's."""
    exported.withdraw("trial_users")
    exported.declare("trialists")
    exported.set_cohort([ANN])

    outcome = exported.run("trialists")

    assert outcome.state == "success"
    assert exported.flags() == {ANN: True, BOB: False}


def test_the_same_cohort_goes_to_a_new_field(exported: Deployment) -> None:
    """Another export of it gives every member the other flag, and leaves the first alone."""
    exported.declare("again", marketo_field=OTHER_FIELD)

    outcome = exported.run("again")

    assert outcome.state == "success"
    assert exported.flags(OTHER_FIELD) == exported.flags() == {ANN: True, BOB: True}


def test_a_finished_one_time_export_is_not_repeated(launched: Deployment) -> None:
    """It is refused with the day on which it was finished, and the way out."""
    outcome = launched.run("launch")

    assert_refused(launched, outcome, f"finished on {datetime.now(UTC):%Y-%m-}", "marketo_field")


def test_a_one_time_export_goes_to_the_field_that_a_run_names(launched: Deployment) -> None:
    """`marketo_field` gives every member of now the new flag, members of the first run too."""
    launched.set_cohort([ANN, BOB, CLEO])

    outcome = launched.run("launch", marketo_field=OTHER_FIELD)

    assert outcome.state == "success"
    assert launched.flags(OTHER_FIELD) == {ANN: True, BOB: True, CLEO: True}
    assert launched.flags() == {ANN: True, BOB: True, CLEO: None}


def test_a_field_that_a_run_named_is_finished_too(launched: Deployment) -> None:
    """A second run to it is refused like the first field's."""
    launched.run("launch", marketo_field=OTHER_FIELD)
    launched.marketo.wire.log.clear()
    launched.mixpanel.wire.log.clear()

    outcome = launched.run("launch", marketo_field=OTHER_FIELD)

    assert_refused(launched, outcome, OTHER_FIELD, "finished on")


def test_another_marketo_instance_is_another_target(exported: Deployment) -> None:
    """Everything is sent there, nothing is assumed, and what the first one holds is not touched."""
    other = MarketoSandbox(SystemClock(), 1, client_id=MARKETO_ID, client_secret=MARKETO_SECRET)
    for field in exported.marketo.instance.catalog:
        other.instance.catalog.put(field)
    with serve(other) as url:
        exported.connect_marketo(url)

        outcome = exported.run()

    assert outcome.state == "success"
    assert {lead.values["email"]: lead.values[FIELD] for lead in other.instance.leads} == {ANN: True, BOB: True}
    assert exported.writes() == []


def test_a_field_is_free_again_where_the_state_store_is_a_new_one(exported: Deployment) -> None:
    """The claim stands in the store; without it, the leads that hold True stop the run."""
    shutil.rmtree(exported.state)

    outcome = exported.run()

    assert "hold True already" in outcome.failure
    assert exported.writes() == []
