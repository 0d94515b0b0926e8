import json
from urllib.parse import urlencode

import pytest

from tests.sandbox.mixpanel_support import COHORT, ENGAGE, Caller, body_of, ids_of

FILTER = json.dumps({"id": COHORT})


@pytest.fixture
def caller() -> Caller:
    """Return a sandbox whose cohort has five members."""
    caller = Caller()
    caller.members("a", "b", "c", "d", "e")
    return caller


def test_page_0_holds_the_members_in_order(caller: Caller) -> None:
    """A page holds rows of id and properties, and says what it is."""
    page = caller.page()

    assert page["results"][0] == {
        "$distinct_id": "a",
        "$properties": {"$name": "One", "$email": "one@example.com"},
    }
    assert ids_of(page) == ["a", "b", "c", "d", "e"]
    assert (page["status"], page["page"], page["page_size"], page["total"]) == ("ok", 0, 1000, 5)


@pytest.mark.parametrize("path", ["/api/query/engage", "/api/2.0/engage"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_both_paths_answer_both_methods(caller: Caller, path: str, method: str) -> None:
    """The documented path and its older alias take parameters from the URL too."""
    response = caller.call(path, method=method, filter_by_cohort=FILTER)

    assert len(body_of(response)["results"]) == 5


def test_an_integer_id_stays_one(caller: Caller) -> None:
    """Ids are JSON strings or integers, as they were sent to Mixpanel."""
    caller.members("4", 5)

    assert ids_of(caller.page()) == ["4", 5]


def test_members_without_a_profile_are_listed_unless_asked_not_to(caller: Caller) -> None:
    """`include_all_users` is true by default."""
    caller.admin("POST cohort/members", {"id": COHORT, "add": ["$device:1"]})

    assert caller.page()["results"][-1] == {"$distinct_id": "$device:1", "$properties": {}}
    assert caller.page(include_all_users="true")["total"] == 6
    assert caller.page(include_all_users="false")["total"] == 5


def test_output_properties_leave_the_others_out(caller: Caller) -> None:
    """Only the named properties come back, and a missing one has no key."""
    caller.admin("POST profiles", [{"distinct_id": "b", "properties": {"$name": "Two"}}])

    rows = caller.page(output_properties='["$email"]')["results"]

    assert [row["$properties"] for row in rows[:2]] == [{"$email": "one@example.com"}, {}]


def test_where_keeps_profiles_with_an_address(caller: Caller) -> None:
    """`defined(...)` keeps what has a value, be it blank."""
    for id_, properties in {"a": {}, "b": {"$email": None}, "c": {"$email": ""}}.items():
        caller.admin("POST profiles", [{"distinct_id": id_, "properties": properties}])

    assert ids_of(caller.page(where='defined(properties["$email"])')) == ["c", "d", "e"]


def test_without_a_cohort_all_profiles_are_listed(caller: Caller) -> None:
    """The filter is optional."""
    caller.admin("POST profiles", [{"distinct_id": "nobody", "properties": {}}])

    assert body_of(caller.call(ENGAGE))["total"] == 6


def test_a_json_body_is_read_before_a_form(caller: Caller) -> None:
    """JSON text counts whatever its content type; `filter_by_cohort` is a string in it too."""
    response = caller.call(ENGAGE, json.dumps({"filter_by_cohort": FILTER, "page_size": 2}).encode())

    assert body_of(response)["page_size"] == 2


def test_the_body_wins_over_the_url(caller: Caller) -> None:
    """Parameters of the body are laid over those of the URL."""
    body = urlencode({"filter_by_cohort": FILTER, "page_size": 2}).encode()

    assert body_of(caller.call(ENGAGE, body, page_size="3"))["page_size"] == 2


def test_a_page_size_is_honoured_up_to_the_cap_and_echoed(caller: Caller) -> None:
    """The echo tells what was used."""
    caller.admin("POST limits", {"page_size_cap": 3})

    assert len(caller.page(page_size=2)["results"]) == 2
    assert len(caller.page(page_size=4)["results"]) == 3
    assert [caller.page(page_size=size)["page_size"] for size in (2, 4)] == [2, 3]


def test_pages_share_the_session_and_only_page_0_has_a_total(caller: Caller) -> None:
    """The pages of a session are the set once, and `total` comes first only."""
    first = caller.page(page_size=2)
    second, third = (caller.page(page_size=2, page=n, session_id=first["session_id"]) for n in (1, 2))

    assert ids_of(first) + ids_of(second) + ids_of(third) == ["a", "b", "c", "d", "e"]
    assert {page["session_id"] for page in (first, second, third)} == {first["session_id"]}
    assert "total" in first
    assert "total" not in second


def test_pages_come_in_any_order_and_again(caller: Caller) -> None:
    """A page can be asked for directly, and twice; page 0 too."""
    session = caller.page(page_size=2)["session_id"]

    assert ids_of(caller.page(page_size=2, page=2, session_id=session)) == ["e"]
    assert ids_of(caller.page(page_size=2, page=2, session_id=session)) == ["e"]
    assert caller.page(page_size=2, page=0, session_id=session)["total"] == 5


def test_the_page_after_the_last_is_empty(caller: Caller) -> None:
    """Beyond the end there are no rows, and no error."""
    session = caller.page(page_size=5)["session_id"]

    assert caller.page(page_size=5, page=1, session_id=session)["results"] == []


def test_page_0_freezes_the_set(caller: Caller) -> None:
    """Who moves later is in the next session, not in this one."""
    session = caller.page(page_size=3)["session_id"]
    caller.admin("POST cohort/members", {"id": COHORT, "add": ["f"], "remove": ["a", "e"]})

    assert ids_of(caller.page(page_size=3, page=1, session_id=session)) == ["d", "e"]
    assert ids_of(caller.page()) == ["b", "c", "d", "f"]


def test_a_new_page_0_is_a_new_session(caller: Caller) -> None:
    """Sessions are never shared."""
    assert caller.page()["session_id"] != caller.page()["session_id"]


@pytest.mark.parametrize("session", [{}, {"session_id": ""}])
def test_a_later_page_needs_a_session(caller: Caller, session: dict[str, str]) -> None:
    """An empty session is none."""
    response = caller.engage(page=1, **session)

    assert response.status == 400
    assert body_of(response)["error"] == "must have session_id when requesting page > 0"


def test_a_session_the_vendor_does_not_know_is_refused(caller: Caller) -> None:
    """The vendor's words are about the page, not about the session."""
    response = caller.engage(page=1, session_id="1234567890-EXAMPL")

    assert response.status == 400
    assert "request for page in uncached query" in body_of(response)["error"]


def test_a_session_expires_so_long_after_page_0(caller: Caller) -> None:
    """Reading pages does not prolong it."""
    caller.admin("POST limits", {"session_seconds": 60})
    session = caller.page()["session_id"]
    caller.clock.advance(59)
    alive = caller.engage(page=1, session_id=session).status

    caller.clock.advance(1)

    assert (alive, caller.engage(page=1, session_id=session).status) == (200, 400)


@pytest.mark.parametrize(
    "changed",
    [
        {"filter_by_cohort": '{"id":1002}'},
        {"include_all_users": "false"},
        {"where": 'defined(properties["$email"])'},
        {"workspace_id": "1"},
        {"page_size": 2},
    ],
)
def test_a_session_belongs_to_its_query(caller: Caller, changed: dict[str, object]) -> None:
    """A page with another selection or page size was never computed."""
    session = caller.page(page_size=3)["session_id"]

    response = caller.engage(**{"page": 1, "session_id": session, "page_size": 3} | changed)

    assert response.status == 400


def test_an_announced_total_can_lie(caller: Caller) -> None:
    """A vendor that miscounts, or a size nobody wants to hold in memory."""
    caller.admin("POST cohort", {"id": COHORT, "members": ["a"], "announced_total": 30_000_001})

    assert caller.page()["total"] == 30_000_001


@pytest.mark.parametrize(
    "wrong",
    [
        {"filter_by_cohort": '{"id":999}'},
        {"filter_by_cohort": "1001"},
        {"filter_by_cohort": '{"id":"1001"}'},
        {"filter_by_cohort": '{"id":1001,"name":"x"}'},
        {"filter_by_cohort": "{'id': 1001}"},
        {"include_all_users": "False"},
        {"include_all_users": "0"},
        {"output_properties": "$email"},
        {"output_properties": '"$email"'},
        {"where": 'properties["$email"] != ""'},
        {"page": "-1"},
        {"page": "one"},
        {"page_size": "0"},
        {"page_size": "1e3"},
        {"behaviors": "[]"},
    ],
)
def test_a_wrong_parameter_is_refused_aloud(caller: Caller, wrong: dict[str, str]) -> None:
    """The error names the request and says what is wrong, and no session begins."""
    response = caller.engage(**wrong)

    assert response.status == 400
    assert set(body_of(response)) == {"request", "error"}
    assert body_of(response)["request"] == "/api/query/engage?project_id=12345"


def test_a_cohort_filter_that_is_an_object_is_refused(caller: Caller) -> None:
    """In a JSON body, too, the vendor's clients send a string."""
    response = caller.call(ENGAGE, json.dumps({"filter_by_cohort": {"id": COHORT}}).encode())

    assert response.status == 400


def test_an_unknown_parameter_is_ignored(caller: Caller) -> None:
    """A misspelt field is a client's silent mistake, as with the vendor."""
    caller.admin("POST cohort/members", {"id": COHORT, "add": ["$device:1"]})

    assert caller.page(include_all_user="false")["total"] == 6
