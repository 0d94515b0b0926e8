import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from marketo_provider.errors import (
    AccessDenied,
    CohortUnusable,
    InvalidSetting,
    MarketoProviderError,
    RateLimited,
    RequestRefused,
    SessionLost,
    VendorUnavailable,
)
from marketo_provider.mixpanel.client import Cohort, MixpanelClient, Page
from marketo_provider.mixpanel.connection import MixpanelConnection
from tests.fake_wire import FakeAdapter, FakeClock, Reply, Step, body_of, session_with, shown

ANN = "ann@example.com"
SECRET = "s3cret-ü"
COHORT = 1001
SESSION = "1234567890-EXAMPL"
ROW: dict[str, object] = {"$distinct_id": "u1", "$properties": {"$email": ANN}}
LISTED = Reply([{"id": COHORT, "name": "Trial users", "count": 3}, {"id": 1002, "name": "Others", "count": None}])
NOT_LISTED = Reply([{"id": 1002, "name": "Others", "count": 1}])


class World:
    """A client between a scripted Mixpanel and a clock that jumps."""

    def __init__(self, **extra: Any) -> None:
        self.clock = FakeClock()
        self.mixpanel = FakeAdapter()
        self.connection = MixpanelConnection.from_parts(
            "mp", host=None, login="robot", password=SECRET, extra={"project_id": 7, "region": "eu"} | extra
        )
        self.client = MixpanelClient(
            self.connection, session=session_with(self.mixpanel), clock=self.clock, random=lambda: 0.5
        )

    def hasty(self, *, patience_seconds: float) -> MixpanelClient:
        """Return a client that is less patient."""
        session = session_with(self.mixpanel)
        return MixpanelClient(
            self.connection, session=session, clock=self.clock, patience_seconds=patience_seconds
        )

    def answer(self, *script: Step) -> None:
        """Add to the script."""
        self.mixpanel.script += script

    @property
    def paths(self) -> list[str]:
        """The path of every request."""
        return [urlsplit(str(request.url)).path for request in self.mixpanel.requests]

    def form(self, number: int) -> dict[str, str]:
        """Return the form of a request."""
        return {key: value for key, [value] in parse_qs(body_of(self.mixpanel.requests[number])).items()}


@pytest.fixture
def world() -> World:
    """Return a client of project 7 in the EU."""
    return World()


def page(number: int = 0, *rows: object, **keys: object) -> dict[str, object]:
    """Return the body of a page; `total` comes with page 0 only."""
    body: dict[str, object] = {
        "status": "ok",
        "page": number,
        "page_size": 5000,
        "session_id": SESSION,
        "results": list(rows or (ROW,)),
    }
    return body | ({} if number else {"total": 12}) | keys


def refusal(status: int, **headers: str) -> Reply:
    """Return an error answer, whose text quotes what it should not."""
    return Reply({"request": f"/api/query/engage?{ANN}", "error": f"quotes {ANN}"}, status, headers)


def me(*, projects: object = None, **results: object) -> dict[str, object]:
    """Return what the account sees."""
    own = {"7": {"name": "P", "permissions": ["view_base_reports", "other"]}}
    return {"status": "ok", "results": {"projects": own if projects is None else projects, **results}}


BROKEN: list[Step] = [
    requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, ANN))),  # type: ignore[arg-type] # no pool, no connection
    requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, ANN))),
    requests.ReadTimeout(ANN),
    *[refusal(status) for status in (408, 500, 502, 503, 504)],
    Reply(b"", headers={"Content-Length": "9"}),
    Reply(b"<html>"),
    Reply(b'{"status": "ok", "page'),
    Reply([]),
    Reply({}),
    Reply({"status": "ok"}),
    Reply({"error": f"quotes {ANN}"}),
]


