"""What the world around a sync can do to it: a full disk, storage or Marketo out of reach, no calls left."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from marketo_provider.errors import NoCallsLeft, QuotaExhausted, StoreUnavailable, VendorUnavailable
from marketo_provider.state.store import TypedStore
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, World

HOUR = 3600.0
PEOPLE = [f"user{number}@example.com" for number in range(25)]
ENGAGE = "/api/query/engage"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with a cohort of three pages, in which nothing has run."""
    world = World(tmp_path, page_size=10)
    world.set_cohort(PEOPLE)
    return world


def break_store(world: World, number: int, when: Callable[[str], bool]) -> Callable[[], None]:
    """Have storage fail with an error of the operating system; return how to mend it."""
    files = world.store
    broken = [True]

    def fail(step: str) -> None:
        if broken and step.startswith("before ") and when(step):
            raise OSError(number, os.strerror(number))

    world.store = TypedStore(HookedStore(files, fail))
    return broken.clear


def pages_asked(world: World) -> int:
    """Return how many pages Mixpanel was asked for."""
    return sum(logged.path == ENGAGE for logged in world.mixpanel.wire.log)


def test_a_disk_that_is_full_while_the_cohort_is_read_says_so(world: World) -> None:
    """Nothing is delivered of half a cohort."""
    break_store(world, errno.ENOSPC, lambda step: "pages/000001" in step)

    with pytest.raises(StoreUnavailable, match=r"ENOSPC.*The disk is full: free space"):
        read_snapshot(world.run("run-1"))

    assert world.writes() == []


def test_with_space_again_the_next_try_reads_what_is_missing(world: World) -> None:
    """The pages that were stored are not asked for again, and the whole is delivered."""
    mend = break_store(world, errno.ENOSPC, lambda step: "pages/000001" in step)
    with pytest.raises(StoreUnavailable):
        read_snapshot(world.run("run-1"))
    asked = pages_asked(world)
    mend()

    report = world.sync_as("run-1")

    assert pages_asked(world) - asked == 1
    assert (report.members, report.set_true) == (25, 25)


def test_a_disk_that_is_full_at_the_end_of_the_read_costs_no_page(world: World) -> None:
    """When the members are put together all pages are there."""
    mend = break_store(world, errno.ENOSPC, lambda step: step.endswith("addresses.parquet"))
    with pytest.raises(StoreUnavailable):
        read_snapshot(world.run("run-1"))
    asked = pages_asked(world)
    mend()

    assert read_snapshot(world.run("run-1")).members == 25
    assert pages_asked(world) == asked


def test_a_store_out_of_reach_is_told_before_anybody_is_asked(world: World) -> None:
    """With what to look at."""
    break_store(world, errno.EHOSTUNREACH, lambda _: True)

    with pytest.raises(StoreUnavailable, match=r"EHOSTUNREACH.*state_url can be reached.*state_conn_id"):
        check_export(world.run(), interval_end=None)

    assert (world.marketo.wire.log, world.mixpanel.wire.log) == ([], [])


def test_what_cannot_be_announced_is_not_sent(world: World) -> None:
    """The intent comes first; when storage is there again the same snapshot is delivered."""
    name = read_snapshot(world.run("run-1")).name
    mend = break_store(world, errno.EHOSTUNREACH, lambda step: "/intents/" in step)
    with pytest.raises(StoreUnavailable):
        export_cohort(world.run("run-1"), name)
    assert world.writes() == []
    mend()

    assert export_cohort(world.run("run-1"), name).set_true == 25


def test_answers_that_cannot_be_kept_are_asked_for_again(world: World) -> None:
    """Storage is lost in the middle: no lead is made twice, and all are True in the end."""
    name = read_snapshot(world.run("run-1")).name
    mend = break_store(world, errno.EHOSTUNREACH, lambda step: "/journals/" in step)
    with pytest.raises(StoreUnavailable):
        export_cohort(world.run("run-1"), name)
    mend()
    world.clock.sleep(300)  # the lease could not be given back

    report = export_cohort(world.run("run-1"), name)

    assert (report.set_true, report.created, report.updated) == (25, 0, 25)
    assert world.flags() == dict.fromkeys(PEOPLE, True)


