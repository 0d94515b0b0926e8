from datetime import timedelta
from pathlib import Path

import pytest

from marketo_provider.errors import AccessDenied, InvalidSetting, NoCallsLeft, QuotaExhausted, Superseded
from marketo_provider.sync.check import check_export
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, World

ANN = "ann@example.com"
BOB = "bob@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with a cohort, in which nothing has run."""
    world = World(tmp_path)
    world.set_cohort([ANN])
    return world


def test_a_check_writes_nothing_anywhere(world: World) -> None:
    """Neither to Marketo nor to the store, and no cohort is read."""
    check_export(world.run(), interval_end=None)

    assert world.writes() == []
    assert [logged.path for logged in world.mixpanel.wire.log] == ["/api/app/me"]
    assert world.run().open_log().target.number == 0


def test_marketos_credentials_are_checked_before_mixpanel_is_asked(world: World) -> None:
    """A wrong secret is a person's to correct."""
    world.limits = {"client_secret": "wrong"}

    with pytest.raises(AccessDenied):
        check_export(world.run(), interval_end=None)

    assert world.mixpanel.wire.log == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sees_project": False}, "no project 7"),
        ({"permissions": ()}, "view_base_reports"),
        ({"host_region": "eu"}, "another region|belongs to another|region"),
    ],
    ids=["project", "permission", "region"],
)
def test_mixpanels_account_is_checked_without_a_query(world: World, change: dict[str, object], words: str) -> None:
    """Each cause in its own words, and none of the hour's queries is spent."""
    world.mixpanel.state.account = world.mixpanel.state.account.model_copy(update=change)

    with pytest.raises(AccessDenied, match=words):
        check_export(world.run(), interval_end=None)

    assert world.mixpanel.state.rate.counted() == 0


def test_a_data_view_that_is_not_there_is_named(world: World) -> None:
    """A view that filters silently would set people False."""
    world.mixpanel_extra = {"workspace_id": 99}

    with pytest.raises(InvalidSetting, match="data view 99"):
        check_export(world.run(), interval_end=None)


def test_the_run_parameters_field_is_the_one_that_is_checked(tmp_path: Path) -> None:
    """A typing mistake in the trigger form is found like one in the YAML."""
    world = World(tmp_path, sync_type="one_time")

    with pytest.raises(Exception, match="Marketo has no field mixpanelTypo"):
        check_export(world.run(marketo_field="mixpanelTypo"), interval_end=None)


@pytest.mark.parametrize("where", ["export", "connection"])
def test_a_partition_that_is_not_there_is_named_with_those_there_are(world: World, where: str) -> None:
    """New leads would all be refused one by one."""
    if where == "export":
        world.export = world.export.model_copy(update={"partition": "EMEA"})
    else:
        world.limits = {"partition": "EMEA"}

    with pytest.raises(InvalidSetting, match=r"no lead partition 'EMEA'.*There are: Default"):
        check_export(world.run(), interval_end=None)

    assert world.mixpanel.wire.log == []


def test_the_exports_partition_goes_before_the_connections(world: World) -> None:
    """One that is there is accepted, whatever the Connection says."""
    world.limits = {"partition": "EMEA"}
    world.export = world.export.model_copy(update={"partition": "Default"})

    check_export(world.run(), interval_end=None)


def test_without_calls_a_one_time_export_waits(tmp_path: Path) -> None:
    """The check says whose share is spent, and when there are calls again."""
    world = World(tmp_path, sync_type="one_time")
    world.limits = {"daily_quota": 1, "quota_share": 0.5}

    with pytest.raises(
        QuotaExhausted, match=r"quota_share 0.5 of daily_quota 1\).*Nothing was read or sent"
    ) as spent:
        check_export(world.run(), interval_end=None)

    assert world.mixpanel.wire.log == []
    # Five minutes after midnight in Chicago.
    assert f"{spent.value.resume_at:%m-%d %H:%M}" == "11-25 06:05"


def test_without_calls_a_dynamic_run_ends(world: World) -> None:
    """Waiting for midnight would hold up the schedule, whose next run looks again."""
    world.limits = {"daily_quota": 1, "quota_share": 0.5}

    with pytest.raises(NoCallsLeft, match=r"Nothing was read or sent\. The next run looks again"):
        check_export(world.run(), interval_end=None)

    assert world.mixpanel.wire.log == []


def test_the_last_tenth_of_the_calls_is_for_dynamic_exports(tmp_path: Path) -> None:
    """They may have exits to send; a one-time export has none."""
    dynamic = World(tmp_path / "dynamic")
    one_time = World(tmp_path / "one_time", sync_type="one_time")
    for world in (dynamic, one_time):
        # A share of 40 calls, of which 4 are for exits: 33 are used up, and the check takes 3.
        world.limits = {"daily_quota": 50, "quota_share": 0.8}
        client = world.run().marketo
        while client.calls_today() < 33:
            pass

    check_export(dynamic.run(), interval_end=None)
    with pytest.raises(QuotaExhausted):
        check_export(one_time.run(), interval_end=None)


def test_a_run_whose_interval_ended_before_the_last_settled_snapshot_is_skipped(world: World) -> None:
    """A backfill or a late scheduled run has nothing to do; the field never moves back."""
    begun = world.clock.now()
    world.sync()

    with pytest.raises(Superseded, match="The field never moves back") as skipped:
        check_export(world.run(), interval_end=begun - timedelta(seconds=1))

    assert "begun at 2026-11-24 12:00 UTC" in str(skipped.value)
    assert world.mixpanel.wire.log[-1].path != "/api/app/me"


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=1), timedelta(hours=2)])
def test_a_run_whose_interval_ended_later_goes_on(world: World, later: timedelta) -> None:
    """The next scheduled run, that is."""
    begun = world.clock.now()
    world.sync()

    check_export(world.run(), interval_end=begun + later)


def test_a_manual_run_means_now(world: World) -> None:
    """It has no interval, and is never skipped."""
    world.sync()
    world.clock.sleep(3600)

    check_export(world.run(), interval_end=None)


def test_a_snapshot_that_was_only_begun_skips_nobody(world: World) -> None:
    """Only a settle counts."""
    ended = world.clock.now()
    world.clock.sleep(60)
    read_snapshot(world.run())

    check_export(world.run(), interval_end=ended)


def test_a_dry_run_is_not_skipped(world: World) -> None:
    """Whoever asks what would be sent gets an answer."""
    ended = world.clock.now()
    world.clock.sleep(60)
    world.sync()

    check_export(world.run(dry_run=True), interval_end=ended)


def test_a_try_after_its_own_settle_is_not_skipped(world: World) -> None:
    """The run that settled and died stays as green or red as it was."""
    ended = world.clock.now()
    world.clock.sleep(60)
    world.sync_as("run-1")

    check_export(world.run("run-1"), interval_end=ended)


def test_a_wrong_field_is_told_before_others_are_asked(world: World) -> None:
    """Claim, field, partition, quota, Mixpanel: what is cheapest and most final first."""
    world.export = world.export.model_copy(update={"marketo_field": "unsubscribed", "partition": "EMEA"})
    world.mixpanel.state.account = world.mixpanel.state.account.model_copy(update={"sees_project": False})

    with pytest.raises(Exception, match="standard fields"):
        check_export(world.run(), interval_end=None)

    assert world.flags() == {}
    assert world.export.marketo_field != FIELD
