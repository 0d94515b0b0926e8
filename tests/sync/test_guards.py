import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from marketo_provider.errors import GuardStopped
from marketo_provider.state.records import Settled
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.sync.changes import Extent
from marketo_provider.sync.guards import check_guards
from marketo_provider.sync.report import Report
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import World

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world for runs."""
    return World(tmp_path)


def extent(*, entered: int = 0, exited: int = 0, held: int = 0) -> Extent:
    """Return how much changes."""
    return Extent(entered=entered, exited=exited, to_send=entered + exited, held=held, ledger_rows=held)


def snapshot(*, profiles: int = 1000, members: int = 1000, without: int = 0) -> Snapshot:
    """Return a snapshot of these counts."""
    return Snapshot(
        name="00000009",
        number=9,
        project_id=7,
        workspace_id=None,
        cohort_id=1001,
        begun_at=NOW,
        completed_at=NOW,
        profiles=profiles,
        missing_profiles=0,
        without_email=without,
        invalid_email=0,
        duplicate_email=0,
        members=members,
    )


def last(
    world: World, *, address_share: float = 1.0, entered: int = 0, set_true: int = 0, left_over: int = 0
) -> Settled:
    """Return a settle before this run."""
    report = Report.begin(export="e", field="f", run_id="run-0", snapshot=snapshot(), started_at=NOW)
    counts = {"entered": entered, "set_true": set_true, "left_over": left_over}
    return Settled(
        at=NOW,
        by="try-0",
        run_id="run-0",
        snapshot=1,
        snapshot_begun_at=NOW,
        claim=world.run().claim(),
        base=None,
        base_rows=0,
        deltas=(),
        delivered=1,
        address_share=address_share,
        report=report.model_copy(update=counts).model_dump(mode="json"),
        left_over=left_over,
        takeover_seconds=230,
    )


def stops(world: World, change: Extent, to: Snapshot, before: Settled | None, **parameters: Any) -> bool:
    """Return whether the guards stop a run."""
    try:
        check_guards(world.run(**parameters), to, change, before)
    except GuardStopped:
        return True
    return False


@pytest.mark.parametrize(
    ("exited", "held", "stopped"),
    [
        (99, 99, False),
        (99, 100, False),
        (100, 200, False),
        (100, 199, True),
        (101, 200, True),
        (500, 1000, False),
        (501, 1000, True),
        (15_000_000, 30_000_000, False),
        (15_000_001, 30_000_000, True),
    ],
)
def test_more_than_half_and_a_hundred_must_not_leave_unasked(
    world: World,
    exited: int,
    held: int,
    stopped: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Both must be reached: a share alone would stop small cohorts, a number alone large ones."""
    assert stops(world, extent(exited=exited, held=held), snapshot(), last(world)) is stopped


def test_the_guard_for_exits_holds_before_the_first_settle(world: World) -> None:
    """Adopted leads can leave in the first run."""
    assert stops(world, extent(exited=900, held=1000), snapshot(), None)


@pytest.mark.parametrize(("share", "stopped"), [(0.0, True), (0.3, True), (0.4, False), (1.0, False)])
def test_the_share_of_exits_is_the_exports_own(tmp_path: Path, share: float, stopped: bool) -> None:  # noqa: FBT001 - a column of the table
    """`max_exit_share` counts what the field is True for."""
    world = World(tmp_path, max_exit_share=share)

    assert stops(world, extent(exited=400, held=1000), snapshot(), last(world)) is stopped


@pytest.mark.parametrize(("held", "stopped"), [(0, False), (1, True), (50, True)])
def test_an_empty_cohort_stops_where_the_field_is_true_for_anybody(world: World, held: int, stopped: bool) -> None:  # noqa: FBT001 - a column of the table
    """However few: a cohort that answers nothing is more often broken than empty."""
    change = extent(exited=held, held=held)

    assert stops(world, change, snapshot(profiles=0, members=0), last(world)) is stopped


def test_a_cohort_without_one_address_is_an_empty_one(world: World) -> None:
    """Profiles alone are no members."""
    assert stops(world, extent(exited=5, held=5), snapshot(profiles=10, members=0, without=10), None)