def marketo_down(world: World, seconds: float) -> None:
    """Have nobody answer at Marketo's for so long."""
    until = world.clock.seconds + seconds

    def refuse(_path: str) -> None:
        if world.clock.seconds < until:
            raise requests.exceptions.ConnectTimeout

    world.before_marketo = refuse


def test_marketo_down_for_an_hour_ends_well(world: World) -> None:
    """Look after look by the same run finds nobody; the one after the hour delivers the same snapshot."""
    name = read_snapshot(world.run("run-1")).name
    marketo_down(world, HOUR)
    looks = 0
    while True:
        try:
            report = export_cohort(world.run("run-1"), name)
        except VendorUnavailable:
            looks += 1
            assert world.run().open_log().target.lease is None  # others may go on meanwhile
            world.clock.sleep(600)
        else:
            break

    assert looks >= 2
    assert (report.set_true, report.created) == (25, 25)
    assert pages_asked(world) == 3


def test_marketo_down_in_the_middle_loses_no_answer(world: World) -> None:
    """What was acknowledged stays so; the rest is unknown until it is sent again, and nobody is made twice."""
    world.set_cohort(many := [f"user{number}@example.com" for number in range(700)])
    name = read_snapshot(world.run("run-1")).name
    asked: list[float] = []

    def break_off(path: str) -> None:
        if path == "/rest/v1/leads.json":
            asked.append(world.clock.seconds)
        # The first of three requests of changes is answered; before them a sample of the members is looked up.
        if len(asked) > 2 and world.clock.seconds < asked[2] + HOUR:
            raise requests.exceptions.ConnectTimeout

    world.before_marketo = break_off
    began = world.clock.seconds
    with pytest.raises(VendorUnavailable, match="carried out no request for 15 minutes"):
        export_cohort(world.run("run-1"), name)
    assert 900 <= world.clock.seconds - began < 1200

    world.clock.sleep(HOUR)
    export_cohort(world.run("run-1"), name)

    assert world.flags() == dict.fromkeys(many, True)
    assert len(world.marketo.instance.leads) == 700


def test_without_calls_nothing_is_begun(world: World) -> None:
    """A dynamic export is told so before the cohort is read, and its next run looks again."""
    world.marketo.instance.gate.set_used(45_000)

    with pytest.raises(NoCallsLeft, match="Nothing was read or sent"):
        check_export(world.run(), interval_end=None)

    assert (world.writes(), world.mixpanel.wire.log) == ([], [])
    assert world.run().open_log().target.number == 0


def test_calls_that_are_spent_between_two_tasks_leave_nothing_half_done(world: World) -> None:
    """Others used them while the cohort was read: all is left over, in the report and for the next run."""
    name = read_snapshot(world.run("run-1")).name
    world.add_lead("somebody@example.com", **{FIELD: False})
    world.marketo.instance.gate.set_used(45_000)

    report = export_cohort(world.run("run-1"), name)

    assert (report.entered, report.left_over, report.set_true) == (25, 25, 0)
    assert world.writes() == []
    world.clock.sleep(24 * HOUR)
    assert world.sync().set_true == 25


def test_a_one_time_export_without_calls_waits_for_them(tmp_path: Path) -> None:
    """It says until when."""
    world = World(tmp_path, sync_type="one_time")
    world.set_cohort(PEOPLE)
    name = read_snapshot(world.run("run-1")).name
    world.marketo.instance.gate.set_used(45_000)

    with pytest.raises(QuotaExhausted, match="25 members are still to be set True") as spent:
        export_cohort(world.run("run-1"), name)

    assert world.writes() == []
    world.clock.sleep((spent.value.resume_at - world.clock.now()).total_seconds())
    assert export_cohort(world.run("run-1"), name).set_true == 25
