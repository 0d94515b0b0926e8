"""The vendor's own client works against the sandbox, with nothing but its base address set."""

import json
from collections.abc import Iterator

import pytest
from mixpanel_utils import MixpanelUtils

from include.sandbox.clock import SystemClock
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.serving import serve
from tests.sandbox.mixpanel_support import COHORT, PROJECT, SECRET, USERNAME


@pytest.fixture(scope="module")
def sandbox() -> MixpanelSandbox:
    """Return a sandbox whose cohort takes five pages."""
    sandbox = MixpanelSandbox(SystemClock(), username=USERNAME, secret=SECRET, project_id=PROJECT)
    cohort = sandbox.state.project.set_cohort(COHORT, "Trial users", members=[])
    sandbox.state.project.generate(cohort, seed=7, size=4500, without_profile=45)
    return sandbox


@pytest.fixture(scope="module")
def client(sandbox: MixpanelSandbox) -> Iterator[MixpanelUtils]:
    """Yield the vendor's client, set to the sandbox's address."""
    with serve(sandbox) as url:
        client = MixpanelUtils(SECRET, service_account_username=USERNAME, project_id=PROJECT, read_pool_size=4)
        client.formatted_api = f"{url}/api"
        yield client


def test_the_pages_of_a_cohort_are_read_in_parallel(sandbox: MixpanelSandbox, client: MixpanelUtils) -> None:
    """Four threads read five pages of one session, and together they are the cohort."""
    sandbox.wire.log.clear()

    people = client.query_engage(
        {
            "filter_by_cohort": json.dumps({"id": COHORT}),
            "output_properties": ["$email"],
            "include_all_users": "false",
        }
    )

    project = sandbox.state.project
    members = {id_ for id_ in project.cohort(COHORT).members if id_ in project.profiles}
    assert len(people) == 4500
    assert {one["$distinct_id"] for one in people} == members
    assert all(set(one["$properties"]) <= {"$email"} for one in people)
    pages = [int(request.query.get("page", "0")) for request in sandbox.wire.log]
    assert sorted(pages) == [0, 1, 2, 3, 4]
    assert len({request.query.get("session_id") for request in sandbox.wire.log[1:]}) == 1


def test_all_profiles_are_read_without_a_filter(client: MixpanelUtils) -> None:
    """Its plain people query works too."""
    assert len(client.query_engage()) == 4500


def test_members_without_a_profile_come_by_default(client: MixpanelUtils) -> None:
    """As the vendor's page on the parameter warns."""
    people = client.query_engage({"filter_by_cohort": json.dumps({"id": COHORT})})

    assert len(people) == 4545
