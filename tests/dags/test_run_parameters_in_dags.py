"""The run parameters, as a person sets them in the trigger form: each by running the DAG with them."""

import pytest

from include.sandbox.marketo_partitions import Partition, Partitions
from tests.dags.deployment import FIELD, Deployment

pytestmark = pytest.mark.airflow

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"


def crowd(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"person{number}@example.com" for number in range(count)]


@pytest.fixture
def ready(deployment: Deployment) -> Deployment:
    """Return a deployment with a dynamic export and two members, one of whom Marketo knows."""
    deployment.declare()
    deployment.add_lead(ANN)
    deployment.set_cohort([ANN, BOB])
    return deployment


def test_a_dry_run_sends_nothing_and_reports_what_it_would_send(ready: Deployment) -> None:
    """Calls and new leads are told; Marketo is only read."""
    outcome = ready.run(dry_run=True)

    assert outcome.state == "success"
    assert ready.writes() == []
    assert ready.flags() == {ANN: None}
    assert outcome.report["dry_run"] is True
    assert (outcome.report["entered"], outcome.report["set_true"]) == (2, 0)
    assert (outcome.report["planned_calls"], outcome.report["new_leads_estimate"]) == (1, 1)


def test_a_dry_run_leaves_nothing_behind(ready: Deployment) -> None:
    """No claim, no ledger, no snapshot: the store has no file of the target."""
    ready.run(dry_run=True)

    assert [path for path in (ready.state / "marketo").rglob("*") if path.is_file()] == []


def test_a_deployment_can_be_dry_altogether(ready: Deployment) -> None:
    """The setting makes every run a dry one, without a parameter."""
    ready.configure("dry_run", "True")

    outcome = ready.run()

    assert outcome.report["dry_run"] is True
    assert ready.writes() == []


def test_a_full_refresh_asserts_everybody_again(ready: Deployment) -> None:
    """What somebody changed in Marketo by hand is put right, both ways."""
    ready.run()
    ready.set_cohort([ANN])
    ready.run()
    for lead in ready.marketo.instance.leads:
        lead.values[FIELD] = not lead.values[FIELD]

    outcome = ready.run(full_refresh=True)

    assert ready.flags() == {ANN: True, BOB: False}
    assert (outcome.report["entered"], outcome.report["exited"]) == (0, 0)
    assert (outcome.report["set_true"], outcome.report["set_false"]) == (1, 1)


def test_too_many_exits_stop_and_a_number_lets_them_through(deployment: Deployment) -> None:
    """The message gives the parameter and the number, and that is enough."""
    deployment.declare()
    deployment.set_cohort(crowd(150))
    deployment.run()
    deployment.set_cohort(crowd(30))

    stopped = deployment.run()
    still_true = list(deployment.flags().values()).count(True)
    let_through = deployment.run(allow_exits=126)

    assert "120 of 150 left the cohort" in stopped.failure
    assert "allow_exits = 126" in stopped.failure
    assert stopped.tries["export_to_marketo"] == 1
    assert still_true == 150
    assert (let_through.state, let_through.report["set_false"]) == ("success", 120)


def test_a_number_that_is_too_small_lets_nothing_through(deployment: Deployment) -> None:
    """Not even as many as it says."""
    deployment.declare()
    deployment.set_cohort(crowd(150))
    deployment.run()
    deployment.set_cohort(crowd(30))

    stopped = deployment.run(allow_exits=119)

    assert "allow_exits" in stopped.failure
    assert set(deployment.flags().values()) == {True}


def test_an_empty_cohort_stops_and_a_number_lets_it_through(ready: Deployment) -> None:
    """An empty answer is more often a mistake than the truth."""
    ready.run()
    ready.set_cohort([])

    stopped, let_through = ready.run(), ready.run(allow_exits=3)

    assert "allow_exits = 3" in stopped.failure
    assert let_through.state == "success"
    assert ready.flags() == {ANN: False, BOB: False}


def test_too_many_entries_stop_and_a_number_lets_them_through(ready: Deployment) -> None:
    """Leads once created cannot be taken back, so this guard is one too."""
    ready.run()
    ready.set_cohort([ANN, BOB, *crowd(1000)])

    stopped = ready.run()
    leads_then = len(ready.flags())
    let_through = ready.run(allow_entries=1050)

    assert "allow_entries = 1050" in stopped.failure
    assert leads_then == 2
    assert (let_through.state, let_through.report["created"]) == ("success", 1000)


def test_refused_records_wait_unless_a_run_retries_them(ready: Deployment) -> None:
    """A refusal is not repeated at the next run by itself, since most are for good; the parameter does it."""
    closed = [Partition(id=1, name="Default"), Partition(id=2, name="Closed", accessible=False)]
    ready.marketo.instance.partitions = Partitions(closed)
    ready.add_lead(CLEO, partition="Closed")
    ready.set_cohort([ANN, CLEO])
    refused = ready.run()
    ready.marketo.instance.partitions = Partitions([*closed[:1], Partition(id=2, name="Closed")])

    waiting, retried = ready.run(), ready.run(retry_refused=True)

    assert refused.report["refused_by_code"] == {"1008": 1}
    assert (waiting.report["entered"], waiting.report["set_true"]) == (0, 0)
    assert retried.report["set_true"] == 1
    assert ready.flags()[CLEO] is True


def test_adopt_takes_over_a_field_that_is_true_already(deployment: Deployment) -> None:
    """Moving in from another integration: the first run stops, the same run with the parameter goes on."""
    deployment.declare()
    deployment.add_lead(ANN, {FIELD: True})
    deployment.set_cohort([ANN, BOB])

    stopped, adopted = deployment.run(), deployment.run(adopt=True)

    assert "adopt = true" in stopped.failure
    assert adopted.state == "success"
    assert deployment.flags() == {ANN: True, BOB: True}


def test_a_one_time_run_takes_a_form_whose_field_is_left_empty(deployment: Deployment) -> None:
    """The form sends null for it."""
    deployment.declare("launch", sync_type="one_time")
    deployment.set_cohort([ANN])

    outcome = deployment.run("launch", marketo_field=None, allow_exits=None, dry_run=False)

    assert outcome.state == "success"
    assert deployment.flags() == {ANN: True}


def test_a_dynamic_run_takes_no_other_field(ready: Deployment) -> None:
    """It would leave the export's own field behind."""
    outcome = ready.run(marketo_field="mixpanelElsewhere")

    assert "marketo_field" in outcome.failure
    assert (outcome.state, ready.writes()) == ("failed", [])
