"""An address is erased: no file of the store has it, no lead is left True that nobody knows of."""

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.sandbox.wire import Request, Response
from marketo_provider.errors import ImportsUnderWay, LeaseHeld, SnapshotIncomplete, StoreUnusable, TooManyRefused
from marketo_provider.state.files import remove_leftovers
from marketo_provider.state.records import Adopted
from marketo_provider.state.store import LocalStore
from marketo_provider.state.verify import verify_target
from marketo_provider.sync.dry_run import preview_export
from marketo_provider.sync.erase import Erased, Erasure
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.test_retire import refusing
from tests.sync.world import FIELD, HookedStore, Killed, World, dying_after

TARGET = f"marketo/127.0.0.1:8001/{FIELD.lower()}"
ANN, BOB, CID = "Ann@Example.com", "bob@example.com", "cid@example.com"
MANY = [f"user{number}@example.com" for number in range(20)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with Ann in files of every kind."""
    world = World(tmp_path)
    world.sync([ANN, BOB, *MANY])
    world.sync([BOB, *MANY])
    world.edit_marketo = refusing
    world.sync([ANN, BOB, *MANY])
    world.edit_marketo = lambda _, response: response
    world.clock.sleep(25 * 3600)
    world.sync([ANN, BOB, CID, *MANY])
    return world


def erase(world: World, address: str = ANN) -> Erased:
    """Erase an address from the target."""
    run = world.run()
    with run.workspace() as workspace:
        return Erasure(run.lease(run.open_log()), address, workspace, open_work=lambda: run).carry_out()


def traces(folder: Path, address: str = ANN) -> list[str]:
    """Return the files that hold an address, in any case, as bytes or in a Parquet file's columns, or its key."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            if path.suffix == ".parquet":
                content += repr(pq.read_table(path).to_pylist()).lower().encode()
            if address.lower().encode() in content:
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def problems(world: World) -> list[str]:
    """Verify the target."""
    with world.run().workspace() as workspace:
        return [str(one) for one in verify_target(world.store, TARGET, clock=world.clock, workspace=workspace)]


def test_no_file_of_the_store_holds_it_any_more(world: World, tmp_path: Path) -> None:
    """Not as bytes, nor decoded; the store is whole, and the others are where they were."""
    kinds = ("/ledger/", "/intents/", "/journals/", "changes-", "refused.csv", "addresses.parquet")
    assert [kind for kind in kinds if not any(kind in path for path in traces(tmp_path))] == []

    erased = erase(world)

    assert traces(tmp_path) == []
    assert traces(tmp_path, BOB) != []
    assert erased.set_false
    assert problems(world) == []


def test_his_lead_is_set_false_first(world: World) -> None:
    """Nobody could afterwards; nobody is created, and the others keep what they hold."""
    before = len(world.writes())

    erase(world, CID)

    assert world.flags() == {CID: False, **dict.fromkeys([ANN.lower(), BOB, *MANY], True)}
    (body,) = world.writes()[before:]
    assert body["action"] == "updateOnly"


def test_a_lead_that_has_passed_on_to_a_member_keeps_its_flag(world: World) -> None:
    """Its address was changed to a member's; the one who is erased has no part in it."""
    lead = next(lead for lead in world.marketo.instance.leads if lead.values["email"] == ANN)
    world.marketo.instance.leads.update(lead, {"email": "new@example.com"})
    world.sync([ANN, BOB, CID, *MANY, "new@example.com"])

    erase(world)

    assert world.flags()["new@example.com"] is True


def test_whoever_is_no_member_any_more_stays_away(world: World) -> None:
    """A run after it sends nothing for him."""
    erase(world)
    before = len(world.writes())

    report = world.sync([BOB, CID, *MANY])

    assert (report.entered, report.exited, len(world.writes()) - before) == (0, 0, 0)


def test_whoever_is_still_in_the_cohort_does_not_come_back(world: World, tmp_path: Path) -> None:
    """Nor in another spelling; he counts as one without an address, and no file gets his."""
    erase(world)

    report = world.sync([ANN, ANN.upper(), BOB, CID, *MANY])

    assert (report.entered, report.without_email, report.members) == (0, 2, 22)
    assert world.flags()[ANN.lower()] is False
    assert traces(tmp_path) == []
    assert problems(world) == []


def test_an_erasure_that_breaks_off_keeps_him_away(world: World) -> None:
    """The next run sees him leave."""
    lease = world.run().lease(world.run().open_log())
    lease.take()
    with pytest.raises(LeaseHeld):
        erase(world)
    lease.give_back()

    assert world.sync([ANN, BOB, CID, *MANY]).exited == 1
    assert world.flags()[ANN.lower()] is False


def test_a_list_that_has_lost_its_key_stops_every_read(world: World) -> None:
    """Nobody could tell who was erased."""
    erase(world)
    world.store.delete("suppressed/key")

    with pytest.raises(StoreUnusable, match="suppressed/key is missing or damaged"):
        world.sync([ANN, BOB, CID, *MANY])


def test_a_snapshot_that_was_read_before_is_delivered_without_him(world: World, tmp_path: Path) -> None:
    """The run between its tasks goes on."""
    run = world.run()
    name = read_snapshot(run).name
    erase(world)

    report = export_cohort(run, name)

    assert (report.members, report.entered) == (22, 0)
    assert traces(tmp_path) == []


def test_a_cohort_that_is_being_read_is_waited_for(world: World, tmp_path: Path) -> None:
    """Its pages come without a lease. What was given up is removed."""
    world.page_size = 10
    world.edit_mixpanel = _shorter
    with pytest.raises(SnapshotIncomplete):
        read_snapshot(world.run())
    world.edit_mixpanel = lambda _, response: response
    folder = _left_unread(world)

    with pytest.raises(LeaseHeld, match=r"is being read.*Nothing was erased"):
        erase(world)
    assert world.run().open_log().target.lease is None
    world.clock.sleep(25 * 3600)
    erase(world)

    assert not (tmp_path / folder).exists()
    assert traces(tmp_path) == []


def test_a_cohort_that_takes_hours_to_read_is_waited_for(world: World, tmp_path: Path) -> None:
    """Its pages were read by who did not know yet, and would be delivered: he would be True once more."""
    whole, refused = world.store, []

    def take_long(told: str) -> None:
        if told.startswith("after write") and "/pages/" in told:
            world.clock.sleep(3 * 3600)
        if told.startswith("before publish") and told.endswith("shared.parquet"):
            world.store = whole
            with pytest.raises(LeaseHeld, match="is being read") as raised:
                erase(world)
            refused.append(raised.value)

    world.store = HookedStore(whole, take_long)
    run = world.run()
    name = read_snapshot(run).name
    world.store = whole
    erase(world)

    assert len(refused) == 1
    assert export_cohort(run, name).entered == 0
    assert world.flags()[ANN.lower()] is False
    assert traces(tmp_path) == []


def _shorter(_request: Request, response: Response) -> Response:
    return Response(response.status, response.body.replace(b'"user-0"', b'"user-1"'), response.headers)


def _left_unread(world: World) -> str:
    """Leave a read in the middle, as a killed worker does; return its folder."""
    whole = world.store

    def die(told: str) -> None:
        if told.startswith("before write") and "addresses" not in told and told.endswith("000001.parquet"):
            raise Killed

    world.store = HookedStore(whole, die)
    with pytest.raises(Killed):
        read_snapshot(world.run())
    world.store = whole
    return f"{TARGET}/snapshots/{whole.names(f'{TARGET}/snapshots')[-1]}"


def test_a_running_sync_is_not_disturbed(world: World, tmp_path: Path) -> None:
    """Its lease is respected; nothing was erased."""
    before = traces(tmp_path)
    run = world.run()
    run.lease(run.open_log()).take()

    with pytest.raises(LeaseHeld, match="Another run is writing"):
        erase(world)

    assert traces(tmp_path) == before


def test_a_sync_beside_it_waits(world: World, tmp_path: Path) -> None:
    """At whatever step it begins."""
    refused: list[str] = []
    whole = world.store

    def sync_meanwhile(told: str) -> None:
        if told.startswith("before publish") and len(refused) < 3:
            world.store = whole
            name = world.run().open_log().target.settled
            assert name is not None
            with pytest.raises(LeaseHeld):
                world.sync([BOB])
            refused.append(told)

    world.store = HookedStore(whole, sync_meanwhile)
    erase(world)

    assert len(refused) == 3
    assert traces(tmp_path) == []


def test_a_lead_that_marketo_refuses_is_not_forgotten(world: World, tmp_path: Path) -> None:
    """It would stay True for ever."""
    world.edit_marketo = refusing

    with pytest.raises(TooManyRefused, match=r"did not set the lead False .*1003.*Nothing was erased"):
        erase(world)

    assert traces(tmp_path) != []
    world.edit_marketo = lambda _, response: response
    erase(world)
    assert traces(tmp_path) == []


def test_an_import_that_holds_it_is_waited_for(tmp_path: Path) -> None:
    """It sets the lead True; others in other files are no matter."""
    world = World(tmp_path)
    world.route = "bulk_import"
    world.set_cohort([ANN, BOB])
    run = world.run("run")
    name = read_snapshot(run).name
    with pytest.raises(ImportsUnderWay):
        export_cohort(run, name)

    with pytest.raises(ImportsUnderWay, match="Nothing was erased"):
        erase(world)
    world.clock.sleep(3600)
    export_cohort(world.run("run"), name)
    erase(world)

    assert traces(tmp_path) == []
    assert world.flags() == {ANN.lower(): False, BOB: True}


def test_an_adopted_address_is_erased(tmp_path: Path) -> None:
    """Of a field without an owner; that his lead may hold True is said, since nobody sets it False."""
    world = World(tmp_path)
    world.sync([ANN, BOB])
    run = world.run()
    lease = run.lease(run.open_log())
    target = lease.log.target
    lease.take()
    world.store.write(f"{TARGET}/adopted/x.parquet", world.store.read(target.base or ""))
    lease.append(Adopted(at=lease.now(), by=lease.holder, rows=f"{TARGET}/adopted/x.parquet"))
    lease.give_back()

    erase(world)

    assert traces(tmp_path) == []
    assert problems(world) == []


def test_what_dry_runs_and_crashes_left_is_erased(world: World, tmp_path: Path) -> None:
    """Snapshots of dry runs, pages that were not removed, files half written."""
    whole = world.store

    def die(told: str) -> None:
        if told.startswith("before delete"):
            raise Killed

    run = world.run(dry_run=True)
    name = read_snapshot(run).name
    world.store = HookedStore(whole, die)
    with pytest.raises(Killed):
        preview_export(world.run(dry_run=True), name)
    with pytest.raises(Killed):
        read_snapshot(world.run())
    world.store = whole
    half = tmp_path / TARGET / ".tmp-0123"
    half.write_bytes(ANN.encode())
    os.utime(half, (1, 1))

    erase(world)
    remove_leftovers(LocalStore(tmp_path), older_than=1000.0)

    assert traces(tmp_path) == []


def test_erasing_twice_changes_nothing(world: World) -> None:
    """There is nothing any more."""
    erase(world)

    erased = erase(world)

    assert (erased.files, erased.set_false) == (0, False)


def test_after_a_crash_it_is_done_by_another_call(tmp_path: Path) -> None:
    """After one step of the store or another; the ledger is the old one or the new one."""
    crashes = 0
    for last in range(0, 2000, 7):
        folder = tmp_path / str(last)
        world = World(folder)
        world.sync([ANN, BOB])
        world.sync([ANN, CID])
        whole = world.store
        world.store = HookedStore(whole, dying_after(last))
        try:
            erase(world)
        except Killed:
            crashes += 1
        else:
            break
        finally:
            world.store = whole
        world.clock.sleep(300)

        erase(world)

        assert traces(folder) == [], last
        assert problems(world) == [], last
        report = world.sync([CID])
        assert (report.entered, report.exited) == (0, 0), last
    assert crashes > 5
    assert world.flags() == {ANN.lower(): False, BOB: False, CID: True}
