from datetime import timedelta
from pathlib import Path

import pytest

from marketo_provider.errors import GuardStopped, Superseded
from marketo_provider.sync.adopt import release_target
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import HookedStore, World

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which Ann is a member."""
    world = World(tmp_path)
    world.sync([ANN])
    return world


def read(world: World, emails: list[str]) -> str:
    """Read a cohort of these, and return the snapshot's name."""
    world.set_cohort(emails)
    return read_snapshot(world.run()).name


def test_an_older_snapshot_is_skipped_once_a_newer_one_is_settled(world: World) -> None:
    """The field never moves back, and the run says so."""
    older, newer = read(world, [ANN, BOB]), read(world, [ANN, CID])
    export_cohort(world.run(), newer)
    writes = len(world.writes())

    with pytest.raises(Superseded, match=r"newer snapshot.*The field never moves back.*nothing to do"):
        export_cohort(world.run(), older)

    assert world.flags() == {ANN: True, CID: True}
    assert len(world.writes()) == writes


def test_an_older_snapshot_is_skipped_once_a_newer_one_has_an_intent(world: World) -> None:
    """A run that died in the middle has sent of the newer one already."""
    older, newer = read(world, [ANN, BOB]), read(world, [ANN, CID])

    def die(_path: str) -> None:
        if world.run().open_log().target.delivered == int(newer):
            raise KeyboardInterrupt

    world.before_marketo = die
    with pytest.raises(KeyboardInterrupt):
        export_cohort(world.run(), newer)
    world.before_marketo = lambda _: None
    world.clock.sleep(600)

    with pytest.raises(Superseded):
        export_cohort(world.run(), older)


def test_a_snapshot_that_was_only_begun_later_supersedes_nothing(world: World) -> None:
    """Only what is delivered counts: the newer read may never end."""
    older = read(world, [ANN, BOB])
    read(world, [ANN, CID])

    export_cohort(world.run(), older)

    assert world.flags() == {ANN: True, BOB: True}


def test_the_newer_of_two_is_delivered_after_the_older(world: World) -> None:
    """In order, both have their turn."""
    older, newer = read(world, [ANN, BOB]), read(world, [ANN, CID])
    export_cohort(world.run(), older)

    report = export_cohort(world.run(), newer)

    assert (report.entered, report.exited) == (1, 1)
    assert world.flags() == {ANN: True, BOB: False, CID: True}


def test_a_snapshot_is_ordered_by_when_its_read_began(world: World) -> None:
    """Not by when it ended, nor by a clock that runs back."""
    older = read(world, [ANN, BOB])
    world.clock.sleep(-3600)
    newer = read(world, [ANN, CID])

    export_cohort(world.run(), newer)

    with pytest.raises(Superseded):
        export_cohort(world.run(), older)


def test_a_snapshot_is_skipped_that_is_overtaken_while_the_lease_is_waited_for(world: World) -> None:
    """It is looked at again under the lease, which is given back."""
    older, newer = read(world, [ANN, BOB]), read(world, [ANN, CID])
    run, store = world.run(), world.store
    overtaken: list[str] = []

    def overtake(told: str) -> None:
        if told.startswith("before create") and not overtaken:
            overtaken.append(told)
            export_cohort(run, newer)

    world.store = HookedStore(store, overtake)
    with pytest.raises(Superseded):
        export_cohort(world.run(), older)

    assert world.flags() == {ANN: True, CID: True}
    assert world.run().open_log().target.lease is None


def test_a_settled_snapshot_is_answered_with_its_report(world: World) -> None:
    """Running twice changes nothing the second time, not even the log."""
    name = read(world, [ANN, BOB])
    first = export_cohort(world.run(), name)
    number, writes = world.run().open_log().target.number, len(world.writes())

    second = export_cohort(world.run(), name)

    assert second == first
    assert world.run().open_log().target.number == number
    assert len(world.writes()) == writes


def test_an_older_snapshot_that_was_settled_is_answered_with_its_report(world: World) -> None:
    """Its own run is green as it was, although a newer one has been delivered since."""
    older = read(world, [ANN, BOB])
    first = export_cohort(world.run(), older)
    export_cohort(world.run(), read(world, [ANN, CID]))

    assert export_cohort(world.run(), older) == first
    assert world.flags() == {ANN: True, BOB: False, CID: True}


def test_a_snapshot_of_two_hours_is_delivered(world: World) -> None:
    """To the second."""
    name = read(world, [ANN, BOB])
    world.clock.sleep(timedelta(hours=2).total_seconds())

    export_cohort(world.run(), name)

    assert world.flags() == {ANN: True, BOB: True}


def test_a_snapshot_that_took_longer_than_two_hours_to_read_is_delivered(world: World) -> None:
    """Thirty million profiles may; its age counts from its last page."""
    people = [f"{number}@example.com" for number in range(20)]
    world.set_cohort(people)
    world.page_size = 1
    world.mixpanel.wire.latency = 400.0
    world.mixpanel.state.limits = world.mixpanel.state.limits.model_copy(update={"session_seconds": 86_400})
    began = world.clock.now()
    name = read_snapshot(world.run()).name
    world.mixpanel.wire.latency = 0.0
    assert world.clock.now() - began > timedelta(hours=2)

    export_cohort(world.run(), name)

    assert world.flags() == {ANN: False, **dict.fromkeys(people, True)}


def test_an_older_snapshot_than_two_hours_asks_to_be_read_anew(world: World) -> None:
    """The message names the task to clear; nothing is sent."""
    name = read(world, [ANN, BOB])
    world.clock.sleep(timedelta(hours=2).total_seconds() + 1)

    with pytest.raises(
        GuardStopped, match=r"more than two hours ago.*Nothing was sent. Clear the task snapshot_cohort"
    ):
        export_cohort(world.run(), name)

    assert world.flags() == {ANN: True}


def test_a_snapshot_begun_before_a_release_is_skipped(world: World) -> None:
    """The field may be another's by now."""
    name = read(world, [ANN, BOB])
    run = world.run()
    release_target(run.lease(run.open_log()))

    with pytest.raises(Superseded):
        export_cohort(world.run(), name)
