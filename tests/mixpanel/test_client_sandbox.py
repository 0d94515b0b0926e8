"""The client against the sandbox's Mixpanel over real HTTP: do both understand the vendor alike?"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests

from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.mixpanel_account import DataView
from include.sandbox.serving import serve
from include.sandbox.wire import Fault
from marketo_provider.errors import (
    AccessDenied,
    CohortUnusable,
    InvalidSetting,
    MarketoProviderError,
    RateLimited,
    SessionLost,
    VendorUnavailable,
)
from marketo_provider.mixpanel.client import Cohort, MixpanelClient, Page
from marketo_provider.mixpanel.connection import MixpanelConnection
from tests.fake_wire import FakeClock

USERNAME, SECRET, PROJECT, COHORT = "robot.abc.mp-service-account", "s3cret", 12345, 1001


class World:
    """A served sandbox with a cohort of 250 people, and what is needed for a client of it."""

    def __init__(self, sandbox: MixpanelSandbox, url: str, clock: FakeClock) -> None:
        self.sandbox = sandbox
        self.url = url
        self.clock = clock
        cohort = sandbox.state.project.set_cohort(COHORT, "Trial users", members=[])
        sandbox.state.project.generate(cohort, seed=7, size=250, without_profile=3)

    def client(self, **extra: Any) -> MixpanelClient:
        """Return a client that asks for pages of 100."""
        connection = MixpanelConnection.from_parts(
            "mp",
            host=self.url,
            login=USERNAME,
            password=extra.pop("secret", SECRET),
            extra={"project_id": PROJECT, "page_size": 100} | extra,
        )
        return MixpanelClient(connection, session=requests.Session(), clock=self.clock)

    def account(self, **changes: object) -> None:
        """Change what the account is and sees."""
        state = self.sandbox.state
        state.account = state.account.model_copy(update=changes)

    def limits(self, **changes: object) -> None:
        """Change a limit."""
        state = self.sandbox.state
        state.limits = state.limits.model_copy(update=changes)


@pytest.fixture
def world() -> Iterator[World]:
    """Serve a sandbox whose clock is the client's."""
    clock = FakeClock()
    sandbox = MixpanelSandbox(clock, username=USERNAME, secret=SECRET, project_id=PROJECT)
    with serve(sandbox) as url:
        yield World(sandbox, url, clock)


