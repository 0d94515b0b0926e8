import pytest

from include.sandbox.wire import Fault, Request
from tests.sandbox.mixpanel_support import COHORT, Caller, body_of


@pytest.fixture
def caller() -> Caller:
    """Return an empty sandbox."""
    return Caller()


def generate(caller: Caller, size: int = 300, **more: int) -> None:
    """Add people to the cohort, always of one seed."""
    caller.admin("POST cohort/generate", {"id": COHORT, "seed": 7, "size": size} | more)


def test_a_cohort_is_set_read_and_deleted(caller: Caller) -> None:
    """Members without a profile have null for properties."""
    caller.admin("POST profiles", [{"distinct_id": 1, "properties": {"$email": "one@example.com"}}])
    caller.admin("POST cohort", {"id": COHORT, "name": "Trial users", "members": [1, "two"]})

    read = caller.admin("GET cohort", id=str(COHORT))
    caller.admin("DELETE cohort", id=str(COHORT))

    assert read["name"] == "Trial users"
    assert read["members"] == [
        {"distinct_id": 1, "properties": {"$email": "one@example.com"}},
        {"distinct_id": "two", "properties": None},
    ]
    assert caller.admin("GET cohorts") == {"cohorts": []}
    assert caller.engage().status == 400


def test_members_are_added_and_removed(caller: Caller) -> None:
    """Order stays; removing a stranger does nothing."""
    caller.admin("POST cohort", {"id": COHORT, "members": ["a", "b"]})

    caller.admin("POST cohort/members", {"id": COHORT, "add": ["c", "b"], "remove": ["a", "x"]})

    read = caller.admin("GET cohort", id=str(COHORT))
    assert [member["distinct_id"] for member in read["members"]] == ["b", "c"]


def test_a_profile_is_replaced_and_deleted(caller: Caller) -> None:
    """Null properties delete it; the cohort keeps the member."""
    caller.members("a", "b")

    caller.admin("POST profiles", [{"distinct_id": "a", "properties": {"$email": "new@example.com"}}])
    caller.admin("POST profiles", [{"distinct_id": "b", "properties": None}])

    assert [row["$properties"] for row in caller.page()["results"]] == [{"$email": "new@example.com"}, {}]
    assert caller.page(include_all_users="false")["total"] == 1


def test_a_generated_cohort_has_the_size_and_some_without_a_profile(caller: Caller) -> None:
    """`size` counts profiles; who forgets `include_all_users` gets more."""
    generate(caller)

    assert caller.page(include_all_users="false")["total"] == 300
    assert caller.page()["total"] == 303


def test_generating_again_adds_other_people(caller: Caller) -> None:
    """The same seed does not give the same people twice in one sandbox."""
    generate(caller, 100, without_profile=0)
    generate(caller, 100, without_profile=0)

    assert caller.page()["total"] == 200


def test_the_same_calls_give_the_same_cohort(caller: Caller) -> None:
    """Two sandboxes that were told the same hold the same."""
    other = Caller()
    for one in (caller, other):
        generate(one)
        one.admin("POST cohort/churn", {"id": COHORT, "seed": 8, "entered": 20, "exited": 10})

    assert caller.page()["results"] == other.page()["results"]


def test_a_churn_moves_people_and_says_whom(caller: Caller) -> None:
    """New people enter, members with a profile leave, profiles stay."""
    generate(caller)
    before = {member["distinct_id"] for member in caller.admin("GET cohort", id=str(COHORT))["members"]}

    moved = caller.admin("POST cohort/churn", {"id": COHORT, "seed": 7, "entered": 20, "exited": 10})

    after = {member["distinct_id"] for member in caller.admin("GET cohort", id=str(COHORT))["members"]}
    entered = {one["distinct_id"] for one in moved["entered"]}
    exited = {one["distinct_id"] for one in moved["exited"]}
    assert (len(entered), len(exited)) == (20, 10)
    assert (after - before, before - after) == (entered, exited)
    assert all(one["properties"] for one in moved["entered"] + moved["exited"])


def test_two_churns_with_one_seed_move_different_people(caller: Caller) -> None:
    """What comes later is fresh."""
    generate(caller)
    body = {"id": COHORT, "seed": 7, "entered": 20, "exited": 10}

    first, second = (caller.admin("POST cohort/churn", body) for _ in range(2))

    ids = [{one["distinct_id"] for one in moved["entered"]} for moved in (first, second)]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("POST cohort", b'{"id":0}'),
        ("POST cohort", b'{"id":1,"member":[]}'),
        ("POST cohort/churn", b'{"id":9,"seed":1,"entered":1,"exited":0}'),
        ("POST cohort/churn", b'{"id":1001,"seed":1,"entered":0,"exited":2}'),
        ("POST limits", b'{"page_size":0}'),
        ("POST account", b'{"regions":"eu"}'),
        ("GET cohort", b""),
    ],
)
def test_a_mistaken_call_is_400(caller: Caller, route: str, body: bytes) -> None:
    """A test must see its own mistakes."""
    caller.members("a")
    method, name = route.split()

    assert caller.sandbox.admin(Request(method, f"/_sandbox/{name}", {}, {}, body)).status == 400


def test_sessions_can_be_ended(caller: Caller) -> None:
    """So that a test need not wait."""
    caller.members("a")
    session = caller.page()["session_id"]

    caller.admin("DELETE sessions")

    assert caller.engage(page=1, session_id=session).status == 400


def test_the_common_routes_are_there(caller: Caller) -> None:
    """Faults, log and latency work as in the other sandbox."""
    caller.admin("POST faults", {"kind": "status", "path": "engage", "status": 503})

    assert [fault.status for fault in caller.sandbox.wire.faults] == [503]
    assert caller.admin("GET log") == {"requests": []}


def test_a_reset_forgets_everything(caller: Caller) -> None:
    """Data, settings, counts, faults: as new."""
    caller.members("a")
    caller.admin("POST account", {"region": "eu"})
    caller.admin("POST limits", {"queries_per_hour": 1})
    caller.sandbox.wire.faults.append(Fault("reset_before"))
    caller.engage()

    caller.admin("POST reset")

    assert caller.admin("GET cohorts") == {"cohorts": []}
    assert caller.admin("GET limits")["counted"] == 0
    assert caller.admin("GET limits")["queries_per_hour"] == 60
    assert caller.sandbox.wire.faults == []
    assert body_of(caller.call("/api/query/cohorts/list")) == []
