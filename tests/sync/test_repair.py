"""A ledger whose files were lost is rebuilt from Marketo: every flag comes true, nobody deleted comes back."""

from pathlib import Path

import pytest

from marketo_provider.errors import (
    ImportsUnderWay,
    InvalidSetting,
    LeaseHeld,
    QuotaExhausted,
    StoreUnusable,
)
from marketo_provider.state.ledger import load_ledger
from marketo_provider.state.verify import verify_target
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.repair import repair_target
from marketo_provider.sync.retire import retire_target
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, Killed, World, dying_after

TARGET = f"marketo/127.0.0.1:8001/{FIELD.lower()}"
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
MEMBERS = [f"user{number}@example.com" for number in range(700)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world after two runs: there are a base and a delta."""
    world = World(tmp_path)
    world.sync([*MEMBERS, ANN, BOB])
    world.sync([*MEMBERS, ANN])
    return world


def lose(world: World, *, damage: bool = False) -> str:
    """Lose the ledger's base, or cut it off; return its path."""
    path = world.run().open_log().target.base or ""
    if damage:
        world.store.write(path, world.store.read(path)[:5000])
    else:
        world.store.delete(path)
    return path


def problems(world: World) -> list[str]:
    """Verify the target."""
    with world.run().workspace() as workspace:
        return [str(one) for one in verify_target(world.store, TARGET, clock=world.clock, workspace=workspace)]


@pytest.mark.parametrize("damage", [False, True])
def test_a_lost_ledger_stops_the_sync_until_it_is_rebuilt(world: World, *, damage: bool) -> None:
    """Named, and nothing sent; then the next run sends just what has changed."""
    path = lose(world, damage=damage)
    before = len(world.writes())
    with pytest.raises(StoreUnusable, match=path):
        world.sync([*MEMBERS, CID])
    assert len(world.writes()) == before

    repaired = repair_target(world.run())
    report = world.sync([*MEMBERS[1:], CID])

    assert repaired.addresses == len(MEMBERS) + 2
    assert repaired.unreadable == (path,)
    assert (report.entered, report.exited, report.created) == (1, 2, 1)
    assert problems(world) == []
    assert world.flags() == {
        **dict.fromkeys(MEMBERS[1:], True),
        MEMBERS[0]: False,
        ANN: False,
        BOB: False,
        CID: True,
    }


def test_nobody_deleted_is_brought_back(world: World) -> None:
    """The lists of runs know that he was set True once."""
    lead = next(lead for lead in world.marketo.instance.leads if lead.values["email"] == ANN)
    world.marketo.instance.leads.delete([lead.lead_id])
    lose(world)

    repair_target(world.run())
    world.sync([*MEMBERS, ANN])

    assert ANN not in world.flags()


def test_a_lead_with_another_address_is_found_by_its_id(world: World) -> None:
    """Where a readable file still has the id."""
    world.sync([*MEMBERS, ANN, CID])
    lead = next(lead for lead in world.marketo.instance.leads if lead.values["email"] == CID)
    world.marketo.instance.leads.update(lead, {"email": "cid@new.example.com"})
    lose(world)

    repair_target(world.run())
    world.sync([*MEMBERS, ANN])

    assert world.flags()["cid@new.example.com"] is False


def test_duplicates_that_differ_are_set_by_the_next_run(world: World) -> None:
    """One of two leads is False: neither True nor False is the whole truth."""
    world.add_lead(ANN, **{FIELD: False})
    lose(world)

    repair_target(world.run())
    world.sync([*MEMBERS, ANN])

    holding = [lead.values.get(FIELD) for lead in world.marketo.instance.leads if lead.values["email"] == ANN]
    assert holding == [True, True]


def test_it_costs_one_call_for_300_addresses(world: World) -> None:
    """And writes no lead."""
    before, calls = len(world.writes()), len(world.marketo.wire.log)

    repair_target(world.run())

    assert len(world.writes()) == before
    assert sum(one.path == "/rest/v1/leads.json" for one in world.marketo.wire.log[calls:]) == 3


def test_a_ledger_that_was_whole_stays_as_it_was(world: World) -> None:
    """A run without changes sends nothing after it."""
    repair_target(world.run())

    report = world.sync([*MEMBERS, ANN])

    assert (report.entered, report.exited) == (0, 0)


def test_a_running_sync_is_not_disturbed(world: World) -> None:
    """Its lease is respected."""
    run = world.run()
    run.lease(run.open_log()).take()

    with pytest.raises(LeaseHeld):
        repair_target(world.run())


def test_a_sync_beside_it_waits(world: World) -> None:
    """It would settle a ledger that is being replaced."""
    lose(world)
    refused: list[str] = []

    def sync_meanwhile(path: str) -> None:
        if path == "/rest/v1/leads.json" and not refused:
            refused.append(path)
            world.before_marketo = lambda _: None
            with pytest.raises(LeaseHeld):
                world.sync([ANN])

    world.before_marketo = sync_meanwhile
    repair_target(world.run())

    assert refused


def test_too_few_calls_change_nothing(world: World) -> None:
    """The message says how many it takes."""
    world.limits = {"daily_quota": 10, "quota_share": 0.1}

    with pytest.raises(QuotaExhausted, match="takes at least 3 calls"):
        repair_target(world.run())

    assert world.run().open_log().target.lease is None


def test_files_under_way_are_waited_for(tmp_path: Path) -> None:
    """What Marketo holds is about to change."""
    world = World(tmp_path)
    world.route = "bulk_import"
    world.set_cohort([ANN, BOB])
    run = world.run()
    with pytest.raises(ImportsUnderWay):
        export_cohort(run, read_snapshot(run).name)

    with pytest.raises(ImportsUnderWay, match="Nothing was repaired"):
        repair_target(world.run())
    world.clock.sleep(24 * 3600)
    repaired = repair_target(world.run())

    assert (repaired.addresses, repaired.holding) == (2, 2)
    assert world.run().open_log().target.imports == ()


def test_a_job_that_marketo_has_forgotten_is_not_waited_for(tmp_path: Path) -> None:
    """Seven days later it is over, whatever became of it."""
    world = World(tmp_path)
    world.route = "bulk_import"
    world.set_cohort([ANN, BOB])
    run = world.run()
    with pytest.raises(ImportsUnderWay):
        export_cohort(run, read_snapshot(run).name)
    world.clock.sleep(8 * 86_400)

    assert repair_target(world.run()).holding == 2


def test_a_retired_target_has_nothing_to_repair(world: World) -> None:
    """Its ledger is gone on purpose."""
    retire_target(world.run())

    with pytest.raises(InvalidSetting, match="is retired"):
        repair_target(world.run())


def test_a_crash_leaves_the_old_ledger_or_the_new_one(tmp_path: Path) -> None:
    """After one step of the store or another."""
    steps: list[str] = []
    for last in range(0, 900, 3):
        world = World(tmp_path / str(last))
        world.sync([ANN, BOB])
        whole = world.store
        world.store = HookedStore(whole, dying_after(last))
        try:
            repair_target(world.run())
        except Killed:
            steps.append("")
        else:
            break
        finally:
            world.store = whole
        world.clock.sleep(300)
        run = world.run()
        with run.workspace() as workspace:
            load_ledger(workspace, run.open_log().target)
            assert workspace.row("SELECT count(*) FILTER (flag = 'true'), count(*) FROM ledger") == (2, 2), last
        report = world.sync([ANN, CID])
        assert (report.entered, report.exited) == (1, 1), last
    assert len(steps) > 10
