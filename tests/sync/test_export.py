"""Rules 8, 9 and 14 to 17 over whole runs: settles, retries, crashes anywhere, and one-time exports."""

import csv
import io
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from marketo_provider.errors import (
    GuardStopped,
    LeaseHeld,
    QuotaExhausted,
    Superseded,
    TooManyRefused,
)
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.report import Report
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, InProcess, Killed, World

DAY = 24 * 3600
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with room for large cohorts."""
    return World(tmp_path, page_size=5000)


def people(number: int) -> list[str]:
    """Return so many addresses."""
    return [f"user{one}@example.com" for one in range(number)]


def bad(number: int) -> list[str]:
    """Return so many addresses that Mixpanel may hold and `refuse_bad` has refused."""
    return [f"bad{one}@example.com" for one in range(number)]


def refuse_bad(world: World) -> None:
    """Have Marketo take the addresses of `bad` for invalid."""

    class Strict(InProcess):
        def send(self, prepared: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override] # as its parent
            if prepared.path_url == "/rest/v1/leads.json" and isinstance(prepared.body, bytes):
                prepared.body = prepared.body.replace(b"bad", b"b\\u00e4d")
            return super().send(prepared, *args, **options)

    world.adapter = Strict


def written_records(world: World) -> int:
    """Return how many records all syncs of leads have had so far."""
    return sum(len(write["input"]) for write in world.writes())


def stored_csv(world: World, snapshot: str, name: str) -> list[dict[str, str]]:
    """Return the CSV of that kind which a run has kept."""
    folder = f"marketo/127.0.0.1:8001/{FIELD.lower()}/runs/{snapshot}"
    (file,) = [there for there in world.store.names(folder) if there.startswith(name)]
    return list(csv.DictReader(io.StringIO(world.store.read(f"{folder}/{file}").decode())))


def outcome(world: World, snapshot: str, **parameters: Any) -> Report | type[Exception]:
    """Export a snapshot in a new try, and return its report or the kind of its failure."""
    try:
        return export_cohort(world.run(**parameters), snapshot)
    except TooManyRefused as failure:
        return type(failure)


def test_no_change_means_no_write(world: World) -> None:
    """But the run settles: its snapshot is the last one delivered."""
    world.sync([ANN])
    requests_before = world.marketo.wire.recorded

    report = world.sync([ANN])

    assert world.marketo.wire.recorded == requests_before
    assert (report.route, report.api_calls, report.ledger_size) == ("none", 0, 1)
    settled = world.run().open_log().target.settled
    assert settled is not None
    assert f"{settled.snapshot:08d}" == report.snapshot


def test_a_first_run_without_members_claims_the_field(world: World) -> None:
    """The cohort may fill up later; by then nobody else may have taken the field."""
    world.sync([])

    claim = world.run().open_log().target.claim

    assert claim is not None
    assert claim.export == "trial_users"


def test_a_settled_snapshot_answers_with_its_report(world: World) -> None:
    """Without a request, and without a lease."""
    report = world.sync([ANN])
    requests_before = world.marketo.wire.recorded
    number = world.run().open_log().target.number

    again = export_cohort(world.run(), report.snapshot)

    assert again == report
    assert world.marketo.wire.recorded == requests_before
    assert world.run().open_log().target.number == number


def test_two_tries_with_one_snapshot_deliver_it_once(world: World) -> None:
    """The second one waited for the first one's lease, and full_refresh would send it all again."""
    world.set_cohort([ANN])
    name = read_snapshot(world.run()).name
    files, seen = world.store, list[Report]()

    def let_the_other_finish(told: str) -> None:
        # This try has looked at the log, and is about to ask for the lease.
        if told.startswith("before read") and told.endswith("complete.json"):
            world.store = files
            seen.append(export_cohort(world.run(full_refresh=True), name))

    world.store = HookedStore(files, let_the_other_finish)
    report = export_cohort(world.run(full_refresh=True), name)

    assert [report] == seen
    assert written_records(world) == 1


def test_an_older_snapshot_is_superseded(world: World) -> None:
    """The field never moves back."""
    world.set_cohort([ANN])
    old = read_snapshot(world.run()).name
    world.sync([BOB, CID])

    with pytest.raises(Superseded):
        export_cohort(world.run(), old)

    assert world.flags() == {BOB: True, CID: True}