def test_page_0_asks_for_members_with_their_addresses_and_nothing_else(world: World) -> None:
    """As a form, whose values are JSON; project and authentication beside it."""
    world.answer(Reply(page()))

    world.client.first_page(COHORT)

    [request] = world.mixpanel.requests
    assert (request.method, request.url) == ("POST", "https://eu.mixpanel.com/api/query/engage?project_id=7")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["X-Mixpanel-Integration-ID"]
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == f"robot:{SECRET}"
    assert world.form(0) == {
        "filter_by_cohort": json.dumps({"id": COHORT}),
        "output_properties": '["$email"]',
        "include_all_users": "false",
        "page_size": "5000",
    }


def test_a_data_view_is_named_where_there_is_one() -> None:
    """Next to the project, in the query string."""
    world = World(workspace_id=9, page_size=10)
    world.answer(Reply(page()))

    world.client.first_page(COHORT)

    assert parse_qs(urlsplit(str(world.mixpanel.requests[0].url)).query) == {
        "project_id": ["7"],
        "workspace_id": ["9"],
    }
    assert world.form(0)["page_size"] == "10"
    assert (world.client.project_id, world.client.workspace_id) == (7, 9)


def test_a_page_is_returned_as_mixpanel_numbers_and_sizes_it(world: World) -> None:
    """What was asked for is not what counts."""
    world.answer(Reply(page(page_size=1000, total=2500)))

    assert world.client.first_page(COHORT) == Page(0, 1000, 2500, SESSION, ["u1"], [ANN])


def test_profiles_come_as_they_are(world: World) -> None:
    """Ids may be numbers; what `$email` holds is not judged here."""
    world.answer(
        Reply(
            page(
                0,
                {"$distinct_id": 5, "$properties": {"$email": "<null>"}},
                {"$distinct_id": "a", "$properties": {"$email": [ANN]}},
                {"$distinct_id": "b", "$properties": {"$email": 5.5}},
                {"$distinct_id": "c", "$properties": {"$email": None}},
                {"$distinct_id": "d", "$properties": {}},
                {"$distinct_id": "e", "$properties": None},
                {"$distinct_id": "f"},
            )
        )
    )

    read = world.client.first_page(COHORT)
    assert dict(zip(read.distinct_ids, read.emails, strict=True)) == {
        "5": "<null>",
        "a": [ANN],
        "b": 5.5,
        "c": None,
        "d": None,
        "e": None,
        "f": None,
    }


def test_a_later_page_is_asked_for_with_its_session(world: World) -> None:
    """And with the same selection, since Mixpanel compares it; its total is not needed."""
    world.answer(Reply(page()), Reply(page(3)))

    world.client.first_page(COHORT)
    later = world.client.page(COHORT, SESSION, 3)

    assert (later.number, later.total, later.session_id) == (3, None, SESSION)
    assert world.form(1) == world.form(0) | {"session_id": SESSION, "page": "3"}


def test_a_later_page_need_not_repeat_its_session(world: World) -> None:
    """The last one may leave it out."""
    world.answer(Reply(page(3, session_id=None)))

    assert world.client.page(COHORT, SESSION, 3).session_id == SESSION


def test_a_page_of_another_session_is_refused(world: World) -> None:
    """Two sessions are two sets."""
    world.answer(Reply(page(3, session_id="other")))

    with pytest.raises(SessionLost):
        world.client.page(COHORT, SESSION, 3)


def test_the_number_of_a_later_page_is_the_echoed_one(world: World) -> None:
    """The caller compares it."""
    world.answer(Reply(page(4)))

    assert world.client.page(COHORT, SESSION, 3).number == 4


def test_a_later_page_that_is_a_bad_request_means_the_session_is_lost(world: World) -> None:
    """At once, and without asking for the cohorts."""
    world.answer(refusal(400))

    with pytest.raises(SessionLost) as caught:
        world.client.page(COHORT, SESSION, 3)

    assert caught.value.code == "400"
    assert len(world.paths) == 1


