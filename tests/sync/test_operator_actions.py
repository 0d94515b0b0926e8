"""What an operator does at the UI, in the order of the table of docs/operator-actions.md: the sync's part of it.

A run is what the tasks of its DAG do: check, read, export. What Airflow does with it is tested in `tests/dags` and
`tests/system`.
"""

import io
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from include.sandbox.marketo_fields import Field
from marketo_provider.errors import (
    FieldUnusable,
    GuardStopped,
    StoreUnusable,
    Superseded,
    TargetClaimed,
    WaitUntil,
)
from marketo_provider.state.records import SnapshotBegun
from marketo_provider.sync.adopt import adopt_leads, release_target
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.report import Report
from marketo_provider.sync.retire import retire_target
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.side_by_side import SideBySide
from tests.sync.world import FIELD, OTHER_FIELD, HookedStore, World

T = TypeVar("T")
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
INTERVAL = timedelta(hours=2)
WEEK = 7 * 12
MONTH = timedelta(days=30)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which a dynamic export has set Ann and Bob True."""
    world = World(tmp_path / "state")
    world.set_cohort([ANN, BOB])
    run(world, "scheduled-1", interval_end=world.clock.now())
    return world


@pytest.fixture
def launched(tmp_path: Path) -> World:
    """Return a world whose one-time export was finished by its second run."""
    world = World(tmp_path / "state", sync_type="one_time", max_changes_per_run=1)
    world.set_cohort([ANN, BOB])
    run(world, "manual-1")
    run(world, "manual-2")
    return world


def run(world: World, run_id: str, *, interval_end: datetime | None = None, **parameters: Any) -> Report:
    """Do what the three tasks of a run do."""
    check_export(world.run(run_id, **parameters), interval_end=interval_end)
    return world.sync_as(run_id, **parameters)


def redefine(world: World, **keys: Any) -> None:
    """Change keys of the export."""
    world.export = world.export.model_copy(update=keys)


def sent(world: World) -> list[tuple[str, bool]]:
    """Return what Marketo was told, address by address and in order; a lead is known by its first address."""
    addresses = {lead.lead_id: str(lead.values["email"]) for lead in world.marketo.instance.leads}
    return [
        (record.get("email") or addresses[record["id"]], record[FIELD])
        for body in world.writes()
        for record in body["input"]
    ]


class Untouched:
    """Makes sure that Marketo hears nothing while the context lasts, and that no lead changes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __enter__(self) -> None:
        self._before = len(self._world.writes()), self._world.flags(), self._world.flags(OTHER_FIELD)

    def __exit__(self, *_: object) -> None:
        assert (len(self._world.writes()), self._world.flags(), self._world.flags(OTHER_FIELD)) == self._before


# Backfills.


def test_backfill_of_a_week_skips_what_is_older_than_the_last_delivery(world: World) -> None:
    """Every run of it before the cohort is asked for; whoever entered since is not the past's business."""
    newest = world.clock.now()
    world.set_cohort([CID])
    world.clock.sleep(60)
    asked = len(world.mixpanel.wire.log)

    with Untouched(world):
        for back in range(1, WEEK + 1):
            with pytest.raises(Superseded):
                run(world, f"backfill-{back}", interval_end=newest - back * INTERVAL)

    assert len(world.mixpanel.wire.log) == asked


