from pathlib import Path
from typing import Any

import pytest

from include.sandbox.wire import Fault
from marketo_provider.errors import (
    GuardStopped,
    MarketoProviderError,
    SnapshotIncomplete,
    StoreUnusable,
    TargetClaimed,
    VendorUnavailable,
)
from marketo_provider.state.snapshots import SnapshotFolder
from marketo_provider.sync.dry_run import preview_export
from marketo_provider.sync.report import Report
from marketo_provider.sync.snapshot import load_snapshot, read_snapshot
from tests.sync.world import FIELD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which nothing has run."""
    return World(tmp_path)


def people(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"user{number}@example.com" for number in range(count)]


def preview(world: World, **parameters: Any) -> Report:
    """Make a dry run."""
    run = world.run(dry_run=True, **parameters)
    return preview_export(run, read_snapshot(run).name)


def files(world: World) -> dict[Path, bytes]:
    """Return every file of the targets, by its path; who reads from Mixpanel is told by dry runs too."""
    root = Path(world.settings.state_url.removeprefix("file://")) / "marketo"
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_dry_run_leaves_nothing_at_all(world: World) -> None:
    """No write to Marketo, no record in the log, no file of the target, no claim."""
    world.set_cohort(people(250))

    preview(world)

    assert world.writes() == []
    assert files(world) == {}


def test_a_dry_run_leaves_what_is_there_as_it_is(world: World) -> None:
    """After a real run too: not a byte differs."""
    world.sync(people(50))
    before, writes = files(world), len(world.writes())
    world.set_cohort(people(60)[20:])

    preview(world)

    assert files(world) == before
    assert len(world.writes()) == writes


def test_a_dry_run_reports_what_would_be_sent(world: World) -> None:
    """Who would enter and exit, of the same numbers as a real run."""
    world.sync(people(50))
    world.set_cohort([*people(60)[20:], None, "nonsense"])

    report = preview(world)

    assert report.dry_run
    assert (report.profiles, report.without_email, report.invalid_email, report.members) == (42, 1, 1, 40)
    assert (report.entered, report.exited, report.ledger_size) == (10, 20, 50)
    assert (report.set_true, report.set_false, report.created, report.refused) == (0, 0, 0, 0)
    assert report.route == "none"
    assert report.finished_at is not None


def test_the_planned_calls_are_those_that_the_run_then_makes(world: World) -> None:
    """Requests of 300 for each kind: exits by id, entries that may create."""
    world.sync(people(700))
    world.set_cohort(people(1400)[310:])
    planned = preview(world).planned_calls
    writes = len(world.writes())

    report = world.sync()

    assert (report.exited, report.entered) == (310, 700)
    assert planned == len(world.writes()) - writes == 2 + 3


def test_no_calls_are_planned_where_nothing_moved(world: World) -> None:
    """The second run with no change makes no write."""
    world.sync(people(20))

    report = preview(world)

    assert (report.entered, report.exited, report.planned_calls, report.new_leads_estimate) == (0, 0, 0, 0)


@pytest.mark.parametrize(("size", "known", "estimate"), [(200, 0, 200), (200, 50, 150), (200, 200, 0)])
def test_new_leads_are_counted_where_the_sample_holds_all(
    world: World, size: int, known: int, estimate: int
) -> None:
    """Up to 300 entered, the estimate is exact, whatever case Marketo has an address in."""
    for address in people(known):
        world.add_lead(address.upper())
    world.set_cohort(people(size))

    assert preview(world).new_leads_estimate == estimate


def test_new_leads_are_estimated_from_a_sample(world: World) -> None:
    """Of 1,200 of whom every other is known, about half are new; two leads of one address count once."""
    for address in people(1200)[::2]:
        world.add_lead(address)
        world.add_lead(address)
    world.set_cohort(people(1200))

    estimate = preview(world).new_leads_estimate

    assert estimate is not None
    assert 480 <= estimate <= 720


def test_no_leads_would_be_new_where_none_are_created(tmp_path: Path) -> None:
    """`create_leads: false` asks Marketo for no sample; the one call looks for leads that hold True."""
    world = World(tmp_path, create_leads=False)
    world.set_cohort(people(20))

    report = preview(world)

    assert report.new_leads_estimate == 0
    assert report.planned_calls == 1
    assert report.api_calls == 1


def test_what_one_run_does_not_send_is_left_over(tmp_path: Path) -> None:
    """`max_changes_per_run` holds for the plan as well."""
    world = World(tmp_path, max_changes_per_run=15)
    world.set_cohort(people(40))

    report = preview(world)

    assert (report.entered, report.left_over, report.planned_calls) == (40, 25, 1)


def test_a_guard_that_would_stop_the_run_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The report comes all the same."""
    world.sync(people(400))
    world.set_cohort(people(100))

    report = preview(world)

    assert report.exited == 300
    assert "Without dry_run this run would stop" in caplog.text
    assert "allow_exits = 315" in caplog.text
    with pytest.raises(GuardStopped):
        world.sync()


