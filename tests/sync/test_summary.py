"""The summary of a target: what a page shows, which no run relies on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketo_provider.errors import GuardedChange, GuardStopped, TargetClaimed
from marketo_provider.state.lease import Lease
from marketo_provider.state.log import TargetLog
from marketo_provider.sync.adopt import release_target
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.retire import retire_target
from marketo_provider.sync.snapshot import read_snapshot
from marketo_provider.sync.summarise import stops_summarised
from marketo_provider.sync.summary import (
    History,
    RunFigures,
    Summary,
    read_history,
    read_summaries,
    read_summary,
)
from tests.sync.world import FIELD, HookedStore, World

HOST = "127.0.0.1:8001"
FOLDER = f"marketo/{HOST}/{FIELD.lower()}"
ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with an export."""
    return World(tmp_path, page_size=5000)


def summary(world: World) -> Summary:
    """Return the target's summary, which must be there."""
    found = read_summary(world.store, FOLDER)
    assert found is not None
    return found


def figures(at: datetime, **more: int) -> RunFigures:
    """Return a run's figures, nought but for what is given."""
    names = [name for name, field in RunFigures.model_fields.items() if field.is_required()]
    return RunFigures.model_validate({**dict.fromkeys(names, 0), "at": at, "run_id": f"dag/{at}", **more})


def test_a_settle_leaves_all_that_a_page_shows(world: World) -> None:
    """The report, whose the field is, what Marketo holds, and the run among the others."""
    world.set_cohort([ANN, BOB, None, "no address"])
    world.sync_as("dag_a/first")

    found = summary(world)
    assert (found.dag_id, found.field, found.target) == ("dag_a", FIELD, FOLDER.removeprefix("marketo/"))
    assert found.claim is not None
    assert found.claim.cohort_id == world.export.cohort_id
    assert found.last is not None
    assert (found.last.report.members, found.last.report.entered) == (2, 2)
    assert (found.last.standing.accepted, found.last.calls_a_day) == (2, 40_000)
    assert found.members == (2,)
    assert read_summaries(world.store, f"marketo/{HOST}") == {FIELD.lower(): found}
    assert [run.run_id for run in read_history(world.store, FOLDER).runs] == ["dag_a/first"]


def test_who_is_not_true_is_told_apart(world: World) -> None:
    """Absent members and refused ones are no accepted members, nor is a leaver who was not sent yet."""
    world.sync([ANN, BOB])
    world.export = world.export.model_copy(update={"create_leads": False, "max_changes_per_run": 1})

    world.sync([ANN, CID])

    found = summary(world).last
    assert found is not None
    assert found.report.left_over == 1
    assert (found.standing.accepted, found.standing.absent) == (1, 0)
    world.export = world.export.model_copy(update={"max_changes_per_run": None})
    world.sync()
    found = summary(world).last
    assert found is not None
    assert (found.standing.accepted, found.standing.absent, found.standing.false) == (1, 1, 1)


def test_why_a_run_stopped_is_kept_until_the_next_settle(world: World) -> None:
    """With the number to let it through; the figures of the last settle stay."""
    world.set_cohort([ANN])
    world.sync_as("dag_a/first")
    world.set_cohort([])
    run = world.run("dag_a/second")

    with pytest.raises(GuardStopped), stops_summarised(run):
        export_cohort(run, read_snapshot(run).name)

    stop = summary(world).stops["dag_a"]
    assert (stop.run_id, stop.kind, stop.error) == ("dag_a/second", "asks", "GuardStopped")
    assert "allow_exits = 2" in stop.message
    assert stop.change == GuardedChange(parameter="allow_exits", count=1, held=1, proposed=2)
    assert stop.let_through == {"allow_exits": 2}
    last = summary(world).last
    assert last is not None
    assert last.report.run_id == "dag_a/first"
    world.sync_as("dag_a/third", allow_exits=2)
    assert summary(world).stops == {}


