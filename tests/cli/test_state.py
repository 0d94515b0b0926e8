"""`python -m marketo_provider state`: what a person sees of a target, and decides about it, at a terminal."""

from pathlib import Path

import pytest

from marketo_provider.__main__ import main
from tests.sync.world import FIELD, World

pytestmark = pytest.mark.airflow

TARGET = f"127.0.0.1:8001/{FIELD}"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose store the command line finds by Airflow's configuration."""
    monkeypatch.setenv("AIRFLOW__MARKETO_PROVIDER__STATE_URL", str(tmp_path))
    return World(tmp_path)


def test_a_store_without_targets_says_so(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first run there is nothing to show."""
    status = main(["state", "show"])

    assert status == 0
    assert "no export has run yet" in capsys.readouterr().out


def test_show_names_owner_and_last_report(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A target shows whose it is and what the last run did."""
    world.sync(["a@example.com", None])

    status = main(["state", "show", TARGET])

    shown = capsys.readouterr().out
    assert status == 0
    assert "trial_users (dynamic)" in shown
    assert "2 profiles (1 without e-mail, 0 invalid, 0 duplicate), 1 members; entered 1" in shown


def test_show_lists_every_target(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name all targets of the store are listed."""
    world.sync(["a@example.com"])

    main(["state", "show"])

    assert TARGET.lower() in capsys.readouterr().out


def test_changes_are_those_of_the_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The change list of a run is found by Airflow's run id."""
    world.set_cohort(["a@example.com"])
    world.sync_as("cohort_export__trial_users/manual__1")
    world.set_cohort(["b@example.com"])
    world.sync_as("cohort_export__trial_users/manual__2")

    status = main(["state", "changes", TARGET, "manual__2"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[0] == "address,set_to"
    assert sorted(lines[1:]) == ["a@example.com,false", "b@example.com,true"]


def test_a_list_that_is_not_kept_any_more_is_said_to_be_gone(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lists of runs have their time."""
    world.set_cohort(["a@example.com"])
    report = world.sync_as("cohort_export__trial_users/manual__1")
    world.store.delete(f"marketo/{TARGET.lower()}/runs/{report.snapshot}")

    status = main(["state", "changes", TARGET, "manual__1"])

    assert status == 1
    assert "keep_runs_days" in capsys.readouterr().err


def test_an_unknown_run_is_an_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that announced nothing is not made up."""
    world.sync(["a@example.com"])

    status = main(["state", "changes", TARGET, "manual__9"])

    assert status == 1
    assert "manual__9" in capsys.readouterr().err


def test_adopted_leads_leave_with_the_next_run(world: World, tmp_path: Path) -> None:
    """Whoever is adopted and not in the cohort is set False by the next run."""
    world.add_lead("old@example.com", **{FIELD: True})
    file = tmp_path / "leads.csv"
    file.write_text("Email Address\nold@example.com\n")

    status = main(["state", "adopt", TARGET, str(file)])
    world.sync(["new@example.com"])

    assert status == 0
    assert world.flags() == {"old@example.com": False, "new@example.com": True}


def test_a_user_without_a_name_may_give_a_field_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as whichever number it was given."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    world.sync(["a@example.com"])

    status = main(["state", "release", TARGET])

    assert (status, world.run().open_log().target.claim) == (0, None)


def test_a_released_field_is_free_for_another_cohort(world: World, tmp_path: Path) -> None:
    """After `release` another cohort may claim the field."""
    world.sync(["a@example.com"])

    status = main(["state", "release", TARGET])
    other = World(tmp_path, cohort_id=1002)
    other.set_cohort(["b@example.com"], cohort_id=1002)
    report = other.sync()

    assert status == 0
    assert report.set_true == 1


def test_a_name_that_is_no_target_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A path is not taken for a target."""
    status = main(["state", "release", "../../etc"])

    assert status == 1
    assert "is no target" in capsys.readouterr().err