def test_leads_that_hold_true_already_are_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Moving in from another integration shows before the first real run."""
    world.add_lead("a@example.com", **{FIELD: True})
    world.set_cohort(["a@example.com"])

    preview(world)

    assert "Without dry_run this run would stop." in caplog.text
    assert "1 leads hold True already" in caplog.text


def test_a_deployment_can_be_harmless_as_a_whole(world: World) -> None:
    """The setting makes every run a dry one."""
    world.settings = world.settings.model_copy(update={"dry_run": True})
    world.set_cohort(people(20))
    run = world.run()

    report = preview_export(run, read_snapshot(run).name)

    assert report.entered == 20
    assert files(world) == {}


def test_a_dry_run_of_a_claimed_field_is_refused(world: World) -> None:
    """It says what the run would say, and leaves nothing behind."""
    world.sync(people(20))
    before = files(world)
    world.set_cohort(people(3), cohort_id=2002)
    world.export = world.export.model_copy(update={"cohort_id": 2002})

    with pytest.raises(TargetClaimed):
        preview(world)

    assert files(world) == before


@pytest.mark.parametrize("code", ["403", "400", "500"])
def test_a_dry_run_that_cannot_read_leaves_nothing(world: World, code: str) -> None:
    """Denied, a session lost twice, or no answer to the end: its pages go, since no try goes on with them."""
    world.mixpanel.wire.faults.append(Fault("error_code", "/api/query/engage", skip=1, times=99, code=code))
    world.set_cohort(people(250))

    with pytest.raises(MarketoProviderError):
        preview(world)

    assert files(world) == {}


def test_a_dry_run_that_is_incomplete_leaves_nothing(world: World) -> None:
    """Pages hold addresses."""
    world.set_cohort(people(250))
    world.mixpanel.state.project.cohorts[1001].announced_total = 260

    with pytest.raises(SnapshotIncomplete):
        preview(world)

    assert files(world) == {}


def test_a_dry_run_keeps_its_snapshot_where_marketo_may_answer_later(world: World) -> None:
    """The task's next try needs it."""
    world.set_cohort(people(20))
    run = world.run(dry_run=True)
    name = read_snapshot(run).name
    world.marketo.wire.faults.append(Fault("reset_before", times=10_000))
    with pytest.raises(VendorUnavailable):
        preview_export(run, name)
    world.marketo.wire.faults.clear()

    assert preview_export(world.run(dry_run=True), name).entered == 20
    assert files(world) == {}


def test_a_snapshot_that_the_run_is_to_go_on_with_is_kept(tmp_path: Path) -> None:
    """A deployment made harmless in the middle of a one-time export does not lose its members."""
    world = World(tmp_path, sync_type="one_time", max_changes_per_run=5)
    world.sync(people(20))
    name = "00000001"
    world.settings = world.settings.model_copy(update={"dry_run": True})

    report = preview_export(world.run(), name)

    assert report.entered == 15
    assert load_snapshot(world.run(), name).members == 20


def test_a_dry_runs_snapshot_is_gone_afterwards(world: World) -> None:
    """Asking for it again says so."""
    world.set_cohort(people(20))
    run = world.run(dry_run=True)
    name = read_snapshot(run).name
    assert SnapshotFolder(run.store, run.folder, name).snapshot() is not None
    preview_export(run, name)

    with pytest.raises(StoreUnusable, match="snapshot_cohort"):
        preview_export(run, name)