def test_what_a_stopped_run_was_asked_for_is_kept(world: World) -> None:
    """The same run, with the number, does not forget what else it was to do."""
    run = world.run("dag_a/run", full_refresh=True, allow_entries=9, allow_exits=1)
    change = GuardedChange(parameter="allow_exits", count=5, held=7, proposed=6)

    with pytest.raises(GuardStopped), stops_summarised(run):
        raise GuardStopped("Why it stopped.", change=change)

    stop = summary(world).stops["dag_a"]
    assert stop.let_through == {"full_refresh": True, "allow_entries": 9, "allow_exits": 6}


def test_what_no_number_lets_through_has_none(world: World) -> None:
    """Such as a snapshot that is too old, or a field that belongs to another export."""
    run = world.run("dag_a/run", full_refresh=True)
    for error in (GuardStopped("Too old."), TargetClaimed("Another's.")):
        with pytest.raises(type(error)), stops_summarised(run):
            raise error

        assert summary(world).stops["dag_a"].let_through is None


def test_a_dry_run_leaves_nothing(world: World) -> None:
    """Neither its settle, of which it has none, nor why it stopped."""
    run = world.run("dag_a/dry", dry_run=True)

    with pytest.raises(GuardStopped), stops_summarised(run):
        raise GuardStopped("Why it stopped.")

    assert read_summary(world.store, FOLDER) is None


@pytest.mark.parametrize("name", ["summary.json", "history.json"])
def test_a_damaged_file_is_written_anew(world: World, name: str) -> None:
    """It costs what it told, and no run."""
    world.sync([ANN])
    for path in (f"{FOLDER}/{name}", f"marketo/{HOST}/summaries.json"):
        world.store.write(path, b'{"format": 1, ')

    world.sync([ANN, BOB])

    assert summary(world).members == (2,)
    assert list(read_summaries(world.store, f"marketo/{HOST}")) == [FIELD.lower()]


def test_a_summary_that_cannot_be_written_does_not_fail_the_run(world: World) -> None:
    """The store breaks off at each of its files; the run is settled all the same."""

    def fail(operation: str) -> None:
        if operation.endswith(("summary.json", "history.json", "summaries.json")):
            raise OSError

    world.store = HookedStore(world.store, fail)

    report = world.sync([ANN])

    assert report.set_true == 1
    assert world.run().open_log().target.settled is not None


def test_a_run_that_goes_on_is_one_run(world: World) -> None:
    """Its newer figures take the place of the older."""
    first = figures(NOW, entered=1)

    history = History().with_run(first).with_run(first.model_copy(update={"entered": 3}))

    assert [run.entered for run in history.runs] == [3]


def test_old_runs_become_a_row_a_day_and_those_of_last_year_go(world: World) -> None:
    """What moved adds up, what was is the day's last; so the file stays small."""
    history = History()
    for hour in range(0, 400 * 24, 12):
        history = history.with_run(figures(NOW + timedelta(hours=hour), members=hour, entered=1))

    newest = history.runs[-1].at
    single = [run for run in history.runs if run.run_id]
    days = [run for run in history.runs if not run.run_id]
    assert all(run.at > newest - timedelta(days=14) for run in single[1:])
    assert {run.entered for run in days} == {2}
    assert history.runs[0].at > newest - timedelta(days=366)
    assert len(history.runs) < 400
    assert len(history.members_by_day()) <= 91


def test_a_field_that_was_given_up_says_so(world: World) -> None:
    """A retired one keeps its claim, a released one has none."""
    world.sync([ANN])

    retire_target(world.run())

    claim = summary(world).claim
    assert claim is not None
    assert claim.retired_at is not None
    log = TargetLog(world.store, FOLDER, world.clock)
    release_target(Lease(log, "me", lease_seconds=120, replay_after_seconds=90, clock=world.clock))
    assert summary(world).claim is None
