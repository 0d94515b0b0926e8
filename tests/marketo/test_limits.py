from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier, Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketo_provider.errors import VendorUnavailable
from marketo_provider.marketo.limits import CallLimits, Share, next_quota_reset
from tests.fake_wire import FakeClock

FAR = 1e9


def limited(calls: int, concurrent: int, clock: FakeClock) -> CallLimits:
    """Return limits that stay as they are."""
    return CallLimits(lambda: Share(calls, concurrent), clock)


def test_calls_below_the_limit_do_not_wait() -> None:
    """The limit is a ceiling, not a pace."""
    clock = FakeClock()
    limits = limited(3, 5, clock)

    for _ in range(3):
        with limits.slot(FAR):
            pass

    assert clock.naps == []


def test_the_call_above_the_limit_waits_for_the_window() -> None:
    """Until 20 seconds after the first one ended."""
    clock = FakeClock()
    limits = limited(1, 5, clock)

    with limits.slot(FAR):
        clock.time += 3
    with limits.slot(FAR):
        assert clock.time == 1023


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0, 3), st.floats(0, 3)), min_size=1, max_size=40),
)
def test_no_window_holds_more_than_the_limit(calls: int, steps: list[tuple[float, float, float]]) -> None:
    """Measured where it counts, when Marketo receives a call, however long that took."""
    clock = FakeClock()
    limits = limited(calls, 5, clock)
    received = []

    for idle, way_there, way_back in steps:
        clock.time += idle
        with limits.slot(FAR):
            clock.time += way_there
            received.append(clock.time)
            clock.time += way_back

    for first, beyond in zip(received, received[calls:], strict=False):
        assert beyond - first >= 20 - 1e-9


def test_a_window_that_opens_after_the_deadline_is_not_waited_for() -> None:
    """Nothing was sent, and the place is not lost."""
    clock = FakeClock()
    limits = limited(1, 5, clock)
    with limits.slot(FAR):
        pass

    with pytest.raises(VendorUnavailable), limits.slot(clock.time + 19):
        pass

    assert clock.naps == []
    with limits.slot(FAR):
        assert clock.time == 1020


def test_a_call_that_fails_keeps_its_place_for_the_window() -> None:
    """Marketo may have received it."""
    clock = FakeClock()
    limits = limited(1, 5, clock)

    with pytest.raises(RuntimeError), limits.slot(FAR):
        raise RuntimeError

    with limits.slot(FAR):
        assert clock.time == 1020


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    """Pairs of threads meet inside; a third would be seen."""
    limits = limited(100, 2, FakeClock())
    together, lock, inside, most = Barrier(2), Lock(), [0], [0]

    def call() -> None:
        with limits.slot(FAR):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            together.wait(timeout=30)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(6) as pool:
        for call_done in [pool.submit(call) for _ in range(6)]:
            call_done.result()

    assert most == [2]


def times(limits: CallLimits, clock: FakeClock, calls: int) -> list[float]:
    """Return when so many calls begin, one after the other, that take no time."""
    begun = []
    for _ in range(calls):
        with limits.slot(FAR):
            begun.append(clock.time - 1000)
    return begun


def test_a_burst_is_let_through_and_then_calls_come_evenly() -> None:
    """So that every window from then on has its full number."""
    clock = FakeClock()

    begun = times(limited(4, 5, clock), clock, 12)

    assert begun == [0, 0, 0, 0, 20, 25, 30, 35, 40, 45, 50, 55]


def test_calls_come_evenly_from_the_first_on_where_others_are_there() -> None:
    """The window after a burst would be empty, and the others could not fill it."""
    clock = FakeClock()
    limits = CallLimits(lambda: Share(4, 5, even=True), clock)

    assert times(limits, clock, 6) == [0, 5, 10, 15, 20, 25]


def test_calls_that_begin_a_little_late_do_not_delay_those_after_them() -> None:
    """A busy machine would lose its part of the limit bit by bit."""
    clock = FakeClock()
    limits = CallLimits(lambda: Share(4, 5, even=True), clock)
    times(limits, clock, 1)
    clock.time += 9

    assert times(limits, clock, 3) == [9, 10, 15]


def test_who_has_had_nothing_to_send_does_not_catch_up() -> None:
    """Calls come evenly again."""
    clock = FakeClock()
    limits = CallLimits(lambda: Share(4, 5, even=True), clock)
    times(limits, clock, 1)
    clock.time += 12

    assert times(limits, clock, 3) == [12, 17, 22]


def test_a_smaller_share_holds_from_the_next_call_on() -> None:
    """What the window has of the larger one counts."""
    clock = FakeClock()
    shares = [Share(6, 5)]
    limits = CallLimits(lambda: shares[-1], clock)
    times(limits, clock, 6)
    clock.time += 10

    shares.append(Share(2, 5, even=True))

    assert times(limits, clock, 3) == [20, 30, 40]


def test_a_larger_share_is_used_at_once() -> None:
    """Somebody has left."""
    clock = FakeClock()
    shares = [Share(2, 5, even=True)]
    limits = CallLimits(lambda: shares[-1], clock)
    times(limits, clock, 2)

    shares.append(Share(4, 5, even=True))

    assert times(limits, clock, 3) == [15, 20, 25]


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        ("2026-11-24T12:00", "2026-11-25T06:05"),
        ("2026-11-24T06:04", "2026-11-24T06:05"),
        ("2026-11-24T06:05", "2026-11-25T06:05"),
        ("2026-11-24T05:59", "2026-11-24T06:05"),
        ("2026-07-01T12:00", "2026-07-02T05:05"),
        ("2026-03-07T12:00", "2026-03-08T06:05"),
        ("2026-03-08T12:00", "2026-03-09T05:05"),
        ("2026-11-01T12:00", "2026-11-02T06:05"),
    ],
)
def test_the_quota_s_day_ends_in_chicago(now: str, reset: str) -> None:
    """Five minutes after midnight there, in winter, in summer and on the days between."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert next_quota_reset(at) == datetime.fromisoformat(reset).replace(tzinfo=UTC)