def test_backfill_of_ten_runs_at_once_moves_the_field_forward_only(tmp_path: Path) -> None:
    """Nothing was delivered before, so none is skipped; meanwhile people enter for good, and leave for good."""
    clock = SideBySide()
    world = World(tmp_path, clock=clock)
    world.marketo.wire.latency, world.mixpanel.wire.latency = 0.7, 0.9
    stay = [f"stay{number}@example.com" for number in range(20)]
    leave = [f"leave{number}@example.com" for number in range(20)]
    enter = [f"enter{number}@example.com" for number in range(20)]
    world.set_cohort([*stay, *leave])
    for moved in range(1, 21):
        cohort = [*stay, *leave[moved:], *enter[:moved]]
        clock.later(moved * 3.0, lambda cohort=cohort: world.set_cohort(cohort))  # type: ignore[misc] # kept as it is
    week_ago = clock.now() - timedelta(days=7)
    outcomes: list[str] = []

    def work(number: int) -> None:
        this = f"backfill-{number}"
        interval_end = week_ago + number * INTERVAL
        try:
            waiting_out(world, lambda: check_export(world.run(this), interval_end=interval_end))
            name = waiting_out(world, lambda: read_snapshot(world.run(this))).name
            waiting_out(world, lambda: export_cohort(world.run(this), name))
            outcomes.append("delivered")
        except Superseded:
            outcomes.append("skipped")

    clock.run([(number * 4.0, lambda number=number: work(number)) for number in range(10)])  # type: ignore[misc] # kept
    changes = sent(world)
    clock.sleep(600)
    run(world, "scheduled-1", interval_end=clock.now())

    assert len(outcomes) == 10
    assert outcomes.count("delivered") > 1
    assert len(changes) == len(set(changes)) > len(stay)
    assert [address for address, value in changes if not value and not address.startswith("leave")] == []
    assert [
        address for at, (address, value) in enumerate(changes) if value and (address, False) in changes[:at]
    ] == []
    assert len(list(world.marketo.instance.leads)) == len(world.flags())
    assert world.flags().items() >= {**dict.fromkeys([*stay, *enter], True)}.items()
    assert True not in {world.flags().get(address) for address in leave}


def waiting_out(world: World, task: Callable[[], T]) -> T:
    """Do what a task does that waits, and looks again after a minute at the latest."""
    while True:
        try:
            return task()
        except WaitUntil as wait:
            world.clock.sleep(min(60.0, max(1.0, (wait.resume_at - world.clock.now()).total_seconds())))


def test_backfill_that_reprocesses_the_last_delivered_run_exports_the_cohort_of_now(world: World) -> None:
    """It has the id of that run, which passes the check; and reads anew, so that nothing old is sent."""
    newest = world.clock.now()
    world.set_cohort([ANN, CID])
    world.clock.sleep(60)

    report = run(world, "scheduled-1", interval_end=newest)

    assert (report.entered, report.exited) == (1, 1)
    assert world.flags() == {ANN: True, BOB: False, CID: True}


def test_backfill_as_a_dry_run_is_not_skipped_and_sends_nothing(world: World) -> None:
    """Each of its runs reads the cohort, though."""
    asked = len(world.mixpanel.wire.log)

    check_export(world.run("backfill-1", dry_run=True), interval_end=world.clock.now() - MONTH)
    with Untouched(world):
        read_snapshot(world.run("backfill-1", dry_run=True))

    assert "/api/query/engage" in [one.path for one in world.mixpanel.wire.log[asked:]]


# Clearing a run.


def test_clearing_a_run_by_hand_exports_the_cohort_of_now(world: World) -> None:
    """Whenever it ran: it has no interval, and means now."""
    world.set_cohort([ANN, BOB, CID])
    run(world, "manual-1")
    world.clock.sleep(60)
    run(world, "scheduled-2", interval_end=world.clock.now())
    world.set_cohort([BOB])

    run(world, "manual-1")

    assert world.flags() == {ANN: False, BOB: True, CID: False}


def test_clearing_the_run_that_finished_a_one_time_export_answers_with_its_report(launched: World) -> None:
    """Green as it was; whoever is a member by now is none of it."""
    launched.set_cohort([CID])
    launched.clock.sleep(MONTH.total_seconds())

    with Untouched(launched):
        report = run(launched, "manual-2")

    assert (report.set_true, report.left_over) == (2, 0)


def test_clearing_an_earlier_run_of_a_finished_one_time_export_is_refused(launched: World) -> None:
    """As any other run of it is."""
    with Untouched(launched), pytest.raises(TargetClaimed, match="finished on"):
        run(launched, "manual-1")