def pages(client: MixpanelClient) -> list[Page]:
    """Read a cohort as a snapshot does: page 0, then the rest at once."""
    first = client.first_page(COHORT)
    numbers = range(1, -(-(first.total or 0) // first.page_size))
    with ThreadPoolExecutor(client.concurrent_pages) as pool:
        return [first, *pool.map(lambda number: client.page(COHORT, first.session_id, number), numbers)]


def test_a_cohort_is_read_whole_for_one_counted_query(world: World) -> None:
    """Every member with a profile once, and no other."""
    read = pages(world.client())

    assert [page.number for page in read] == [0, 1, 2]
    assert [page.total for page in read] == [250, None, None]
    members = {id_: email for page in read for id_, email in zip(page.distinct_ids, page.emails, strict=True)}
    profiles = world.sandbox.state.project.profiles
    assert members == {str(id_): properties.get("$email") for id_, properties in profiles.items()}
    assert world.sandbox.state.rate.counted() == 1


def test_the_echoed_page_size_counts(world: World) -> None:
    """Mixpanel may cap what was asked for."""
    world.limits(page_size_cap=40)

    read = pages(world.client())

    assert {page.page_size for page in read} == {40}
    assert sum(len(page.distinct_ids) for page in read) == 250


@pytest.mark.parametrize("number", [0, 1])
def test_transient_faults_are_waited_out_without_another_counted_query(world: World, number: int) -> None:
    """Of a page with a session, that is; page 0 has none yet, and counts each time it is computed."""
    client = world.client()
    first = client.first_page(COHORT)
    for fault in (
        Fault("status", status=503),
        Fault("reset_before"),
        Fault("reset_after"),
        Fault("body", body="<html>"),
        Fault("body", body='{"status": "ok"}'),
        Fault("error_code", code="load_shed"),
    ):
        world.sandbox.wire.faults.append(fault)

    page = client.page(COHORT, first.session_id, 1) if number else client.first_page(COHORT)

    assert len(page.distinct_ids) == 100
    assert sum(world.sandbox.wire.effects.values()) == 6
    assert world.sandbox.state.rate.counted() == (1 if number else 5)


def test_an_expired_session_is_lost(world: World) -> None:
    """The snapshot begins anew."""
    client = world.client()
    first = client.first_page(COHORT)
    world.clock.time += 3600

    with pytest.raises(SessionLost):
        client.page(COHORT, first.session_id, 1)


def test_the_hour_s_queries_used_up_are_told_with_their_end(world: World) -> None:
    """The first of them is forgotten after an hour."""
    world.limits(queries_per_hour=1)
    client = world.client()
    client.first_page(COHORT)
    first_at = world.clock.now()
    world.clock.time += 600

    with pytest.raises(RateLimited) as caught:
        client.first_page(COHORT)

    assert caught.value.resume_at == first_at + timedelta(hours=1)


def test_a_place_is_waited_for(world: World) -> None:
    """Ten seconds at a time, as Mixpanel says."""
    world.sandbox.state.rate.running = 5

    with pytest.raises(RateLimited):
        world.client().first_page(COHORT)

    assert {int(nap) for nap in world.clock.naps} == {10}
    assert world.sandbox.state.rate.counted() == 0


def test_cohorts_are_listed(world: World) -> None:
    """For one counted query."""
    assert world.client().cohorts() == [Cohort(COHORT, "Trial users", 253)]
    assert world.sandbox.state.rate.counted() == 1


def test_a_missing_cohort_is_told(world: World) -> None:
    """Two counted queries: the one that failed and the list."""
    with pytest.raises(CohortUnusable, match="no cohort 999"):
        world.client().first_page(999)


def test_an_empty_cohort_is_read(world: World) -> None:
    """There is one, so that nobody in it is an answer."""
    world.sandbox.state.project.set_cohort(5, "Empty", members=[])

    assert world.client().first_page(5).distinct_ids == []


DENIED = [
    ({"project_id": 999}, {}, AccessDenied, "no project 999"),
    ({}, {"sees_project": False}, AccessDenied, f"no project {PROJECT}"),
    ({}, {"permissions": ()}, AccessDenied, "may not read reports"),
    ({}, {"host_region": "eu"}, AccessDenied, "another region"),
    ({"secret": "wrong"}, {}, AccessDenied, "user name or the secret is wrong"),
    ({"workspace_id": 77}, {}, InvalidSetting, "no data view 77"),
]


@pytest.mark.parametrize(("extra", "account", "error", "said"), DENIED)
def test_what_is_wrong_with_the_account_is_told_before_any_query(
    world: World, extra: dict[str, Any], account: dict[str, object], error: type[MarketoProviderError], said: str
) -> None:
    """Each with its own message, once, and none of the 60 an hour is spent."""
    world.account(**account)

    with pytest.raises(error, match=said):
        world.client(**extra).check_access()

    assert world.sandbox.state.rate.counted() == 0
    assert len(world.sandbox.wire.log) == 1


@pytest.mark.parametrize(
    ("extra", "account", "error", "said"),
    [*DENIED, ({}, {"plan_has_api": False}, AccessDenied, "Growth or Enterprise")],
)
def test_page_0_tells_the_same(
    world: World, extra: dict[str, Any], account: dict[str, object], error: type[MarketoProviderError], said: str
) -> None:
    """For whoever did not check before."""
    world.account(**account)

    with pytest.raises(error, match=said):
        world.client(**extra).first_page(COHORT)


def test_access_is_fine_with_the_one_permission(world: World) -> None:
    """The least that works; the plan is not seen here."""
    world.account(plan_has_api=False)

    world.client(workspace_id=1).check_access()


def test_classified_addresses_read_as_missing(world: World) -> None:
    """Mixpanel says nothing of it; the snapshot counts them."""
    world.account(email_is_classified=True)

    assert {email for page in pages(world.client()) for email in page.emails} == {None}


def test_a_data_view_that_filters_makes_the_cohort_smaller(world: World) -> None:
    """Mixpanel says nothing of that either."""
    world.account(data_views=(DataView(id=1), DataView(id=2, is_global=False, is_default=False, share=0.0)))

    assert world.client(workspace_id=2).first_page(COHORT).total == 0


def test_a_total_of_30_million_is_told(world: World) -> None:
    """Whether that is too many is not the client's business."""
    world.sandbox.state.project.cohorts[COHORT].announced_total = 30_000_001

    assert world.client().first_page(COHORT).total == 30_000_001


def test_nobody_there_is_told(world: World) -> None:
    """A host where nothing listens is waited for, and given up."""
    world.url = "http://127.0.0.1:1"

    with pytest.raises(VendorUnavailable, match="could not be reached"):
        world.client().check_access()