@pytest.mark.parametrize("step", BROKEN)
def test_what_may_pass_is_repeated_unchanged(world: World, step: Step) -> None:
    """A page that lost its session on the way would count as a query."""
    world.answer(step, step, Reply(page(3)))

    assert world.client.page(COHORT, SESSION, 3).number == 3
    assert world.form(0) == world.form(1) == world.form(2)
    assert world.form(2)["session_id"] == SESSION
    assert world.clock.naps == [0.75, 1.5]


@pytest.mark.parametrize("step", BROKEN)
def test_what_does_not_pass_is_given_up(world: World, step: Step) -> None:
    """After ten tries, each a counted query when it is page 0."""
    world.answer(*[step] * 50)

    with pytest.raises(VendorUnavailable):
        world.client.first_page(COHORT)

    assert len(world.paths) == 10


def test_half_an_hour_is_the_longest_that_one_call_takes(world: World) -> None:
    """No attempt begins after it."""

    def slow(_: requests.PreparedRequest) -> Reply:
        world.clock.time += 500
        return refusal(504)

    world.answer(*[slow] * 50)

    with pytest.raises(VendorUnavailable):
        world.client.first_page(COHORT)

    assert world.clock.time - 1000 <= 1800 + 500
    assert len(world.paths) == 4


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "error"},
        {"status": None},
        {"page": "0"},
        {"page": True},
        {"page": -1},
        {"page_size": 0},
        {"page_size": None},
        {"total": None},
        {"total": "12"},
        {"total": -1},
        {"session_id": None},
        {"session_id": 5},
        {"session_id": ""},
        {"results": None},
        {"results": {}},
        {"results": [None]},
        {"results": [[]]},
        {"results": [{}]},
        {"results": [{"$distinct_id": None}]},
        {"results": [{"$distinct_id": True}]},
        {"results": [{"$distinct_id": 1.5}]},
        {"results": [{"$distinct_id": "u", "$properties": []}]},
        {"results": [{"$distinct_id": "u", "$properties": "x"}]},
    ],
)
def test_a_page_with_a_key_of_the_wrong_type_is_not_believed(world: World, broken: dict[str, object]) -> None:
    """It is asked for again, whole."""
    world.answer(Reply(page() | broken), Reply(page()))

    assert world.client.first_page(COHORT).emails == [ANN]
    assert len(world.paths) == 2


def test_attempts_outlast_mixpanel_s_own_limits(world: World) -> None:
    """488 seconds for queries, 120 for the rest."""
    world.answer(Reply(page()), LISTED, Reply(me()))

    world.client.first_page(COHORT)
    world.client.cohorts()
    world.client.check_access()

    assert [timeout.total for timeout in world.mixpanel.timeouts] == [503, 503, 135]


def test_a_short_wait_that_mixpanel_asks_for_is_waited(world: World) -> None:
    """As long as it says, and a little more."""
    world.answer(refusal(429, **{"Retry-After": "10"}), refusal(429, **{"Retry-After": "60"}), Reply(page()))

    world.client.first_page(COHORT)

    assert world.clock.naps == [10.5, 60.5]


def test_a_long_wait_is_the_caller_s(world: World) -> None:
    """The hour's queries are used up: the task can defer."""
    world.answer(refusal(429, **{"Retry-After": "3600"}))

    with pytest.raises(RateLimited) as caught:
        world.client.first_page(COHORT)

    assert caught.value.resume_at == datetime(2026, 11, 24, 13, tzinfo=UTC)
    assert caught.value.code == "429"
    assert world.clock.naps == []