def test_clearing_a_run_that_stopped_and_asked_asks_again(world: World) -> None:
    """Its parameters are the same; once the cohort is right again, so is the run."""
    everybody = [f"user{number}@example.com" for number in range(300)]
    world.set_cohort([ANN, BOB, *everybody])
    run(world, "scheduled-2", interval_end=world.clock.now())
    world.set_cohort([ANN, BOB])
    stopped_at = world.clock.now()

    for _ in range(2):
        with Untouched(world), pytest.raises(GuardStopped, match="allow_exits = 315"):
            run(world, "scheduled-3", interval_end=stopped_at)
    world.set_cohort([ANN, BOB, CID, *everybody])
    run(world, "scheduled-3", interval_end=stopped_at)

    assert world.flags() == dict.fromkeys([ANN, BOB, CID, *everybody], True)


# Clearing a single task.


def test_clearing_snapshot_cohort_alone_sends_nothing(world: World) -> None:
    """The cohort is read anew and lies there; the task after it delivers it when it is cleared too."""
    world.set_cohort([ANN, CID])

    with Untouched(world):
        name = read_snapshot(world.run("scheduled-1")).name
    export_cohort(world.run("scheduled-1"), name)

    assert world.flags() == {ANN: True, BOB: False, CID: True}


def test_clearing_export_to_marketo_alone_answers_with_the_report(world: World) -> None:
    """Of the last run and of one before it, whose snapshot is gone."""
    names = [record_number(world, "scheduled-1")]
    world.set_cohort([ANN])
    run(world, "scheduled-2", interval_end=world.clock.now())
    names.append(record_number(world, "scheduled-2"))

    with Untouched(world):
        reports = [export_cohort(world.run(), name) for name in names]

    assert [(report.entered, report.exited) for report in reports] == [(2, 0), (0, 1)]


def record_number(world: World, run_id: str) -> str:
    """Return the name of the snapshot that a run has read, as its XCom has it."""
    begun = [
        number
        for number, record in world.run().open_log().records(1)
        if isinstance(record, SnapshotBegun) and record.run_id == run_id
    ]
    return f"{begun[-1]:08d}"


def test_clearing_export_to_marketo_alone_of_a_run_that_had_failed_is_skipped_after_a_newer_one(
    world: World,
) -> None:
    """Its snapshot, the last run's settle has removed: that is not what is told."""
    world.set_cohort([ANN, BOB, CID])
    name = read_snapshot(world.run("scheduled-2")).name
    world.set_cohort([ANN])
    run(world, "scheduled-3", interval_end=world.clock.now())

    with Untouched(world), pytest.raises(Superseded, match="a newer snapshot"):
        export_cohort(world.run("scheduled-2"), name)


# Marking success by hand.


@pytest.mark.parametrize(
    ("field", "definition", "words"),
    [
        ("unsubscribed", {}, "standard fields"),
        (FIELD, {"crm_managed": True}, "managed by a CRM"),
        (FIELD, {"data_type": "string"}, "not Boolean"),
        ("mixpanelTypo", {}, "no field mixpanelTypo"),
    ],
)
def test_marking_check_field_as_success_lets_no_wrong_field_through(
    tmp_path: Path, field: str, definition: dict[str, Any], words: str
) -> None:
    """The field's first write looks again: a whole cohort would be unsubscribed."""
    world = World(tmp_path, marketo_field=field)
    if definition:
        ours = {"name": field, "display_name": field, "data_type": "boolean", "custom": True}
        world.marketo.instance.catalog.put(Field.model_validate(ours | definition))
    world.set_cohort([ANN])

    with Untouched(world), pytest.raises(FieldUnusable, match=words):
        world.sync()

    assert world.run().open_log().target.claim is None


def test_marking_check_field_as_success_takes_no_field_from_another_export(world: World) -> None:
    """The claim is looked at before the first request."""
    world.set_cohort([CID], cohort_id=2002)
    redefine(world, cohort_id=2002)

    with Untouched(world), pytest.raises(TargetClaimed, match="belongs to export"):
        world.sync()


