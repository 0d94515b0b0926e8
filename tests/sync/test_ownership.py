from pathlib import Path
from typing import Any

import pytest

from marketo_provider.errors import Superseded, TargetClaimed
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.ownership import renewed_claim
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import COHORT, FIELD, OTHER_FIELD, HookedStore, World

ANN = "ann@example.com"
BOB = "bob@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which a dynamic export has claimed the field."""
    world = World(tmp_path)
    world.sync([ANN])
    return world


def redefine(world: World, **keys: Any) -> None:
    """Change keys of the export."""
    world.export = world.export.model_copy(update=keys)


def refusal(world: World) -> str:
    """Return why the check refuses, having made sure that nothing is written and Mixpanel not asked."""
    writes, asked = len(world.writes()), len(world.mixpanel.wire.log)
    with pytest.raises(TargetClaimed) as refused:
        check_export(world.run(), interval_end=None)
    assert len(world.writes()) == writes
    assert len(world.mixpanel.wire.log) == asked
    return str(refused.value)


def test_a_field_of_another_cohort_is_refused(world: World) -> None:
    """Whose it is, since when, and what to do, across DAGs and restarts: the claim lies in the store."""
    world.set_cohort([BOB], cohort_id=2002)
    redefine(world, name="paying_users", cohort_id=2002)

    message = refusal(world)

    assert message.startswith("Export 'paying_users' (cohort 2002 to field mixpanelTrialUsers)")
    assert "belongs to export 'trial_users' (dynamic, cohort 1001 of Mixpanel project 7)" in message
    assert "since 2026-11-24 12:00 UTC" in message
    assert "Export to a new Boolean field" in message
    assert "state release" in message
    assert world.flags() == {ANN: True}


def test_a_field_that_was_claimed_since_the_check_is_not_written_to(world: World) -> None:
    """The claim is looked at again before the first write."""
    world.set_cohort([BOB], cohort_id=2002)
    redefine(world, cohort_id=2002)

    with pytest.raises(TargetClaimed, match="cohort 1001"):
        world.sync()

    assert world.flags() == {ANN: True}


def test_a_field_that_is_claimed_while_the_lease_is_waited_for_is_not_written_to(tmp_path: Path) -> None:
    """And once more under the lease: of two exports that begin at once, one gets the field."""
    first, second = World(tmp_path), World(tmp_path, cohort_id=2002)
    second.clock = first.clock
    first.set_cohort([ANN])
    second.set_cohort([BOB], cohort_id=2002)
    names = [read_snapshot(world.run()).name for world in (first, second)]

    def export_first(told: str) -> None:
        if told.startswith("before create") and not first.writes():
            export_cohort(first.run(), names[0])

    second.store = HookedStore(second.store, export_first)
    with pytest.raises(TargetClaimed, match="cohort 1001"):
        export_cohort(second.run(), names[1])

    assert first.flags() == {ANN: True}
    assert second.writes() == []


def test_a_field_of_another_sync_type_is_refused(world: World) -> None:
    """A one-time export to a dynamic one's field would be undone by it."""
    redefine(world, sync_type="one_time", schedule=None)

    assert "(dynamic, cohort 1001" in refusal(world)


def test_a_field_of_another_data_view_is_refused(world: World) -> None:
    """Another view is another set of people."""
    world.mixpanel_extra = {"workspace_id": 1}

    assert "belongs to export 'trial_users'" in refusal(world)


def test_a_field_of_another_project_is_refused(world: World) -> None:
    """Cohort 1001 of another project is another cohort."""
    world.mixpanel_extra = {"project_id": 8}

    assert "of Mixpanel project 7" in refusal(world)


def test_a_claim_is_the_same_in_any_case_of_the_field(world: World) -> None:
    """Nobody gets around it with a capital letter."""
    redefine(world, cohort_id=2002, marketo_field=FIELD.upper())

    assert "belongs to export 'trial_users'" in refusal(world)


def test_a_renamed_export_keeps_its_field(world: World) -> None:
    """The name is only shown, and shown as it is now."""
    redefine(world, name="trials")

    check_export(world.run(), interval_end=None)
    world.sync([ANN, BOB])

    assert world.flags() == {ANN: True, BOB: True}
    claim = world.run().open_log().target.claim
    assert claim is not None
    assert claim.export == "trials"


def test_the_same_cohort_to_a_new_field_is_another_target(world: World) -> None:
    """It gets every member."""
    redefine(world, marketo_field=OTHER_FIELD)

    report = world.sync()

    assert report.set_true == 1
    assert world.flags(OTHER_FIELD) == {ANN: True}


def test_another_instance_of_marketo_is_another_target(world: World) -> None:
    """Nothing is assumed of it: the claim is the host's."""
    here = world.run()
    world.limits = {"rest_url": "http://127.0.0.1:8009"}

    there = world.run()

    assert here.folder != there.folder
    assert there.open_log().target.claim is None


def test_the_claim_dates_from_the_first_run(world: World) -> None:
    """Later runs leave the date."""
    world.clock.sleep(3600)
    world.sync([ANN, BOB])

    claim = world.run().open_log().target.claim
    assert claim is not None
    assert f"{claim.claimed_at:%H:%M}" == "12:00"


def test_a_failed_check_claims_nothing(tmp_path: Path) -> None:
    """The claim is written with the first intent."""
    world = World(tmp_path)
    world.add_lead(ANN, **{FIELD: True})
    with pytest.raises(Exception, match="hold True already"):
        world.sync([ANN])

    assert world.run().open_log().target.claim is None


def test_nothing_to_change_claims_all_the_same(tmp_path: Path) -> None:
    """Else two exports with empty cohorts would both believe that the field is theirs."""
    world = World(tmp_path)
    world.sync([])

    redefine(world, cohort_id=2002)
    assert "cohort 1001" in refusal(world)


def test_a_dynamic_claim_names_no_snapshot(world: World) -> None:
    """Only a one-time export goes on with its own."""
    claim = renewed_claim(world.run(), None, 5)

    assert claim.snapshot is None
    assert claim.cohort_id == COHORT


def test_a_one_time_claim_names_its_snapshot(tmp_path: Path) -> None:
    """And keeps it: another run's snapshot is superseded."""
    world = World(tmp_path, sync_type="one_time")
    claim = renewed_claim(world.run(), None, 5)

    assert claim.snapshot == 5
    assert renewed_claim(world.run(), claim, 5).snapshot == 5
    with pytest.raises(Superseded, match="another run has begun this one-time export"):
        renewed_claim(world.run(), claim, 6)