@pytest.mark.parametrize(
    ("entered", "held", "stopped"),
    [
        (999, 0, False),
        (1000, 0, True),
        (999, 100, False),
        (1000, 1000, False),
        (1000, 999, True),
        (1001, 1000, True),
        (50_000, 50_000, False),
        (50_001, 50_000, True),
    ],
)
def test_more_than_as_many_again_and_a_thousand_must_not_enter_unasked(
    world: World,
    entered: int,
    held: int,
    stopped: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Leads once created are billed and cannot be taken back."""
    assert stops(world, extent(entered=entered, held=held), snapshot(), last(world)) is stopped


def test_the_first_run_may_enter_everybody(world: World) -> None:
    """Before the first settle there is nothing to compare with."""
    assert not stops(world, extent(entered=30_000_000), snapshot(), None)


def test_what_was_left_over_does_not_enter_now(world: World) -> None:
    """What the last run did not send had been let through by it."""
    before = last(world, entered=2500, set_true=500, left_over=2000)
    assert not stops(world, extent(entered=2999, held=1000), snapshot(), before)
    assert stops(world, extent(entered=3001, held=1000), snapshot(), before)


@pytest.mark.parametrize(("entered", "set_true"), [(0, 0), (500, 500), (0, 500)])
def test_exits_and_a_full_refresh_that_were_left_over_let_nobody_enter(
    world: World, entered: int, set_true: int
) -> None:
    """They are no entries of this run, so a cohort that swells after them stops it as ever."""
    before = last(world, entered=entered, set_true=set_true, left_over=500_000)

    assert stops(world, extent(entered=2001, held=1000), snapshot(), before)


def test_a_one_time_export_goes_on_unasked(tmp_path: Path) -> None:
    """Its members were decided when it began."""
    world = World(tmp_path, sync_type="one_time")

    assert not stops(world, extent(entered=20_000, held=1000), snapshot(), last(world))


@pytest.mark.parametrize(("share", "stopped"), [(0.0, True), (1.9, True), (2.0, False)])
def test_the_share_of_entries_is_the_exports_own(tmp_path: Path, share: float, stopped: bool) -> None:  # noqa: FBT001 - a column of the table
    """`max_entry_share` may be more than one."""
    world = World(tmp_path, max_entry_share=share)

    assert stops(world, extent(entered=2000, held=1000), snapshot(), last(world)) is stopped


@pytest.mark.parametrize(
    ("before", "without", "stopped"),
    [
        (1.0, 200, False),
        (1.0, 201, True),
        (0.9, 300, False),
        (0.9, 301, True),
        (0.7, 500, False),
        (0.7, 501, True),
        (0.2, 999, False),
        (0.5, 100, False),
    ],
)
def test_the_share_of_addresses_must_not_fall_by_more_than_twenty_points(
    world: World,
    before: float,
    without: int,
    stopped: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Twenty points are let through, whatever binary fractions make of them."""
    to = snapshot(profiles=1000, members=1000 - without, without=without)

    assert stops(world, extent(exited=5, held=1000), to, last(world, address_share=before)) is stopped


def test_the_share_of_addresses_has_nothing_to_fall_from_at_first(world: World) -> None:
    """Before the first settle no share is known."""
    assert not stops(world, extent(), snapshot(members=10, without=990), None)


def test_a_cohort_that_was_empty_may_fill_with_any_share_of_addresses(world: World) -> None:
    """An empty snapshot says nothing about how many profiles have an address."""
    before = last(world, address_share=snapshot(profiles=0, members=0).address_share)

    assert not stops(world, extent(entered=300), snapshot(members=300, without=700), before)


def test_a_cohort_that_empties_after_all_have_left_is_no_fall(world: World) -> None:
    """Nobody is left to be set False."""
    assert not stops(world, extent(), snapshot(profiles=0, members=0), last(world, address_share=0.8))


@pytest.mark.parametrize(
    ("change", "to", "parameter", "count"),
    [
        (extent(exited=600, held=1000), snapshot(), "allow_exits", 600),
        (extent(exited=7, held=7), snapshot(members=0), "allow_exits", 7),
        (extent(exited=40, held=1000), snapshot(members=500, without=500), "allow_exits", 40),
        (extent(entered=5000, held=1000), snapshot(), "allow_entries", 5000),
    ],
    ids=["exits", "empty", "share of addresses", "entries"],
)
def test_a_number_is_let_through_in_this_run(
    world: World, change: Extent, to: Snapshot, parameter: str, count: int
) -> None:
    """As many as it says, not one more."""
    before = last(world)

    assert stops(world, change, to, before)
    assert not stops(world, change, to, before, **{parameter: count})
    assert stops(world, change, to, before, **{parameter: count - 1})


def test_each_parameter_lets_its_own_direction_through(world: World) -> None:
    """Whoever allowed exits has not allowed entries."""
    change = extent(entered=5000, exited=900, held=1000)

    assert stops(world, change, snapshot(), last(world), allow_exits=900)
    assert stops(world, change, snapshot(), last(world), allow_entries=5000)
    assert not stops(world, change, snapshot(), last(world), allow_exits=900, allow_entries=5000)


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        (
            extent(exited=600, held=1000),
            snapshot(),
            r"600 of 1,000 left the cohort, more than max_exit_share \(0.5\).*allow_exits = 630;",
        ),
        (
            extent(exited=7, held=7),
            snapshot(members=0),
            r"no members with an address any more, the field is True for 7.*allow_exits = 8;",
        ),
        (
            extent(exited=40, held=1000),
            snapshot(members=500, without=500),
            r"fell from 100% to 50%.*classified.*data view.*40 would be set False.*allow_exits = 42;",
        ),
        (
            extent(entered=5000, held=1000),
            snapshot(),
            r"5,000 entered the cohort, .* is True for 1,000: .*max_entry_share \(1\).*allow_entries = 5250;",
        ),
    ],
    ids=["exits", "empty", "share of addresses", "entries"],
)
def test_the_message_says_what_and_how_to_let_it_through(
    world: World, change: Extent, to: Snapshot, words: str
) -> None:
    """It names export, figure and guard, and proposes the count and five per cent more."""
    with pytest.raises(GuardStopped, match=words) as stopped:
        check_guards(world.run(), to, change, last(world))

    assert "'trial_users' (cohort 1001 to field mixpanelTrialUsers)" in str(stopped.value)
    assert "Nothing was sent" in str(stopped.value)


