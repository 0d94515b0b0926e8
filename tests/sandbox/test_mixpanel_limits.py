import pytest

from tests.sandbox.mixpanel_support import COHORTS, ENGAGE, ME, Caller, body_of


@pytest.fixture
def caller() -> Caller:
    """Return a sandbox whose cohort has three members."""
    caller = Caller()
    caller.members("a", "b", "c")
    return caller


def counted(caller: Caller) -> int:
    """Return how many queries of the hour are used."""
    used: int = caller.admin("GET limits")["counted"]
    return used


def test_the_61st_query_of_an_hour_is_refused(caller: Caller) -> None:
    """Headers and body are the vendor's."""
    for _ in range(60):
        caller.page()

    response = caller.engage()

    assert response.status == 429
    assert response.headers["retry-after"] == "3600"
    assert (
        response.headers["ratelimit-policy"]
        == '"project";q=60;w=3600, "project-concurrency";q=5;qu="concurrent-requests"'
    )
    assert response.headers["ratelimit"] == '"project";r=0;t=3600, "project-concurrency";r=5'
    assert (
        "Query rate limit exceeded for project_id: 12345. This request exceeded the rate limit "
        "(61/60 queries running in the last hour)"
    ) in body_of(response)["error"]


def test_the_hour_rolls(caller: Caller) -> None:
    """A query is free again an hour after the oldest, and Retry-After says when."""
    caller.admin("POST limits", {"queries_per_hour": 2})
    caller.page()
    caller.clock.advance(600)
    caller.page()
    caller.clock.advance(600)
    refused = caller.engage()

    caller.clock.advance(int(refused.headers["retry-after"]) - 1)
    still = caller.engage()
    caller.clock.advance(1)

    assert (refused.status, refused.headers["retry-after"], still.status) == (429, "2400", 429)
    assert caller.engage().status == 200
    assert caller.engage().status == 429


def test_pages_with_a_session_are_free(caller: Caller) -> None:
    """Only page 0 counts, so they come when the hour is used up."""
    caller.admin("POST limits", {"queries_per_hour": 1})
    session = caller.page(page_size=1)["session_id"]

    pages = [caller.engage(page_size=1, page=n, session_id=session).status for n in (0, 1, 2)]

    assert pages == [200, 200, 200]
    assert caller.engage(page_size=1).status == 429
    assert counted(caller) == 1


def test_a_session_in_the_url_is_one_too(caller: Caller) -> None:
    """It counts as present wherever it stands."""
    caller.call(ENGAGE, b"page=1", session_id="gone")

    assert counted(caller) == 0


@pytest.mark.parametrize("body", [b"session_id=", b'{"session_id":null}', b'{"session_id":""}'])
def test_an_empty_session_does_not_spare_a_query(caller: Caller, body: bytes) -> None:
    """Who drops the session on a retry pays for the page."""
    caller.call(ENGAGE, body)

    assert counted(caller) == 1


def test_the_cohort_list_counts_always(caller: Caller) -> None:
    """A session means nothing there."""
    caller.call(COHORTS, session_id="some")

    assert counted(caller) == 1


def test_a_query_that_fails_counts(caller: Caller) -> None:
    """Counted on arrival: what is wrong with it turns out later."""
    caller.engage(filter_by_cohort='{"id":999}')
    caller.engage(page=1)
    caller.admin("POST account", {"permissions": []})
    caller.engage()

    assert counted(caller) == 3


def test_401_402_and_429_do_not_count(caller: Caller) -> None:
    """Who is not let in is not counted."""
    caller.admin("POST limits", {"queries_per_hour": 1})
    caller.admin("POST account", {"plan_has_api": False})
    caller.engage()
    caller.admin("POST account", {"plan_has_api": True, "region": "in"})
    caller.engage()
    caller.admin("POST account", {"region": "us"})
    unused = counted(caller)
    statuses = [caller.engage().status for _ in range(3)]

    assert (unused, statuses, counted(caller)) == (0, [200, 429, 429], 1)


def test_me_is_outside_all_limits(caller: Caller) -> None:
    """It is the App API's."""
    caller.admin("POST limits", {"queries_per_hour": 1, "concurrent_queries": 1})
    held = caller.begin(ENGAGE)

    assert callable(held)
    assert caller.call(ME, method="GET").status == 200
    assert counted(caller) == 1


def test_the_6th_query_at_once_is_refused(caller: Caller) -> None:
    """It has its own header, and does not count."""
    held = [caller.begin(ENGAGE) for _ in range(5)]

    response = caller.engage()

    assert all(callable(one) for one in held)
    assert (response.status, response.headers["retry-after"]) == (429, "10")
    assert response.headers["ratelimit"] == '"project";r=55, "project-concurrency";r=0;t=10'
    assert "concurrency limit (6/5 queries running concurrently)" in body_of(response)["error"]
    assert counted(caller) == 5


def test_a_page_with_a_session_takes_a_place(caller: Caller) -> None:
    """It is free of the hour, not of the five."""
    caller.admin("POST limits", {"concurrent_queries": 1})
    session = caller.page()["session_id"]
    held = caller.begin(ENGAGE, f"page=1&session_id={session}".encode())

    assert callable(held)
    assert caller.engage(page=1, session_id=session).status == 429


@pytest.mark.parametrize("body", [b"", b"page=1"])
def test_a_place_is_given_back(caller: Caller, body: bytes) -> None:
    """Whether the query worked or not."""
    caller.admin("POST limits", {"concurrent_queries": 1})
    held = caller.begin(ENGAGE, body)
    assert callable(held)

    held()

    assert caller.engage().status == 200


def test_a_larger_quota_shows_in_the_policy(caller: Caller) -> None:
    """Many projects have more than 60: the header tells."""
    caller.admin("POST limits", {"queries_per_hour": 1, "concurrent_queries": 7})
    caller.page()

    policy = caller.engage().headers["ratelimit-policy"]

    assert policy == '"project";q=1;w=3600, "project-concurrency";q=7;qu="concurrent-requests"'


@pytest.mark.parametrize(
    ("code", "status"), [("load_shed", 429), ("uncached", 400), ("500", 500), ("401", 401), ("402", 402)]
)
def test_a_fault_can_answer_any_error(caller: Caller, code: str, status: int) -> None:
    """In the vendor's envelope, and a load-shed 429 without rate-limit headers."""
    response = caller.sandbox.wire.error_body(code)

    assert response.status == status
    assert set(body_of(response)) == {"request", "error"}
    assert set(response.headers) == {"content-type"}
