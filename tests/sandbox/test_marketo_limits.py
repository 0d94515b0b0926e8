import pytest

from include.sandbox.marketo_limits import Limits
from tests.sandbox.marketo_support import LEADS, Caller, body_of, code_of, done

USAGE = "/rest/v1/stats/usage.json"


def test_the_101st_call_within_20_seconds_is_606() -> None:
    """The window slides."""
    caller = Caller()
    for _ in range(100):
        assert caller.get(USAGE)["success"] is True
        caller.clock.advance(0.1)

    refused = caller.get(USAGE)
    caller.clock.advance(10.1)  # 20 s after the second call, so the first two have left
    taken = caller.get(USAGE)

    assert refused["errors"] == [{"code": "606", "message": "Max rate limit '100' exceeded with in '20' secs"}]
    assert taken["success"] is True


@pytest.mark.parametrize(("seconds", "success"), [(19.9, False), (20, True)])
def test_a_call_leaves_the_window_after_20_seconds(seconds: float, success: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """Not before."""
    caller = Caller(Limits(calls_per_window=1))
    caller.get(USAGE)
    caller.clock.advance(seconds)

    assert caller.get(USAGE)["success"] is success


def test_hammering_keeps_the_window_full() -> None:
    """A call refused with 606 counts as any other, against the quota too."""
    caller = Caller(Limits(calls_per_window=2))
    for _ in range(2):
        caller.get(USAGE)
    caller.clock.advance(15)
    for _ in range(2):
        caller.get(USAGE)
    caller.clock.advance(6)

    refused = caller.get(USAGE)

    assert code_of(refused) == "606"
    assert caller.used() == 5


def test_ten_calls_at_once_are_taken_and_the_eleventh_is_615() -> None:
    """A call is in flight from its arrival to its answer."""
    caller = Caller()
    steps = [caller.begin("GET", USAGE) for _ in range(10)]

    refused = body_of(done(caller.begin("GET", USAGE)))
    done(steps[0])
    taken = body_of(done(caller.begin("GET", USAGE)))

    assert refused["errors"] == [{"code": "615", "message": "Concurrent access limit '10' reached"}]
    assert taken["success"] is True


def test_a_refused_call_leaves_its_place() -> None:
    """Whatever it was refused for."""
    caller = Caller(Limits(concurrent_calls=1))

    codes = [code_of(caller.post(LEADS, {})) for _ in range(3)]

    assert codes == ["701"] * 3
    assert caller.admin("GET limits")["in_flight"] == 0


def test_the_quota_ends_the_day() -> None:
    """607, whoever used it up; until midnight in Chicago."""
    caller = Caller(Limits(daily_quota=50))
    caller.admin("POST limits", {"used": 49})  # the clock stands at 18:00 in Chicago

    taken, refused = caller.get(USAGE), caller.get(USAGE)
    caller.clock.advance(6 * 3600)
    caller.token = body_of(caller.ask_token())["access_token"]
    next_day = caller.get(USAGE)

    assert taken["success"] is True
    assert refused["errors"] == [{"code": "607", "message": "Daily quota '50' reached"}]
    assert next_day["result"][0] == {
        "date": "2026-01-01",
        "total": 1,
        "users": [{"userId": "exporter@sandbox.invalid", "count": 1}],
    }


@pytest.mark.parametrize(
    ("code", "cost"),
    [("604", 0), ("608", 0), ("611", 0), ("502", 1), ("606", 1), ("609", 1), ("614", 1), ("713", 1)],
)
def test_injected_codes_cost_what_real_ones_do(code: str, cost: int) -> None:
    """Only those that the vendor stars are free."""
    caller = Caller()

    body = body_of(caller.sandbox.wire.error_body(code))

    assert code_of(body) == code
    assert caller.used() == cost


@pytest.mark.parametrize(
    ("path", "cost"),
    [("/rest/v1/nothing.json", 1), ("/bulk/v1/nothing.json", 1), (USAGE, 1), ("/v1/leads.json", 0)],
)
def test_calls_cost_quota_when_somebody_made_them(path: str, cost: int) -> None:
    """A wrong path under /rest or /bulk costs a call; what never came to the gate does not."""
    caller = Caller()

    caller.get(path)

    assert caller.used() == cost


def test_usage_is_counted_by_user_and_day() -> None:
    """The total is the whole subscription's."""
    caller = Caller()
    caller.admin("POST limits", {"used": 7})

    [today] = caller.get(USAGE)["result"]
    week = caller.get("/rest/v1/stats/usage/last7days.json")["result"]

    assert today["total"] == 8
    assert {user["count"] for user in today["users"]} == {7, 1}
    assert [day["date"] for day in week] == [f"2025-12-{day}" for day in range(31, 24, -1)]


def test_errors_are_counted_by_code() -> None:
    """Those of today, and of the last days."""
    caller = Caller()
    caller.get("/rest/v1/nothing.json")
    caller.get("/rest/v1/nothing.json")

    [today] = caller.get("/rest/v1/stats/errors.json")["result"]
    week = caller.get("/rest/v1/stats/errors/last7days.json")["result"]

    assert today == {"date": "2025-12-31", "total": 2, "errors": [{"errorCode": "610", "count": 2}]}
    assert len(week) == 7
