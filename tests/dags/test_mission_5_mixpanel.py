"""Mission line 5: what Mixpanel cannot give has a message for each cause, and what is final is not tried again."""

from collections.abc import Callable

import pytest

from include.sandbox.mixpanel_account import READ_PERMISSION, DataView
from tests.dags.deployment import COHORT, PROJECT_ID, Deployment

pytestmark = pytest.mark.airflow

ANN = "ann@example.com"
# To us both look alike: profiles, and not one address.
NO_ADDRESS = (
    "not one of them shows an address in $email. Either the service account may not see classified data, or the "
    "data view (workspace_id) filters"
)


def account(**changes: object) -> Callable[[Deployment], None]:
    """Return what changes the service account, or how the project meets it."""

    def change(deployment: Deployment) -> None:
        state = deployment.mixpanel.state
        state.account = state.account.model_copy(update=changes)

    return change


def no_cohort(deployment: Deployment) -> None:
    """Delete the cohort."""
    del deployment.mixpanel.state.project.cohorts[COHORT]


def filtering_view(deployment: Deployment) -> None:
    """Read through a data view in which only the profile without an address is seen."""
    profiles = deployment.mixpanel.state.project.profiles
    visible = DataView(id=9, is_global=False, is_default=False, share=0.5)
    numbers = [number for number in range(100) if visible.shows(f"seen-{number}")]
    hidden = next(number for number in range(100) if number not in numbers)
    members: list[str | int] = [f"seen-{numbers[0]}", f"seen-{hidden}"]
    profiles |= {members[0]: {}, members[1]: {"$email": ANN}}
    deployment.mixpanel.state.project.set_cohort(COHORT, "Trial users", members=members)
    account(data_views=(DataView(id=1), visible))(deployment)
    deployment.connect_mixpanel(workspace_id=9)


# Case: what is wrong, the task that says so, and what it must say.
REFUSALS: dict[str, tuple[Callable[[Deployment], None], str, str]] = {
    "cohort": (no_cohort, "snapshot_cohort", f"no cohort {COHORT} in Mixpanel's project {PROJECT_ID}"),
    "project": (account(sees_project=False), "check_field", f"no project {PROJECT_ID}"),
    "permission": (
        account(permissions=()),
        "check_field",
        f"may not read reports in Mixpanel's project {PROJECT_ID}",
    ),
    "plan": (account(plan_has_api=False), "snapshot_cohort", "plan does not include the Query API"),
    "region": (account(region="eu"), "check_field", "belongs to another region"),
    "classified": (account(email_is_classified=True), "snapshot_cohort", NO_ADDRESS),
    "data view": (filtering_view, "snapshot_cohort", NO_ADDRESS),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_mixpanel_cannot_give_is_said_and_not_tried_again(deployment: Deployment, case: str) -> None:
    """The task fails at its first try, names this cause alone, and nothing is written."""
    spoil, task, words = REFUSALS[case]
    deployment.declare()
    deployment.set_cohort([ANN])
    spoil(deployment)

    outcome = deployment.run()

    assert {each for _, _, each in REFUSALS.values() if each in outcome.failure} == {words}
    assert (outcome.state, outcome.tasks[task], outcome.tries[task]) == ("failed", "failed", 1)
    assert deployment.writes() == []


def test_the_least_permission_is_enough(deployment: Deployment) -> None:
    """An account that may do nothing but read reports can export."""
    account(permissions=(READ_PERMISSION,))(deployment)
    deployment.declare()
    deployment.set_cohort([ANN])

    outcome = deployment.run()

    assert outcome.state == "success"
    assert deployment.flags() == {ANN: True}