@pytest.mark.parametrize("retry_after", [None, "soon", "", "-5", "0", "99999999999999999999", "Tue, 24 Nov 2026"])
def test_too_many_without_a_wait_backs_off(world: World, retry_after: str | None) -> None:
    """Mixpanel sheds load without saying for how long; then the caller waits a minute."""
    step = refusal(429) if retry_after is None else refusal(429, **{"Retry-After": retry_after})
    world.answer(*[step] * 50)

    with pytest.raises(RateLimited) as caught:
        world.client.first_page(COHORT)

    assert len(world.paths) == 10
    assert timedelta() <= caught.value.resume_at - world.clock.now() <= timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "user name or the secret is wrong, or the account has expired or belongs to another region"),
        (402, "plan does not include the Query API"),
    ],
)
def test_a_refused_account_is_told_at_once(world: World, status: int, said: str) -> None:
    """With its own message, naming project and region; other queries would be refused alike."""
    world.answer(refusal(status))

    with pytest.raises(AccessDenied, match=said) as caught:
        world.client.first_page(COHORT)

    assert caught.value.code == str(status)
    assert "project 7" in str(caught.value)
    assert "region eu" in str(caught.value)
    assert world.paths == ["/api/query/engage"]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ({"7": {"permissions": ["view_base_reports"]}}, "no permission for the project"),
        ({"7": {"permissions": []}}, "may not read reports"),
        ({}, "no project 7"),
    ],
)
def test_a_forbidden_query_is_explained_by_what_the_account_sees(
    world: World, account: dict[str, object], said: str
) -> None:
    """A missing project and a missing permission look alike in the answer to the query."""
    world.answer(refusal(403), Reply(me(projects=account)))

    with pytest.raises(AccessDenied, match=said):
        world.client.first_page(COHORT)

    assert world.paths == ["/api/query/engage", "/api/app/me"]


@pytest.mark.parametrize("status", [400, 404, 412])
def test_a_cohort_that_is_not_there_is_told(world: World, status: int) -> None:
    """The list of cohorts says why page 0 failed."""
    world.answer(refusal(status), Reply(me()), NOT_LISTED)

    with pytest.raises(CohortUnusable, match=r"no cohort 1001 in Mixpanel's project 7"):
        world.client.first_page(COHORT)

    assert world.paths == ["/api/query/engage", "/api/app/me", "/api/query/cohorts/list"]


@pytest.mark.parametrize("status", [400, 404, 412])
def test_a_cohort_that_is_there_but_cannot_be_queried_is_told(world: World, status: int) -> None:
    """With what there is to look at."""
    world.answer(refusal(status), Reply(me()), LISTED)

    with pytest.raises(CohortUnusable, match=rf"cannot be queried \(HTTP {status}\)"):
        world.client.first_page(COHORT)


@pytest.mark.parametrize(("status", "said"), [(400, "project id, the user name or the secret"), (404, "region")])
def test_where_the_list_is_refused_too_it_is_not_the_cohort(world: World, status: int, said: str) -> None:
    """Mixpanel answers 400 to bad credentials as well."""
    world.answer(refusal(status), Reply(me()), refusal(status))

    with pytest.raises(AccessDenied, match=said):
        world.client.first_page(COHORT)


def test_an_empty_cohort_is_a_page_without_profiles(world: World) -> None:
    """If there is such a cohort."""
    world.answer(Reply(page() | {"total": 0, "results": []}), LISTED)

    assert world.client.first_page(COHORT).distinct_ids == []


def test_an_empty_page_of_no_cohort_is_told(world: World) -> None:
    """Taken for an empty cohort it would empty the field in Marketo."""
    world.answer(Reply(page() | {"total": 0, "results": []}), NOT_LISTED)

    with pytest.raises(CohortUnusable):
        world.client.first_page(COHORT)


def test_a_full_first_page_costs_one_query(world: World) -> None:
    """The list is not asked for."""
    world.answer(Reply(page()))

    world.client.first_page(COHORT)

    assert world.paths == ["/api/query/engage"]


def test_a_redirect_is_refused(world: World) -> None:
    """The secret stays with Mixpanel."""
    world.answer(Reply(b"", 302, {"Location": "https://elsewhere.example.com/"}))

    with pytest.raises(RequestRefused) as caught:
        world.client.cohorts()

    assert caught.value.code == "302"
    assert len(world.paths) == 1