def test_a_fall_of_addresses_without_exits_can_be_let_through(world: World) -> None:
    """The number that the message proposes is one that the parameter takes."""
    to, before = snapshot(members=500, without=500), last(world)
    with pytest.raises(GuardStopped) as stopped:
        check_guards(world.run(), to, extent(held=1000), before)
    proposed = re.search(r"allow_exits = (\d+)", str(stopped.value))
    assert proposed

    assert not stops(world, extent(held=1000), to, before, allow_exits=int(proposed[1]))


def test_a_stopped_run_changes_nothing_and_the_proposed_number_lets_it_through(world: World) -> None:
    """End to end: no write, the lease given back, and the next run with the number goes through."""
    members = [f"user{number}@example.com" for number in range(400)]
    world.sync(members)
    writes = len(world.writes())
    run = world.run()
    world.set_cohort(members[:100])
    with pytest.raises(GuardStopped, match="300 of 400 left") as stopped:
        world.sync(run_id=run.run_id)

    assert len(world.writes()) == writes
    assert run.open_log().target.lease is None
    proposed = re.search(r"allow_exits = (\d+)", str(stopped.value))
    assert proposed
    assert world.sync(allow_exits=int(proposed[1])).set_false == 300
    assert sum(bool(flag) for flag in world.flags().values()) == 100


def test_a_number_holds_for_one_run(world: World) -> None:
    """The next run asks again."""
    members = [f"user{number}@example.com" for number in range(400)]
    world.sync(members)
    world.sync(members[:100], allow_exits=300)
    world.sync(members)

    world.set_cohort(members[:100])
    with pytest.raises(GuardStopped):
        world.sync()


def test_classified_addresses_stop_a_run_although_few_leave(world: World) -> None:
    """A quarter of the addresses is hidden from one run to the next."""
    members: list[str | None] = [f"user{number}@example.com" for number in range(80)]
    world.sync(members)
    world.set_cohort([*members[:60], *[None] * 20])

    with pytest.raises(GuardStopped, match="fell from 100% to 75%"):
        world.sync()

    assert all(world.flags().values())
    assert read_snapshot(world.run()).members == 60