def test_marking_export_to_marketo_as_success_leaves_its_work_to_the_next_run(world: World) -> None:
    """It was never begun, say."""
    world.set_cohort([ANN, BOB, CID])
    read_snapshot(world.run("scheduled-2"))
    world.set_cohort([BOB, CID])

    report = run(world, "scheduled-3", interval_end=world.clock.now())

    assert (report.entered, report.exited) == (1, 1)
    assert world.flags() == {ANN: False, BOB: True, CID: True}


# Pausing.


def test_pausing_for_a_month_is_made_good_by_one_run(world: World) -> None:
    """The cohort of now is what counts; what came and went in the month is nobody's business."""
    world.clock.sleep(MONTH.total_seconds())
    world.set_cohort([BOB, CID])

    report = run(world, "scheduled-2", interval_end=world.clock.now() - timedelta(minutes=1))

    assert (report.entered, report.exited) == (1, 1)
    assert world.flags() == {ANN: False, BOB: True, CID: True}


def test_pausing_in_the_middle_of_a_run_asks_for_a_new_snapshot(world: World) -> None:
    """Its snapshot is a month old when its last task begins; the next run reads anew anyway."""
    world.set_cohort([CID])
    name = read_snapshot(world.run("scheduled-2")).name
    world.clock.sleep(MONTH.total_seconds())
    world.set_cohort([BOB])

    with Untouched(world), pytest.raises(GuardStopped, match="Clear the task snapshot_cohort"):
        export_cohort(world.run("scheduled-2"), name)
    run(world, "scheduled-3", interval_end=world.clock.now())

    assert world.flags() == {ANN: False, BOB: True}


# Changing an export.


def test_changing_marketo_field_fills_the_new_field_and_leaves_the_old_one(world: World) -> None:
    """Nobody tends the old one any more, until it is retired or the export comes back to it."""
    redefine(world, marketo_field=OTHER_FIELD)
    world.set_cohort([ANN])

    run(world, "scheduled-2", interval_end=world.clock.now())

    assert world.flags(OTHER_FIELD) == {ANN: True, BOB: None}
    assert world.flags() == {ANN: True, BOB: True}
    redefine(world, marketo_field=FIELD)
    retire_target(world.run())
    assert world.flags() == {ANN: False, BOB: False}


def test_changing_marketo_field_back_goes_on_where_it_was(world: World) -> None:
    """The ledger is the field's."""
    redefine(world, marketo_field=OTHER_FIELD)
    run(world, "scheduled-2", interval_end=world.clock.now())
    redefine(world, marketo_field=FIELD)
    world.set_cohort([ANN])

    report = run(world, "scheduled-3", interval_end=world.clock.now())

    assert (report.entered, report.exited) == (0, 1)
    assert world.flags() == {ANN: True, BOB: False}


@pytest.mark.parametrize("change", ["marketo_field", "host"])
def test_changing_the_target_between_two_tasks_asks_for_a_new_snapshot(world: World, change: str) -> None:
    """What was read for one target is not delivered to another."""
    name = read_snapshot(world.run("scheduled-2")).name
    if change == "host":
        world.limits = {"rest_url": "http://127.0.0.1:8009"}
    else:
        redefine(world, marketo_field=OTHER_FIELD)

    with Untouched(world), pytest.raises(StoreUnusable, match="not in the state store"):
        export_cohort(world.run("scheduled-2"), name)


@pytest.mark.parametrize("keys", [{"cohort_id": 2002}, {"sync_type": "one_time", "schedule": None}])
def test_changing_cohort_id_or_sync_type_is_refused(world: World, keys: dict[str, Any]) -> None:
    """Whose the field is, and what to do; changed back, the export goes on."""
    was = {name: getattr(world.export, name) for name in keys}
    world.set_cohort([ANN], cohort_id=2002)
    redefine(world, **keys)

    with Untouched(world), pytest.raises(TargetClaimed, match=r"cohort 1001.*new Boolean field.*state release"):
        run(world, "scheduled-2", interval_end=world.clock.now())

    redefine(world, **was)
    assert run(world, "scheduled-3", interval_end=world.clock.now()).entered == 0


