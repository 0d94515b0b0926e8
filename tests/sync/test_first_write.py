from pathlib import Path

import pytest

from include.sandbox.wire import Request
from marketo_provider.errors import FieldUnusable
from tests.sync.world import FIELD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which nothing has run."""
    return World(tmp_path)


def people(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"user{number}@example.com" for number in range(count)]


def looked_up(world: World) -> list[list[str]]:
    """Return the addresses of each look-up."""
    return [
        Request("POST", "", {}, {}, logged.body.encode()).form()["filterValues"].split(",")
        for logged in world.marketo.wire.log
        if logged.query.get("_method") == "GET"
    ]


def test_a_field_that_somebody_holds_is_not_written_to(world: World) -> None:
    """The message says what it may be, and each way on; nothing is written or claimed."""
    lead_id = world.add_lead("USER7@example.com", **{FIELD: True})
    run = world.run()

    with pytest.raises(FieldUnusable) as refused:
        world.sync(people(20))

    message = str(refused.value)
    assert message.startswith("Export 'trial_users'")
    assert "of 20 sampled members 1 leads hold True already" in message
    for words in ("not new", "somebody else writes it", "state store was lost", "Nothing was sent"):
        assert words in message
    for way in ("a new field", "adopt = true", "state adopt"):
        assert way in message
    assert "example.com" not in message
    assert world.writes() == []
    assert run.open_log().target.claim is None
    assert run.open_log().target.lease is None
    assert world.marketo.instance.leads.get(lead_id) is not None


@pytest.mark.parametrize("values", [{}, {FIELD: False}, {FIELD: None}])
def test_leads_that_do_not_hold_it_are_no_reason_to_stop(world: World, values: dict[str, bool | None]) -> None:
    """False, null and never set are all of a new field."""
    world.add_lead("user7@example.com", **values)

    assert world.sync(people(20)).set_true == 20


def test_three_hundred_members_are_looked_up_at_most(world: World) -> None:
    """One call, whatever the size of the cohort."""
    world.sync(people(400))

    sample, _read_back = looked_up(world)
    assert len(set(sample)) == 300
    assert set(sample) <= set(people(400))


def test_adopt_goes_on(world: World) -> None:
    """The person who asked for it was told what it means; all members are then set."""
    world.add_lead("user7@example.com", **{FIELD: True})

    report = world.sync(people(20), adopt=True)

    assert report.set_true == 20
    assert set(world.flags().values()) == {True}


def test_adopt_holds_for_the_first_run_alone(world: World) -> None:
    """Later runs look nobody up before they write, with it or without: one look-up is the read-back."""
    world.sync(people(20), adopt=True)
    looked = len(looked_up(world))

    world.sync(people(21))

    assert looked == 2
    assert len(looked_up(world)) == looked + 1


def test_nobody_is_looked_up_for_an_empty_cohort(world: World) -> None:
    """There is no first write either."""
    world.sync([])

    assert looked_up(world) == []


def test_a_one_time_export_is_checked_as_well(tmp_path: Path) -> None:
    """Its field must be as new."""
    world = World(tmp_path, sync_type="one_time")
    world.add_lead("user7@example.com", **{FIELD: True})

    with pytest.raises(FieldUnusable, match="hold True already"):
        world.sync(people(20))


def test_the_next_run_checks_again_after_a_refusal(world: World) -> None:
    """Nothing was claimed, so it is still the first write."""
    world.add_lead("user7@example.com", **{FIELD: True})
    for _ in range(2):
        with pytest.raises(FieldUnusable):
            world.sync(people(20))

    assert world.writes() == []
