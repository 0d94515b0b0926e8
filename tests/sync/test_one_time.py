from pathlib import Path

import pytest

from marketo_provider.errors import QuotaExhausted, Superseded, TargetClaimed
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.report import Report
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, OTHER_FIELD, World


def people(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"user{number:04}@example.com" for number in range(count)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with a one-time export."""
    world = World(tmp_path, sync_type="one_time")
    world.route = "sync_leads"
    return world


def let_calls_end(world: World, *, left: int) -> None:
    """Set the quota so that about so many calls are left to entries."""
    used = world.run().marketo.calls_today()
    world.limits = {"daily_quota": used + left, "quota_share": 1.0}


def begin(world: World, emails: list[str]) -> str:
    """Let a run send a part and wait for the quota; return its snapshot's name."""
    world.set_cohort(emails)
    let_calls_end(world, left=5)
    run = world.run("run-1")
    name = read_snapshot(run).name
    with pytest.raises(QuotaExhausted):
        export_cohort(run, name)
    sent = sum(len(body["input"]) for body in world.writes())
    assert 0 < sent < len(emails)
    world.limits = {}
    return name


def go_on(world: World, run_id: str) -> Report:
    """Do what a run of the DAG does: check, read, export."""
    check_export(world.run(run_id), interval_end=None)
    return world.sync_as(run_id)


def members_true(world: World, field: str = FIELD) -> set[str]:
    """Return who holds True."""
    return {address for address, flag in world.flags(field).items() if flag is True}


def test_every_member_is_set_true_and_the_claim_says_that_it_is_done(world: World) -> None:
    """Once, for the members of that moment."""
    report = world.sync([*people(20), None])

    assert (report.set_true, report.without_email, report.left_over) == (20, 1, 0)
    claim = world.run().open_log().target.claim
    assert claim is not None
    assert claim.finished_at == world.clock.now()


def test_what_is_written_is_true_alone(world: World) -> None:
    """Never False, nor anything but the address and the field."""
    world.sync(people(20))

    records = [record for body in world.writes() for record in body["input"]]
    assert len(records) == 20
    assert all(record.keys() == {"email", FIELD} and record[FIELD] is True for record in records)


def test_a_finished_export_is_refused_with_its_date(world: World) -> None:
    """Before Mixpanel is asked; the advice is a new field by the run parameter."""
    world.sync(people(20))
    world.clock.sleep(86_400)
    asked, writes = len(world.mixpanel.wire.log), len(world.writes())

    with pytest.raises(
        TargetClaimed, match=r"finished on 2026-11-24 12:00 UTC.*new Boolean field.*run parameter marketo_field"
    ):
        check_export(world.run(), interval_end=None)

    assert len(world.mixpanel.wire.log) == asked
    assert len(world.writes()) == writes


def test_who_enters_or_leaves_afterwards_changes_nothing(world: World) -> None:
    """Even a run that passed the check before answers with the report that there is."""
    first = world.sync(people(20))
    world.set_cohort(people(40)[10:])

    second = world.sync()

    assert second == first
    assert members_true(world) == set(people(20))


def test_the_same_cohort_to_a_new_field_gets_every_member(world: World) -> None:
    """By the run parameter, whatever the first field holds."""
    world.sync(people(20))
    world.set_cohort(people(30)[5:])

    check_export(world.run(marketo_field=OTHER_FIELD), interval_end=None)
    report = world.sync(marketo_field=OTHER_FIELD)

    assert (report.field, report.set_true) == (OTHER_FIELD, 25)
    assert members_true(world, OTHER_FIELD) == set(people(30)[5:])
    assert members_true(world) == set(people(20))


def test_at_the_end_of_the_calls_it_waits_for_the_reset(world: World) -> None:
    """What was sent is settled, the lease given back, and the time said."""
    world.set_cohort(people(1000))
    let_calls_end(world, left=5)

    with pytest.raises(
        QuotaExhausted, match=r"members are\s+still to be set True. The run goes on by itself"
    ) as spent:
        world.sync()

    assert f"{spent.value.resume_at:%m-%d %H:%M}" == "11-25 06:05"
    target = world.run().open_log().target
    assert target.lease is None
    assert target.settled is not None
    assert target.claim is not None
    assert target.claim.finished_at is None


def test_it_goes_on_with_its_own_snapshot(world: World) -> None:
    """Who entered in the meantime is no member of it, who left still is; nobody is sent twice."""
    name = begin(world, people(1000))
    world.set_cohort(people(1500)[500:])
    asked = len(world.mixpanel.wire.log)
    world.clock.sleep(86_400)

    report = export_cohort(world.run("run-1"), name)

    assert members_true(world) == set(people(1000))
    assert report.set_true == report.created == 1000
    assert (report.left_over, report.members) == (0, 1000)
    sent = [record["email"] for body in world.writes() for record in body["input"]]
    assert len(sent) == len(set(sent)) == 1000
    assert len(world.mixpanel.wire.log) == asked


def test_a_new_run_goes_on_with_the_same_snapshot(world: World) -> None:
    """Days later, without a question to Mixpanel about the cohort."""
    begin(world, people(1000))
    world.set_cohort(people(1500)[500:])
    world.clock.sleep(3 * 86_400)
    asked = len(world.mixpanel.wire.log)

    report = go_on(world, "run-2")

    assert members_true(world) == set(people(1000))
    assert report.set_true == 1000
    assert [logged.path for logged in world.mixpanel.wire.log[asked:]] == ["/api/app/me"]


def test_it_is_finished_when_the_last_part_is_sent(world: World) -> None:
    """And refused from then on."""
    name = begin(world, people(1000))
    export_cohort(world.run("run-1"), name)

    with pytest.raises(TargetClaimed, match="finished"):
        check_export(world.run("run-2"), interval_end=None)


def test_the_report_adds_up_the_parts(world: World) -> None:
    """It tells of the export, from its first call on."""
    name = begin(world, people(1000))
    settled = world.run().open_log().target.settled
    assert settled is not None
    first = Report.model_validate(settled.report)
    world.clock.sleep(86_400)

    report = export_cohort(world.run("run-1"), name)

    assert 0 < first.set_true < 1000
    assert report.started_at == first.started_at
    assert report.api_calls > first.api_calls


def test_a_run_that_died_goes_on_with_its_snapshot(world: World) -> None:
    """The claim was written with the intent."""
    world.set_cohort(people(20))

    def die(path: str) -> None:
        if world.run().open_log().target.claim is not None and path.endswith("leads.json"):
            raise KeyboardInterrupt

    world.before_marketo = die
    with pytest.raises(KeyboardInterrupt):
        world.sync_as("run-1")
    world.before_marketo = lambda _: None
    world.set_cohort(people(40)[10:])
    world.clock.sleep(600)

    report = go_on(world, "run-2")

    assert report.set_true == 20
    assert members_true(world) == set(people(20))


def test_a_second_run_that_read_its_own_snapshot_does_not_mix_in(world: World) -> None:
    """Both had read before one of them began: the other's members are not those of the export."""
    world.set_cohort(people(1000))
    let_calls_end(world, left=5)
    first = read_snapshot(world.run("run-1")).name
    world.set_cohort(people(1500)[500:])
    second = read_snapshot(world.run("run-2")).name
    with pytest.raises(QuotaExhausted):
        export_cohort(world.run("run-1"), first)
    world.limits = {}

    with pytest.raises(Superseded, match="another run has begun this one-time export"):
        export_cohort(world.run("run-2"), second)
    export_cohort(world.run("run-1"), first)

    assert members_true(world) == set(people(1000))
    assert world.run().open_log().target.lease is None


def test_a_try_after_its_own_last_settle_answers_with_the_report(world: World) -> None:
    """A crash between settle and the task's end leaves it green, though another run would be refused."""
    world.set_cohort(people(20))
    first = world.sync_as("run-1")

    again = go_on(world, "run-1")

    assert again == first
    with pytest.raises(TargetClaimed):
        go_on(world, "run-2")


def test_nobody_is_set_false_who_left_before_the_end(world: World) -> None:
    """There are no exits in a one-time export, by a full refresh neither."""
    begin(world, people(1000))
    world.set_cohort([])

    world.sync(full_refresh=True)

    assert all(record[FIELD] is True for body in world.writes() for record in body["input"])


def test_a_limit_of_changes_a_run_leaves_the_rest_to_the_next(tmp_path: Path) -> None:
    """Without waiting: the next run is triggered by hand, and goes on with the same snapshot."""
    world = World(tmp_path, sync_type="one_time", max_changes_per_run=15)

    first = world.sync(people(20))
    world.set_cohort(people(40)[10:])
    second = world.sync()

    assert (first.set_true, first.left_over) == (15, 5)
    assert (second.set_true, second.left_over) == (20, 0)
    assert members_true(world) == set(people(20))
