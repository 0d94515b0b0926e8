"""Rule 8: what is left of the day's calls, and when to look for new ones."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketo_provider.sync.budget import Budget, calls_again_at
from tests.sync.world import FIELD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world in which half of 1,000 calls are ours."""
    world = World(tmp_path)
    world.limits = {"daily_quota": 1000, "quota_share": 0.5}
    return world


def budget(world: World, *, used: int) -> Budget:
    """Return the budget of a run, with so many calls made by others today."""
    world.marketo.instance.gate.set_used(used)
    run = world.run()
    return Budget(run.marketo, run.limits)


def ask(world: World, times: int) -> Budget:
    """Return a budget whose client has made so many calls since it was read."""
    world.marketo.instance.gate.set_used(0)
    run = world.run()
    budget = Budget(run.marketo, run.limits)
    budget.left()
    for _ in range(times):
        run.marketo.find_leads("email", ["ann@example.com"], field=FIELD)
    return budget


def usage_reads(world: World) -> int:
    """Return how often the usage was read."""
    return sum("usage" in logged.path for logged in world.marketo.wire.log)


def test_our_share_less_what_everybody_used_is_left(world: World) -> None:
    """Reading it was a call too."""
    assert budget(world, used=100).left() == 500 - 101


def test_our_own_calls_since_are_taken_off(world: World) -> None:
    """Without asking again."""
    assert ask(world, 3).left() == 500 - 1 - 3
    assert usage_reads(world) == 1


def test_the_usage_is_read_again_after_250_calls(world: World) -> None:
    """Others may have used more meanwhile."""
    budget = ask(world, 250)
    world.marketo.instance.gate.set_used(490)

    assert budget.left() == 500 - 491
    assert usage_reads(world) == 2


@pytest.mark.parametrize(
    ("used", "entries", "exits"), [(448, True, True), (449, False, True), (498, False, True), (499, False, False)]
)
def test_the_last_tenth_is_for_exits(
    world: World,
    used: int,
    entries: bool,  # noqa: FBT001 - a parameter of pytest
    exits: bool,  # noqa: FBT001 - as above
) -> None:
    """Who has left must not be mailed."""
    left = budget(world, used=used)

    assert (left.allows(exits=False), left.allows(exits=True)) == (entries, exits)


def test_no_usage_for_want_of_calls_means_no_calls(world: World) -> None:
    """607 is an answer: there are none left, whatever the Connection says."""
    run = world.run()
    world.break_marketo("error_code", path="usage", code="607")

    assert Budget(run.marketo, run.limits).left() <= 0


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 11, 24, 12, tzinfo=UTC), datetime(2026, 11, 25, 6, 5, tzinfo=UTC)),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 2, 5, 5, tzinfo=UTC)),
        # The reset may come an hour later than Chicago's midnight, so it is looked for again.
        (datetime(2026, 7, 2, 5, 6, tzinfo=UTC), datetime(2026, 7, 2, 6, 6, tzinfo=UTC)),
        (datetime(2026, 7, 2, 8, 4, tzinfo=UTC), datetime(2026, 7, 2, 9, 4, tzinfo=UTC)),
        (datetime(2026, 7, 2, 8, 6, tzinfo=UTC), datetime(2026, 7, 3, 5, 5, tzinfo=UTC)),
    ],
)
def test_calls_are_looked_for_after_chicagos_midnight(now: datetime, expected: datetime) -> None:
    """Five minutes past it, then every hour for some hours."""
    assert calls_again_at(now) == expected


@pytest.mark.parametrize(("calls", "days"), [(0, 1), (349, 1), (350, 2), (799, 2), (800, 3)])
def test_what_does_not_fit_today_takes_the_next_days(world: World, *, calls: int, days: int) -> None:
    """A tenth of our 500 a day is for exits; today 101 are used."""
    assert budget(world, used=100).days_for_entries(calls) == days


def test_a_day_without_any_calls_is_waited_out(world: World) -> None:
    """More than our share is used."""
    assert budget(world, used=900).days_for_entries(1) == 2