def test_a_snapshot_is_delivered_within_two_hours(world: World) -> None:
    """Later than that it is asked to be read anew."""
    world.set_cohort([ANN])
    name = read_snapshot(world.run()).name
    world.clock.sleep(2 * 3600 + 1)

    with pytest.raises(GuardStopped, match="snapshot_cohort"):
        export_cohort(world.run(), name)

    assert world.writes() == []


def test_a_running_export_is_waited_for(world: World) -> None:
    """Until its lease can be taken over, at most."""
    world.sync([ANN])
    other = world.run()
    other.lease(other.open_log()).take()

    with pytest.raises(LeaseHeld) as held:
        world.sync([ANN, BOB])

    assert (held.value.resume_at - world.clock.now()).total_seconds() == 120 + 90 + 20


def test_most_changes_of_a_run_leave_the_rest_to_the_next(tmp_path: Path) -> None:
    """Exits first, until all has come true."""
    world = World(tmp_path, max_changes_per_run=2)
    world.sync([ANN, BOB])

    reports = [world.sync([CID, "dee@example.com"]) for _ in range(2)]

    assert [(report.set_false, report.set_true, report.left_over) for report in reports] == [(2, 0, 2), (0, 2, 0)]
    assert world.flags() == {ANN: False, BOB: False, CID: True, "dee@example.com": True}


def test_a_member_unknown_to_marketo_is_asked_for_again_after_days(tmp_path: Path) -> None:
    """1, 2, 4 ... where the export creates no leads; he is no lead until somebody makes him one."""
    world = World(tmp_path, create_leads=False)
    world.add_lead(BOB)
    first = world.sync([ANN, BOB])
    assert (first.set_true, first.not_in_marketo, world.flags()) == (1, 1, {BOB: True})

    asked = []
    for day in range(1, 9):
        world.clock.sleep(DAY)
        if world.sync().entered:
            asked.append(day)
    world.add_lead(ANN)
    world.clock.sleep(8 * DAY)
    world.sync()

    assert asked == [1, 3, 7]
    assert world.flags() == {ANN: True, BOB: True}
    assert {write["action"] for write in world.writes()} == {"updateOnly"}


def test_a_deleted_member_is_not_created_again_while_he_stays(world: World) -> None:
    """Not by a full refresh either; when he has left and comes back, he enters anew."""
    world.sync([ANN, BOB])
    world.marketo.instance.leads.delete(
        [lead.lead_id for lead in world.marketo.instance.leads.find("email", [ANN])]
    )

    refreshed = world.sync(full_refresh=True)
    world.sync()
    assert (refreshed.not_in_marketo, world.flags()) == (1, {BOB: True})

    world.sync([BOB])
    world.sync([ANN, BOB])
    assert world.flags() == {ANN: True, BOB: True}


def test_a_deleted_member_whom_somebody_else_creates_again_is_set_true(world: World) -> None:
    """He is asked for again after a day, and never created by that."""
    world.sync([ANN, BOB])
    world.marketo.instance.leads.delete(
        [lead.lead_id for lead in world.marketo.instance.leads.find("email", [ANN])]
    )
    world.sync(full_refresh=True)
    world.add_lead(ANN)

    world.clock.sleep(86_400)
    world.sync()

    assert world.flags() == {ANN: True, BOB: True}


def test_a_full_refresh_mends_what_somebody_else_has_changed(world: World) -> None:
    """Members and leavers; that is no entry or exit, so no guard stops it."""
    members = people(1100)
    world.sync([*members, ANN])
    world.sync(members)
    for lead in world.marketo.instance.leads:
        lead.values[FIELD] = not lead.values[FIELD]

    report = world.sync([*members, BOB], full_refresh=True)

    assert world.flags() == {**dict.fromkeys(members, True), ANN: False, BOB: True}
    assert (report.entered, report.exited, report.set_true, report.set_false) == (1, 0, 1101, 1)


def test_a_refused_record_is_sent_again_after_a_day(world: World) -> None:
    """Not before; who has left by then is forgotten."""
    refuse_bad(world)
    first = world.sync([ANN, *bad(2)])
    assert (first.set_true, first.refused_by_code) == (1, {"1003": 2})
    assert {found["address"] for found in stored_csv(world, first.snapshot, "refused")} == set(bad(2))

    assert world.sync([ANN, *bad(1)]).entered == 0
    world.clock.sleep(DAY)
    world.adapter = InProcess

    assert world.sync([ANN, *bad(1)]).set_true == 1
    assert world.sync([ANN, *bad(2)]).set_true == 1