def test_cohorts_are_listed(world: World) -> None:
    """A bare array; counts may be missing."""
    world.answer(LISTED)

    assert world.client.cohorts() == [Cohort(COHORT, "Trial users", 3), Cohort(1002, "Others", None)]
    assert world.mixpanel.requests[0].method == "POST"


@pytest.mark.parametrize(
    "content", [{}, {"status": "ok"}, [None], [{"id": "1001", "name": "x"}], [{"id": 1}], [{"id": 1, "name": 2}]]
)
def test_a_list_of_the_wrong_type_is_not_believed(world: World, content: object) -> None:
    """Else a cohort would seem not to be there."""
    world.answer(Reply(content), LISTED)

    assert len(world.client.cohorts()) == 2


@pytest.mark.parametrize(
    "content",
    [
        me(),
        me(projects={"7": {"name": "P"}}),
        me(workspaces={"9": {"id": 9}}),
        me(workspaces={}),
        me(workspaces=None),
    ],
)
def test_an_account_that_may_read_the_project_passes(content: object) -> None:
    """What Mixpanel leaves out is not held against it."""
    world = World(workspace_id=9)
    world.answer(Reply(content))

    world.client.check_access()

    url = urlsplit(str(world.mixpanel.requests[0].url))
    assert (world.mixpanel.requests[0].method, url.path) == ("GET", "/api/app/me")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (me(projects={}), "no project 7"),
        (me(projects={"8": {}}), "region eu"),
        ({"results": {}}, "no project 7"),
        (me(projects={"7": {"permissions": ["other"]}}), "view_base_reports"),
        (me(projects={"7": {"permissions": []}}), "Consumer"),
    ],
)
def test_an_account_that_may_not_is_told(world: World, content: object, said: str) -> None:
    """With the remedy."""
    world.answer(Reply(content))

    with pytest.raises(AccessDenied, match=said):
        world.client.check_access()


def test_a_data_view_that_is_not_there_is_a_setting() -> None:
    """Mixpanel would answer with a smaller cohort, and no error."""
    world = World(workspace_id=9)
    world.answer(Reply(me(workspaces={"1": {"id": 1}})))

    with pytest.raises(InvalidSetting, match="workspace_id"):
        world.client.check_access()


@pytest.mark.parametrize(
    "content", [{}, {"results": []}, me(projects=[]), me(projects={"7": {"permissions": "all"}})]
)
def test_an_account_of_the_wrong_type_is_not_believed(world: World, content: object) -> None:
    """It is asked for again."""
    world.answer(Reply(content), Reply(me()))

    world.client.check_access()

    assert len(world.paths) == 2


@pytest.mark.parametrize("step", [*BROKEN, *[refusal(status) for status in (400, 401, 402, 403, 404, 412, 429)]])
def test_no_error_holds_an_address_a_secret_or_mixpanel_s_own_words(world: World, step: Step) -> None:
    """Whatever went wrong."""
    world.answer(*[step] * 50)

    with pytest.raises(MarketoProviderError) as caught:
        world.client.first_page(COHORT)

    assert not re.search(f"ann@|quotes|html|{SECRET}", shown(caught.value) + repr(world.client))


def test_no_page_shows_an_address() -> None:
    """Nor an id, which some projects make of one."""
    assert ANN not in repr(Page(0, 1, 1, SESSION, [ANN], [ANN]))


def test_who_waits_may_be_less_patient(world: World) -> None:
    """The *Test* of a Connection form must not take half an hour."""
    world.answer(*[refusal(504)] * 50)

    with pytest.raises(VendorUnavailable):
        world.hasty(patience_seconds=15).check_access()

    assert world.clock.time - 1000 < 15


def test_all_calls_can_be_given_one_end(world: World) -> None:
    """A page that asks several things must be there while its reader still is."""
    world.client.end_by(world.clock.time + 15)
    world.answer(*[refusal(504)] * 50)

    for _ in range(2):
        with pytest.raises(VendorUnavailable):
            world.client.check_access()

    assert world.clock.time - 1000 < 15