def test_changing_cohort_id_between_two_tasks_of_the_first_run_asks_for_a_new_snapshot(tmp_path: Path) -> None:
    """Nobody owns the field yet."""
    world = World(tmp_path)
    world.set_cohort([ANN])
    name = read_snapshot(world.run("scheduled-1")).name
    redefine(world, cohort_id=2002)

    with Untouched(world), pytest.raises(StoreUnusable, match="another project, data view or cohort"):
        export_cohort(world.run("scheduled-1"), name)


def test_changing_the_schedule_to_a_longer_one_skips_runs_until_the_next_interval_ends(world: World) -> None:
    """From two hours to a week: last week's run comes at once, and is older than what was delivered."""
    world.clock.sleep(3600)
    world.set_cohort([ANN])
    last_sunday = world.clock.now() - timedelta(days=2)

    with Untouched(world), pytest.raises(Superseded, match="later than this run's interval"):
        run(world, "scheduled-weekly-1", interval_end=last_sunday)
    world.clock.sleep(timedelta(days=5).total_seconds())
    run(world, "scheduled-weekly-2", interval_end=last_sunday + timedelta(days=7))

    assert world.flags() == {ANN: True, BOB: False}


def test_changing_the_name_goes_on(world: World) -> None:
    """It is only shown."""
    redefine(world, name="trialists")
    world.set_cohort([ANN])

    run(world, "scheduled-2", interval_end=world.clock.now())

    assert world.flags() == {ANN: True, BOB: False}


def test_changing_the_name_of_a_finished_one_time_export_repeats_nothing(launched: World) -> None:
    """Nor does a new DAG of any name."""
    redefine(launched, name="launch_again")

    with Untouched(launched), pytest.raises(TargetClaimed, match="finished on"):
        run(launched, "manual-1-of-another-dag")


def test_deleting_an_export_and_adding_it_again_goes_on(world: World) -> None:
    """Leads kept their flags, and the first run makes them true to the cohort; its run may have an old id."""
    world.clock.sleep(MONTH.total_seconds())
    world.set_cohort([BOB, CID])

    report = run(world, "scheduled-1", interval_end=world.clock.now())

    assert (report.entered, report.exited) == (1, 1)
    assert world.flags() == {ANN: False, BOB: True, CID: True}


def test_deleting_a_finished_one_time_export_and_adding_it_again_repeats_nothing(launched: World) -> None:
    """The claim lies in the store, not in Airflow."""
    with Untouched(launched), pytest.raises(TargetClaimed, match="finished on"):
        run(launched, "manual-3")


# The state store.


@pytest.fixture
def backup(world: World, tmp_path: Path) -> Callable[[], None]:
    """Return what puts the store back as it is now."""
    shutil.copytree(tmp_path / "state", tmp_path / "backup")

    def restore() -> None:
        shutil.rmtree(tmp_path / "state")
        shutil.copytree(tmp_path / "backup", tmp_path / "state")

    return restore


def test_restoring_an_old_state_store_believes_what_was_true_then(
    world: World, backup: Callable[[], None]
) -> None:
    """Not promised: who entered since and has left stays True, who left since and is back stays False."""
    run_with(world, [ANN, CID])
    backup()

    run_with(world, [ANN, BOB])

    assert world.flags() == {ANN: True, BOB: False, CID: True}


def test_restoring_an_old_state_store_is_mended_by_adopting_and_a_full_refresh(
    world: World, backup: Callable[[], None]
) -> None:
    """What the page says: a list of the leads that hold True, then everything once more."""
    run_with(world, [ANN, CID])
    backup()
    holding = [address for address, flag in world.flags().items() if flag]
    target = world.run()

    adopt_leads(target.lease(target.open_log()), io.StringIO("\n".join(["Email", *holding])))
    run_with(world, [ANN, BOB], full_refresh=True)

    assert world.flags() == {ANN: True, BOB: True, CID: False}