def test_refused_records_can_be_asked_for_now(world: World) -> None:
    """By the run parameter."""
    refuse_bad(world)
    world.sync([ANN, *bad(2)])
    world.adapter = InProcess

    assert world.sync(retry_refused=True).set_true == 2


def test_too_many_refused_settle_and_then_fail(world: World) -> None:
    """The others are set; the retry of the task fails in the same way, without a request."""
    refuse_bad(world)
    world.set_cohort([*people(99), *bad(100)])
    name = read_snapshot(world.run()).name

    assert outcome(world, name) is TooManyRefused
    requests_before = world.marketo.wire.recorded
    assert outcome(world, name) is TooManyRefused

    assert world.marketo.wire.recorded == requests_before
    assert sum(flag is True for flag in world.flags().values()) == 99
    assert world.sync().refused == 0


@pytest.mark.parametrize(("good", "refused"), [(0, 99), (100, 100)])
def test_few_refused_do_not_fail(world: World, good: int, refused: int) -> None:
    """At least 100, and more than half of the records."""
    refuse_bad(world)

    assert world.sync([*people(good), *bad(refused)]).refused == refused


def test_a_one_time_export_ends_and_says_when(tmp_path: Path) -> None:
    """True once; who leaves is let be."""
    world = World(tmp_path, sync_type="one_time")

    world.sync([ANN, BOB])
    again = world.sync([CID])

    assert again.set_true == 2
    assert world.flags() == {ANN: True, BOB: True}
    claim = world.run().open_log().target.claim
    assert claim is not None
    assert claim.finished_at is not None


def test_a_one_time_export_goes_on_when_there_are_calls_again(tmp_path: Path) -> None:
    """With its own snapshot, and one report of the whole."""
    world = World(tmp_path, sync_type="one_time", page_size=5000)
    world.limits = {"concurrent_calls": 1}
    world.set_cohort(people(900))
    name = read_snapshot(world.run("the-run")).name
    world.break_marketo("error_code", code="607", skip=2)  # after the look before the first write
    with pytest.raises(QuotaExhausted) as spent:
        export_cohort(world.run("the-run"), name)
    claim = world.run().open_log().target.claim
    assert claim is not None
    assert claim.finished_at is None

    world.clock.sleep((spent.value.resume_at - world.clock.now()).total_seconds())
    report = export_cohort(world.run("the-run"), name)

    assert len(world.flags()) == 900
    assert (report.entered, report.set_true, report.created, report.left_over) == (900, 900, 900, 0)
    assert (
        report.api_calls
        == world.marketo.instance.gate.usage(days=2)[0]["total"]
        + (world.marketo.instance.gate.usage(days=2)[1]["total"])
    )


def test_a_one_time_export_that_set_nobody_fails_and_can_be_mended(tmp_path: Path) -> None:
    """However few there are: nothing repeats it, and a field that was claimed for nothing would be lost."""
    world = World(tmp_path, sync_type="one_time", page_size=5000)
    refuse_bad(world)
    world.set_cohort(bad(2))
    assert outcome(world, read_snapshot(world.run()).name) is TooManyRefused
    world.adapter = InProcess

    assert outcome(world, read_snapshot(world.run()).name) is TooManyRefused
    assert world.sync(retry_refused=True).set_true == 2


def test_a_one_time_export_that_failed_can_be_mended_by_a_new_run(tmp_path: Path) -> None:
    """`retry_refused`, as its message says; the retry of the same run only fails again."""
    world = World(tmp_path, sync_type="one_time", page_size=5000)
    refuse_bad(world)
    world.set_cohort([ANN, *bad(100)])
    name = read_snapshot(world.run("the-run")).name
    with pytest.raises(TooManyRefused):
        export_cohort(world.run("the-run"), name)
    with pytest.raises(TooManyRefused):
        export_cohort(world.run("the-run"), name)

    world.adapter = InProcess
    report = export_cohort(world.run("another", retry_refused=True), name)

    assert (report.set_true, report.refused, report.refused_by_code) == (101, 0, {})
    assert all(world.flags().values())


def test_the_list_of_changes_is_kept(world: World) -> None:
    """With who was to be set to what."""
    world.sync([ANN])

    report = world.sync([BOB])

    changes = {found["address"]: found["set_to"] for found in stored_csv(world, report.snapshot, "changes")}
    assert changes == {ANN: "false", BOB: "true"}


