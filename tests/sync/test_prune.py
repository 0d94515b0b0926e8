"""What a settle removes from the store, and what it must not."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.sandbox.marketo_bulk_queue import ImportSettings
from marketo_provider.errors import ImportsUnderWay, LeaseLost, StoreUnusable, Superseded
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, Killed, World

ANN, BOB, CAT = "ann@example.com", "bob@example.com", "cat@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world."""
    return World(tmp_path)


def names(world: World, folder: str) -> list[str]:
    """Return what a folder of the target holds."""
    return world.store.names(f"marketo/127.0.0.1:8001/{FIELD.lower()}/{folder}")


def ledger_files(world: World) -> int:
    """Return how many files of the ledger there are, settled or not."""
    return sum(len(names(world, folder)) for folder in ("intents", "journals", "ledger"))


def test_the_store_does_not_grow_with_runs(world: World) -> None:
    """A hundred runs later there are as many files as after a few, the log and the lists of runs apart."""
    for _ in range(5):
        world.sync([ANN])
        world.sync([BOB])
    after_a_few = ledger_files(world), len(names(world, "snapshots"))

    for _ in range(20):
        world.sync([ANN])
        world.sync([BOB])

    assert (ledger_files(world), len(names(world, "snapshots"))) == after_a_few
    assert world.flags() == {ANN: False, BOB: True}


def test_only_the_newest_snapshot_is_kept(world: World) -> None:
    """The members of the others are of no use."""
    world.sync([ANN])

    report = world.sync([ANN, BOB])

    assert names(world, "snapshots") == [report.snapshot]


@pytest.mark.parametrize(("hours", "left"), [(23, 1), (25, 0)])
def test_what_a_dry_run_has_read_that_somebody_ended_goes_after_a_day(world: World, hours: int, left: int) -> None:
    """Its last task, which removes it, was marked as success by hand, say; one of today may still be at work."""
    world.set_cohort([ANN])
    dry = read_snapshot(world.run(dry_run=True)).name
    world.clock.sleep(hours * 3600)

    world.sync([ANN])

    assert names(world, "snapshots").count(dry) == left


def test_an_older_snapshot_that_is_being_read_is_left_alone(world: World) -> None:
    """Its run ends as superseded, not with a missing file."""
    world.set_cohort([ANN])
    slow = world.run()
    older = read_snapshot(slow)
    world.sync([ANN, BOB])

    with pytest.raises(Superseded):
        export_cohort(slow, older.name)


def test_the_state_before_the_settle_can_still_be_read(world: World) -> None:
    """A dry run may have opened the log just before."""
    world.sync([ANN])
    before = world.run().open_log().target

    world.sync([ANN, BOB])

    for path in (before.base, *before.deltas):
        assert path is None or world.store.read(path)


def test_a_one_time_export_keeps_its_own_snapshot_until_it_is_finished(tmp_path: Path) -> None:
    """However many snapshots are begun meanwhile."""
    world = World(tmp_path, sync_type="one_time", max_changes_per_run=1)
    first = world.sync([ANN, BOB, CAT])

    reports = [world.sync(), world.sync()]

    assert {report.snapshot for report in reports} == {first.snapshot}
    assert set(world.flags().values()) == {True}


def test_lists_of_runs_are_kept_for_their_time(world: World) -> None:
    """After `keep_runs_days` a run's list is gone, the younger ones stay."""
    world.settings = world.settings.model_copy(update={"keep_runs_days": 3})
    old = world.sync([ANN])
    world.clock.sleep(timedelta(days=2).total_seconds())
    young = world.sync([ANN, BOB])
    world.clock.sleep(timedelta(days=1, seconds=1).total_seconds())

    last = world.sync([ANN, BOB, CAT])

    assert names(world, "runs") == [young.snapshot, last.snapshot]
    assert old.snapshot not in names(world, "runs")


def test_what_is_no_run_is_left_alone(world: World) -> None:
    """A file manager has looked into the folder, or somebody has kept a copy."""
    old = world.sync([ANN])
    world.store.write(f"{world.run().folder}/runs/.DS_Store", b"x")
    world.clock.sleep(timedelta(days=91).total_seconds())

    last = world.sync([ANN, BOB])

    assert old.snapshot not in names(world, "runs")
    assert names(world, "runs") == [".DS_Store", last.snapshot]


def test_a_run_that_takes_longer_than_lists_are_kept_loses_nothing(tmp_path: Path) -> None:
    """Its first try is stalled just before it prunes, while another writes down what an import has done."""
    world = World(tmp_path, sync_type="one_time")
    world.route = "bulk_import"
    world.settings = world.settings.model_copy(update={"keep_runs_days": 1})
    world.marketo.instance.imports.settings = ImportSettings(seconds_to_start=timedelta(days=3).total_seconds())
    world.set_cohort([ANN, BOB])
    name = read_snapshot(world.run("run")).name
    with pytest.raises(ImportsUnderWay):
        export_cohort(world.run("run"), name)
    world.clock.sleep(timedelta(days=2).total_seconds())
    whole, stalled = world.store, list[str]()

    def die(told: str) -> None:
        if told.startswith("before publish") and "/ledger/" in told:
            raise Killed

    def stall(told: str) -> None:
        if told.startswith("before write") and told.endswith("head.json") and not stalled:
            stalled.append(told)
            world.clock.sleep(timedelta(days=2).total_seconds())
            world.store = HookedStore(whole, die)
            with pytest.raises(Killed):
                export_cohort(world.run("run"), name)

    world.store = HookedStore(whole, stall)
    with pytest.raises(LeaseLost):
        export_cohort(world.run("run"), name)
    world.store = whole
    world.clock.sleep(600)

    assert export_cohort(world.run("run"), name).left_over == 0
    assert world.flags() == {ANN: True, BOB: True}


def test_a_settle_that_cannot_prune_is_settled_all_the_same(world: World, monkeypatch: Any) -> None:
    """The next try of the task answers with the report."""
    world.sync([ANN])
    world.set_cohort([ANN, BOB])
    run = world.run()
    name = read_snapshot(run).name

    def broken(_path: str) -> None:
        raise StoreUnusable("no")

    monkeypatch.setattr(world.store, "delete", broken)
    with pytest.raises(StoreUnusable):
        export_cohort(run, name)
    monkeypatch.undo()

    assert export_cohort(world.run(), name).set_true == 1
    assert world.flags() == {ANN: True, BOB: True}
