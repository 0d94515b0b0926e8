"""Mission line 4: a field that cannot carry the flag is refused, each cause in its own words, before any write.

All but leads that hold True already are refused before Mixpanel is asked for anything.
"""

from typing import Any

import pytest

from include.sandbox.marketo_instance import READ_LEAD, WRITE_LEAD
from tests.dags.deployment import FIELD, Deployment

pytestmark = pytest.mark.airflow

ANN, BOB = "ann@example.com", "bob@example.com"
# Case: the field that Marketo has instead of a good one, the name in the YAML, and what the message must say.
REFUSALS: dict[str, tuple[dict[str, Any] | None, str, str]] = {
    "missing": (None, "mixpanelNoSuchField", "Marketo has no field mixpanelNoSuchField"),
    "display name": (
        {"name": "mixpanelPayers", "display_name": "PayingUsers"},
        "PayingUsers",
        "PayingUsers is a display name; the field's REST API name is mixpanelPayers",
    ),
    "spelling": (None, FIELD.lower(), f"spelled {FIELD}, not {FIELD.lower()}"),
    "type": ({"name": "payers", "data_type": "string"}, "payers", "has the type string, not Boolean"),
    "read-only": ({"name": "payers", "updateable": False}, "payers", "cannot be updated by the API"),
    "CRM": ({"name": "payers", "crm_managed": True}, "payers", "managed by a CRM sync"),
    "standard": (None, "unsubscribed", "one of Marketo's standard fields"),
    "standard by its schema": ({"name": "payers", "custom": False}, "payers", "one of Marketo's standard fields"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_field_that_cannot_carry_the_flag_is_refused(deployment: Deployment, case: str) -> None:
    """Its message names this cause alone; nothing is written, Mixpanel hears nothing, and no retry repeats it."""
    field, name, words = REFUSALS[case]
    if field:
        deployment.add_field(**field)
    deployment.declare(marketo_field=name)
    deployment.set_cohort([ANN])

    outcome = deployment.run()

    assert {each for _, _, each in REFUSALS.values() if each in outcome.failure} == {words}
    assert (outcome.state, outcome.tasks["check_field"], outcome.tries["check_field"]) == ("failed", "failed", 1)
    assert deployment.writes() == []
    assert deployment.asked_mixpanel() == []


def test_a_standard_field_is_refused_without_the_permission_to_read_the_schema(deployment: Deployment) -> None:
    """A list that comes with us stands in for it; custom fields go on."""
    deployment.marketo.instance.permissions = frozenset({READ_LEAD, WRITE_LEAD})
    deployment.set_cohort([ANN])
    deployment.declare("harm", marketo_field="doNotCall")
    deployment.declare()

    refused, accepted = deployment.run("harm"), deployment.run()

    assert "one of Marketo's standard fields" in refused.failure
    assert accepted.state == "success"


def test_a_field_that_is_true_already_is_refused_at_the_first_run(deployment: Deployment) -> None:
    """Somebody else writes it, or it is not new: nothing is written, and the ways out are named."""
    deployment.add_lead(ANN, {FIELD: True})
    deployment.declare()
    deployment.set_cohort([ANN, BOB])

    outcome = deployment.run()

    assert "1 leads hold True already" in outcome.failure
    assert "adopt = true" in outcome.failure
    assert (outcome.state, outcome.tasks["export_to_marketo"]) == ("failed", "failed")
    assert outcome.tries["export_to_marketo"] == 1
    assert deployment.writes() == []


def test_a_refused_export_claims_nothing(deployment: Deployment) -> None:
    """What failed its check leaves the field to others."""
    deployment.add_lead(ANN, {FIELD: True})
    deployment.set_cohort([ANN])
    deployment.set_cohort([BOB], 1002)
    deployment.declare()
    deployment.run()
    deployment.withdraw("trial_users")
    deployment.declare("readers", cohort_id=1002)

    outcome = deployment.run("readers")

    assert outcome.state == "success"
