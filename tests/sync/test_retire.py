"""A target is given up: all it holds True becomes False, then no export comes back to it."""

import json
from pathlib import Path

import pytest

from include.sandbox.wire import Request, Response
from marketo_provider.errors import (
    ImportsUnderWay,
    InvalidSetting,
    LeaseHeld,
    QuotaExhausted,
    Superseded,
    TargetClaimed,
    TooManyRefused,
)
from marketo_provider.sync.adopt import release_target
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.retire import retire_target
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, Killed, World, dying_after

TARGET = f"marketo/127.0.0.1:8001/{FIELD.lower()}"
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
MEMBERS = [f"user{number}@example.com" for number in range(700)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which an export has set two leads True, one of them under two addresses since."""
    world = World(tmp_path)
    world.sync([ANN, BOB, CID])
    world.sync([ANN, BOB])
    return world


def test_every_lead_becomes_false_and_none_is_created(world: World) -> None:
    """By id, so that a changed address does not matter; a lead that is gone stays gone."""
    leads = {str(lead.values["email"]): lead for lead in world.marketo.instance.leads}
    world.marketo.instance.leads.update(leads[ANN], {"email": "ann@new.example.com"})
    world.marketo.instance.leads.delete([leads[BOB].lead_id])
    before = len(world.writes())

    report = retire_target(world.run())

    assert world.flags() == {"ann@new.example.com": False, CID: False}
    assert (report.set_false, report.not_in_marketo) == (1, 1)
    assert all(body["action"] == "updateOnly" for body in world.writes()[before:])


@pytest.mark.parametrize("sync_type", ["dynamic", "one_time"])
def test_a_later_export_of_the_field_is_refused(tmp_path: Path, sync_type: str) -> None:
    """Before anything is read; the message says what to do."""
    world = World(tmp_path, sync_type=sync_type)
    world.sync([ANN])
    retire_target(world.run())
    asked = len(world.mixpanel.wire.log)

    with pytest.raises(
        TargetClaimed, match=rf"retired on 2026-11-24 .*state release 127.0.0.1:8001/{FIELD.lower()}"
    ):
        check_export(world.run(), interval_end=None)

    assert len(world.mixpanel.wire.log) == asked
    assert world.flags() == {ANN: False}


def test_a_snapshot_that_was_read_before_is_not_delivered(world: World) -> None:
    """A run between its tasks finds the target closed."""
    world.set_cohort([ANN, BOB, CID])
    name = read_snapshot(world.run()).name
    retire_target(world.run())

    with pytest.raises(TargetClaimed, match="retired"):
        export_cohort(world.run(), name)

    assert set(world.flags().values()) == {False}


def test_a_field_that_nobody_holds_true_is_closed_too(world: World) -> None:
    """Though there is nothing to send."""
    world.sync([], allow_exits=2)

    retire_target(world.run())

    with pytest.raises(TargetClaimed, match="retired"):
        check_export(world.run(), interval_end=None)


def test_a_snapshot_from_before_is_not_delivered_after_a_release(world: World) -> None:
    """The field never moves back."""
    world.sync([], allow_exits=2)
    world.set_cohort([ANN])
    name = read_snapshot(world.run()).name
    retire_target(world.run())
    run = world.run()
    release_target(run.lease(run.open_log()))

    with pytest.raises(Superseded):
        export_cohort(world.run(), name)

    assert world.flags()[ANN] is False


def test_after_release_the_field_is_free_again(world: World) -> None:
    """And takes everybody in anew."""
    retire_target(world.run())
    run = world.run()
    release_target(run.lease(run.open_log()))

    report = world.sync([ANN])

    assert report.set_true == 1
    assert world.flags() == {ANN: True, BOB: False, CID: False}


def test_nothing_of_the_ledger_is_kept(world: World) -> None:
    """Only the log, and the lists of what was done."""
    retire_target(world.run())

    assert world.store.names(TARGET) == ["head.json", "history.json", "log", "runs", "summary.json"]
    assert world.run().open_log().target.closed


def test_retiring_twice_sends_nothing_the_second_time(world: World) -> None:
    """It is closed."""
    retire_target(world.run())
    before = len(world.writes())

    report = retire_target(world.run())

    assert report.set_false == 0
    assert len(world.writes()) == before


def test_a_running_sync_is_not_cut_off(world: World) -> None:
    """Its lease is respected."""
    run = world.run()
    run.lease(run.open_log()).take()

    with pytest.raises(LeaseHeld, match="Another run is writing"):
        retire_target(world.run())

    assert world.flags() == {ANN: True, BOB: True, CID: False}


def test_a_field_without_an_owner_is_not_retired(tmp_path: Path) -> None:
    """There is nothing to set False."""
    with pytest.raises(InvalidSetting, match="No export owns"):
        retire_target(World(tmp_path).run())


def steps_of(world: World) -> list[str]:
    """Return every step of the store that a retirement takes."""
    steps: list[str] = []
    world.store = HookedStore(world.store, steps.append)
    retire_target(world.run())
    return steps


def test_a_crash_anywhere_goes_on_where_it_was(tmp_path: Path) -> None:
    """After each step of the store in turn: the second call ends it, and no lead is written to without need."""
    many = len(steps_of(_two_requests(tmp_path / "whole")))
    for last in range(many):
        world = _two_requests(tmp_path / str(last))
        whole = world.store
        world.store = HookedStore(whole, dying_after(last))
        with pytest.raises(Killed):
            retire_target(world.run())
        world.store = whole
        world.clock.sleep(300)

        retire_target(world.run())

        assert set(world.flags().values()) == {False}, last
        assert world.run().open_log().target.closed, last


def _two_requests(folder: Path) -> World:
    world = World(folder)
    world.sync(MEMBERS[:310])
    return world


def test_what_was_acknowledged_before_a_crash_is_not_sent_again(tmp_path: Path) -> None:
    """The journal knows it."""
    world = World(tmp_path)
    world.sync(MEMBERS)
    world.limits = {"concurrent_calls": 1}
    before = len(world.writes())
    whole = world.store

    def die(told: str) -> None:
        if told.startswith("before create") and len(world.writes()) - before >= 3:
            raise Killed

    def slow(_: str) -> None:
        world.clock.sleep(11)

    world.before_marketo = slow
    world.store = HookedStore(whole, die)
    with pytest.raises(Killed):
        retire_target(world.run())
    world.store = whole
    world.clock.sleep(300)
    sent = len(world.writes())

    retire_target(world.run())

    assert sum(len(body["input"]) for body in world.writes()[sent:]) < len(MEMBERS)
    assert set(world.flags().values()) == {False}


def test_no_export_writes_while_it_is_not_done(world: World) -> None:
    """Somebody set True meanwhile would be forgotten."""
    world.break_marketo("error_code", code="607")

    with pytest.raises(QuotaExhausted, match="Run the command again"):
        retire_target(world.run())
    with pytest.raises(TargetClaimed, match="retired"):
        world.sync([ANN, BOB, CID])
    retire_target(world.run())

    assert set(world.flags().values()) == {False}


def test_a_lead_that_marketo_refuses_keeps_the_target_open(world: World) -> None:
    """How many, and why; the next call tries again."""
    world.edit_marketo = refusing
    with pytest.raises(TooManyRefused, match=r"2 leads could not be set False \(2 by code 1003\)"):
        retire_target(world.run())
    assert not world.run().open_log().target.closed

    world.edit_marketo = lambda _, response: response
    retire_target(world.run())

    assert set(world.flags().values()) == {False}


def refusing(request: Request, response: Response) -> Response:
    """Refuse every record, as Marketo does one whose address it does not accept."""
    if request.path != "/rest/v1/leads.json" or "_method" in request.query:
        return response
    records = json.loads(request.body)["input"]
    result = [{"status": "skipped", "reasons": [{"code": "1003", "message": "x"}]} for _ in records]
    return Response(200, json.dumps({"requestId": "1#1", "success": True, "result": result}).encode())


def test_files_under_way_are_waited_for(tmp_path: Path) -> None:
    """They set leads True; what can be set False before is."""
    world = World(tmp_path)
    world.route = "bulk_import"
    world.set_cohort([ANN, BOB])
    run = world.run()
    with pytest.raises(ImportsUnderWay):
        export_cohort(run, read_snapshot(run).name)

    with pytest.raises(ImportsUnderWay, match="Run the command again when they have ended"):
        retire_target(world.run())
    world.clock.sleep(24 * 3600)
    retire_target(world.run())

    assert set(world.flags().values()) == {False}
    assert world.run().open_log().target.closed