def test_restoring_an_old_state_store_asks_for_a_new_snapshot_of_a_run_under_way(
    world: World, backup: Callable[[], None]
) -> None:
    """What it had read is not in the old store."""
    world.set_cohort([ANN, CID])
    name = read_snapshot(world.run("scheduled-2")).name
    backup()

    with Untouched(world), pytest.raises(StoreUnusable, match="Clear the task snapshot_cohort"):
        export_cohort(world.run("scheduled-2"), name)


def run_with(world: World, emails: list[str], **parameters: Any) -> None:
    """Run once with a cohort of these."""
    world.set_cohort(emails)
    world.clock.sleep(60)
    world.sync_as(f"run-at-{world.clock.seconds}", **parameters)


def test_losing_the_state_store_stops_and_asks(world: World, tmp_path: Path) -> None:
    """Members hold True in a field that nobody has claimed: a new field, another writer, or this."""
    shutil.rmtree(tmp_path / "state")
    world.set_cohort([ANN])

    with Untouched(world), pytest.raises(FieldUnusable, match=r"state store was lost.*state adopt"):
        run(world, "scheduled-2", interval_end=world.clock.now())


def test_losing_the_state_store_between_two_tasks_asks_for_a_new_snapshot(world: World, tmp_path: Path) -> None:
    """What was read is gone too."""
    name = read_snapshot(world.run("scheduled-2")).name
    shutil.rmtree(tmp_path / "state")

    with Untouched(world), pytest.raises(StoreUnusable, match="Clear the task snapshot_cohort"):
        export_cohort(world.run("scheduled-2"), name)


def test_losing_the_state_store_is_mended_by_adopting(world: World, tmp_path: Path) -> None:
    """With the list of the leads that hold True, leavers become False too."""
    shutil.rmtree(tmp_path / "state")
    target = world.run()

    adopt_leads(target.lease(target.open_log()), io.StringIO(f"Email\n{ANN}\n{BOB}\n"))
    run_with(world, [ANN, CID], allow_exits=1)

    assert world.flags() == {ANN: True, BOB: False, CID: True}


# What the actions above may meet.


@pytest.mark.parametrize("other", [True, False], ids=["another export", "a newer run"])
def test_whoever_was_quicker_is_told_where_he_has_removed_the_snapshot(tmp_path: Path, *, other: bool) -> None:
    """He settles, and prunes, after this run has looked at the log: it is not the store that is at fault."""
    first = World(tmp_path)
    second = World(tmp_path, clock=first.clock, **({"cohort_id": 2002} if other else {}))
    second.mixpanel = first.mixpanel
    first.set_cohort([ANN])
    first.set_cohort([BOB], cohort_id=2002)
    loser = read_snapshot(second.run()).name
    winner = read_snapshot(first.run()).name

    def overtake(told: str) -> None:
        if "/snapshots/" in told and not first.writes():
            export_cohort(first.run(), winner)

    second.store = HookedStore(second.store, overtake)

    with pytest.raises(
        TargetClaimed if other else Superseded, match="cohort 1001" if other else "a newer snapshot"
    ):
        export_cohort(second.run(), loser)

    assert second.writes() == []


def test_a_retired_field_adopts_nobody(world: World) -> None:
    """No run would set them False; the message says how to use the field again."""
    retire_target(world.run())
    target = world.run()
    lease = target.lease(target.open_log())

    with pytest.raises(
        TargetClaimed, match=r"retired on.*Nothing was adopted.*state release 127.0.0.1:8001/"
    ) as refused:
        adopt_leads(lease, io.StringIO(f"Email\n{ANN}\n"))

    state = world.run().open_log().target
    assert state.closed
    assert state.lease is None
    assert ANN not in str(refused.value)
    release_target(lease)
    adopt_leads(lease, io.StringIO(f"Email\n{ANN}\n"))
