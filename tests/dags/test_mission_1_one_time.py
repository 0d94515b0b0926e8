"""Mission line 1: a one-time export sets True for every matched member, and nothing else, ever.

Who has no address is left out and counted; who is unknown to Marketo becomes a new lead with the address and the
field alone.
"""

import io
import json

import pytest

from marketo_provider.sync.adopt import adopt_leads
from tests.dags.deployment import FIELD, Deployment

pytestmark = pytest.mark.airflow

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"


@pytest.fixture
def launch(deployment: Deployment) -> Deployment:
    """Return a deployment with a one-time export."""
    deployment.declare("launch", sync_type="one_time")
    return deployment


def test_every_matched_member_is_true(launch: Deployment) -> None:
    """Leads that Marketo knows get the flag, whatever case their address is in; bystanders do not."""
    launch.add_lead("Ann@Example.com")
    launch.add_lead(BOB, {FIELD: False})
    launch.add_lead(CLEO)
    launch.set_cohort([ANN, BOB])

    outcome = launch.run("launch")

    assert outcome.state == "success"
    assert launch.flags() == {ANN: True, BOB: True, CLEO: None}
    assert (outcome.report["set_true"], outcome.report["updated"], outcome.report["created"]) == (2, 2, 0)


def test_members_without_an_address_are_left_out_and_counted(launch: Deployment) -> None:
    """The report says how many profiles have none, and Marketo hears nothing of them."""
    launch.set_cohort([ANN, None, "", "<null>", "not an address"])

    outcome = launch.run("launch")

    assert outcome.report["profiles"] == 5
    assert (outcome.report["without_email"], outcome.report["invalid_email"]) == (3, 1)
    assert launch.flags() == {ANN: True}


def test_an_unknown_member_becomes_a_lead_with_address_and_field_alone(launch: Deployment) -> None:
    """Nothing else is known of the new lead."""
    launch.set_cohort([ANN])

    outcome = launch.run("launch")

    (lead,) = launch.marketo.instance.leads
    assert lead.values == {"email": ANN, FIELD: True}
    assert outcome.report["created"] == 1


def test_nobody_is_ever_set_false(launch: Deployment) -> None:
    """Whoever leaves the cohort later stays True, and another run sends nothing."""
    launch.set_cohort([ANN, BOB])
    launch.run("launch")
    launch.set_cohort([ANN])
    launch.marketo.wire.log.clear()

    outcome = launch.run("launch")

    assert outcome.state == "failed"
    assert launch.writes() == []
    assert launch.flags() == {ANN: True, BOB: True}


def test_who_held_true_before_stays_true(launch: Deployment) -> None:
    """Leads that were adopted are in the ledger and not in the cohort: a dynamic sync would set them False."""
    launch.add_lead(CLEO, {FIELD: True})
    launch.set_cohort([ANN])
    adopt_leads(launch.lease("a person"), io.StringIO(f"Email\n{CLEO}\n"))

    outcome = launch.run("launch")

    assert outcome.state == "success"
    assert launch.flags() == {ANN: True, CLEO: True}


def test_a_run_that_goes_on_sets_its_first_members(launch: Deployment) -> None:
    """A one-time export is of one moment, however many runs it takes: who left is set, who came is not."""
    launch.declare("launch", sync_type="one_time", max_changes_per_run=1)
    launch.set_cohort([ANN, BOB])
    first = launch.run("launch")
    launch.set_cohort([CLEO])

    second = launch.run("launch")

    assert (first.report["left_over"], second.report["left_over"]) == (1, 0)
    assert launch.flags() == {ANN: True, BOB: True}


def test_requests_carry_nothing_but_address_or_id_and_the_field(launch: Deployment) -> None:
    """By Marketo's request log, of leads that are new, known, and there twice; only True is written."""
    launch.add_lead(ANN)
    for _ in range(2):
        launch.add_lead(BOB)
    launch.set_cohort([ANN, BOB, CLEO])

    launch.run("launch")

    assert {frozenset(record) for record in launch.written()} == {
        frozenset({"email", FIELD}),
        frozenset({"id", FIELD}),
    }
    assert {record[FIELD] for record in launch.written()} == {True}
    assert {frozenset(json.loads(one.body)) for one in launch.writes()} == {
        frozenset({"action", "lookupField", "input"})
    }


def test_duplicates_of_a_member_are_all_set(launch: Deployment) -> None:
    """Two leads of one address both get the flag."""
    ids = {launch.add_lead(BOB) for _ in range(2)}
    launch.set_cohort([BOB])

    launch.run("launch")

    assert {lead.lead_id for lead in launch.marketo.instance.leads if lead.values.get(FIELD)} == ids