def test_the_report_counts_calls_and_names_those_that_failed(world: World) -> None:
    """For Adobe's support."""
    world.sync([ANN])
    world.break_marketo("error_code", code="608")

    report = world.sync([ANN, BOB])

    assert report.api_calls == 3
    assert [failed.code for failed in report.failed_calls] == ["608"]
    assert report.failed_calls[0].request_id


class Ordeal:
    """New worlds, in each of which death comes at another step: the first, the second ... of its kind."""

    def __init__(self, folder: Path, *, moment: str, kind: str) -> None:
        self._folder = folder
        self._moment = moment
        self._kind = kind

    def worlds(self) -> Iterator[tuple[World, Callable[[Callable[[], object]], bool]]]:
        """Yield a world, and what does something in it with death at hand and says whether it came."""
        for number in count(1):
            world = World(self._folder / str(number))
            yield world, partial(self._risk, world, number)

    def _risk(self, world: World, number: int, action: Callable[[], object]) -> bool:
        left = number

        def step(told: str) -> None:
            nonlocal left
            left -= told.startswith(self._moment) and self._kind in told
            if left == 0:
                left = -1
                raise Killed

        class Mortal(InProcess):
            def send(self, prepared: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override] # as its parent
                step(f"before request {prepared.path_url}")
                answer = super().send(prepared, *args, **options)
                step(f"after request {prepared.path_url}")
                return answer

        files = world.store
        world.store, world.adapter = HookedStore(files, step), Mortal
        try:
            action()
        except Killed:
            return True
        finally:
            world.store, world.adapter = files, InProcess
        return False


@pytest.mark.parametrize("kind", ["/log/", "request", "publish", "write"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_killed_at_any_step_is_made_good_by_the_next(tmp_path: Path, moment: str, kind: str) -> None:
    """At each record of the log, each request and each file: before it, and when it is there."""
    deaths = 0
    for world, risk in Ordeal(tmp_path, moment=moment, kind=kind).worlds():
        for _ in range(2):
            world.add_lead("twin@example.com")
        world.sync([ANN, BOB, "twin@example.com"])
        world.set_cohort([BOB, CID])
        if not risk(world.sync):
            break
        deaths += 1
        world.clock.sleep(231)

        world.sync([CID, "dee@example.com"])

        assert world.flags() == {
            ANN: False,
            BOB: False,
            CID: True,
            "dee@example.com": True,
            "twin@example.com": False,
        }
        assert len(world.marketo.instance.leads) == 6

    assert deaths >= 3


@pytest.mark.parametrize("kind", ["create", "request", "publish", "write"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_task_killed_at_any_step_ends_well_by_its_retry(tmp_path: Path, moment: str, kind: str) -> None:
    """The same snapshot again: all is set, and once that is settled, nothing is sent any more."""
    deaths = 0
    for world, risk in Ordeal(tmp_path, moment=moment, kind=kind).worlds():
        world.sync([ANN])
        world.set_cohort([BOB])
        name = read_snapshot(world.run("the-run")).name
        if not risk(lambda world=world, name=name: export_cohort(world.run("the-run"), name)):  # type: ignore[misc] # mypy infers no defaults
            break
        deaths += 1
        world.clock.sleep(231)

        report = export_cohort(world.run("the-run"), name)
        requests_before = world.marketo.wire.recorded

        assert world.flags() == {ANN: False, BOB: True}
        assert report.left_over == 0
        assert export_cohort(world.run("the-run"), name) == report
        assert world.marketo.wire.recorded == requests_before

    assert deaths >= 1


def test_a_run_killed_after_its_settle_answers_with_the_report_of_it(world: World) -> None:
    """And with the numbers of what it did, not of the retry."""
    world.set_cohort([ANN])
    name = read_snapshot(world.run()).name

    def die(told: str) -> None:
        if told == f"before write marketo/127.0.0.1:8001/{FIELD.lower()}/head.json":
            raise Killed

    files, world.store = world.store, HookedStore(world.store, die)
    with pytest.raises(Killed):
        export_cohort(world.run(), name)
    world.store = files
    requests_before = world.marketo.wire.recorded

    assert export_cohort(world.run(), name).set_true == 1
    assert world.marketo.wire.recorded == requests_before
