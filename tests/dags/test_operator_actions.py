"""What an operator does at the UI, in the order of the table of docs/operator-actions.md: Airflow's part of it.

What needs a scheduler is in `tests/system/test_backfill.py`.
"""

import pytest

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.serving import serve
from tests.dags.deployment import COHORT, FIELD, MARKETO_ID, MARKETO_SECRET, OTHER_FIELD, Deployment

pytestmark = pytest.mark.airflow

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"


@pytest.fixture
def exported(deployment: Deployment) -> Deployment:
    """Return a deployment in which `trial_users` has set Ann and Bob True."""
    deployment.export_once([ANN, BOB])
    return deployment


def test_marking_snapshot_cohort_as_success_stops_and_asks(exported: Deployment) -> None:
    """There is nothing to deliver; the message names the task to clear, and no retry repeats it."""
    exported.set_cohort([CLEO])

    outcome = exported.run(marked="snapshot_cohort")

    assert (outcome.state, outcome.tries["export_to_marketo"]) == ("failed", 1)
    assert "has left no snapshot" in outcome.failure
    assert "Clear the task snapshot_cohort" in outcome.failure
    assert exported.writes() == []


def test_marking_snapshot_cohort_as_success_in_a_dry_run_stops_and_asks(exported: Deployment) -> None:
    """The same."""
    outcome = exported.run(marked="snapshot_cohort", dry_run=True)

    assert "has left no snapshot" in outcome.failure


def test_marking_check_field_as_success_lets_no_wrong_field_through(deployment: Deployment) -> None:
    """Nobody is unsubscribed by a click."""
    deployment.declare(marketo_field="unsubscribed")
    deployment.set_cohort([ANN])
    deployment.add_lead(ANN)

    outcome = deployment.run(marked="check_field")

    assert "standard fields" in outcome.failure
    assert deployment.flags("unsubscribed") == {ANN: None}
    assert deployment.writes() == []


def test_marking_export_to_marketo_as_success_leaves_its_work_to_the_next_run(exported: Deployment) -> None:
    """Nothing is sent in its name, and the next run sends it."""
    exported.set_cohort([ANN, CLEO])

    marked = exported.run(marked="export_to_marketo")

    assert (marked.state, exported.writes()) == ("success", [])
    exported.run()
    assert exported.flags() == {ANN: True, BOB: False, CLEO: True}


def test_changing_marketo_field_fills_the_new_field_and_leaves_the_old_one(exported: Deployment) -> None:
    """The DAG is the same, and so is its next run to look at."""
    exported.declare(marketo_field=OTHER_FIELD)
    exported.set_cohort([ANN])

    outcome = exported.run()

    assert outcome.report["field"] == OTHER_FIELD
    assert exported.flags(OTHER_FIELD) == {ANN: True, BOB: None}
    assert exported.flags() == {ANN: True, BOB: True}


def test_changing_cohort_id_is_refused_before_the_cohort_is_read(exported: Deployment) -> None:
    """For good; whose the field is stands in the message."""
    exported.declare(cohort_id=1002)
    exported.set_cohort([CLEO], 1002)

    outcome = exported.run()

    assert (outcome.state, outcome.tries["check_field"]) == ("failed", 1)
    assert f"cohort {COHORT}" in outcome.failure
    assert (exported.writes(), exported.asked_mixpanel()) == ([], [])


def test_changing_the_schedule_changes_nothing_but_the_time(exported: Deployment) -> None:
    """The next run sends what has changed."""
    exported.declare(schedule="@weekly")
    exported.set_cohort([ANN])

    outcome = exported.run()

    assert (outcome.report["entered"], outcome.report["exited"]) == (0, 1)
    assert exported.flags() == {ANN: True, BOB: False}


def test_changing_the_connection_s_host_and_back_goes_on_where_each_was(exported: Deployment) -> None:
    """Another instance is another target: what each of them holds is remembered for itself."""
    other = MarketoSandbox(SystemClock(), 1, client_id=MARKETO_ID, client_secret=MARKETO_SECRET)
    for field in exported.marketo.instance.catalog:
        other.instance.catalog.put(field)
    exported.set_cohort([ANN, CLEO])
    with serve(other) as url:
        exported.connect_marketo(url)
        there = exported.run()

    exported.connect_marketo()
    here = exported.run()

    assert (there.report["entered"], there.report["exited"]) == (2, 0)
    assert (here.report["entered"], here.report["exited"]) == (1, 1)
    assert {lead.values["email"] for lead in other.instance.leads if lead.values.get(FIELD)} == {ANN, CLEO}
    assert exported.flags() == {ANN: True, BOB: False, CLEO: True}


def test_deleting_an_export_and_adding_it_again_goes_on(exported: Deployment) -> None:
    """Without it nothing runs, and the leads keep their flags."""
    exported.withdraw("trial_users")
    exported.set_cohort([ANN, CLEO])
    assert exported.dag_ids() == set()

    exported.declare()
    outcome = exported.run()

    assert (outcome.report["entered"], outcome.report["exited"]) == (1, 1)
    assert exported.flags() == {ANN: True, BOB: False, CLEO: True}
