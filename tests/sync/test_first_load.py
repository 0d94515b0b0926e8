"""What a first load would come to: the figures that a person sees before an export is declared."""

from pathlib import Path

import pytest

from marketo_provider.state.suppression import SuppressionList
from marketo_provider.sync.first_load import FirstLoad, estimate_first_load
from tests.sync.world import COHORT, FIELD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which nothing has run."""
    return World(tmp_path)


def people(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"user{number}@example.com" for number in range(count)]


def estimate(world: World, *, is_new: bool = False) -> FirstLoad:
    """Estimate the first load of the world's export."""
    run = world.run()
    return estimate_first_load(
        run.mixpanel,
        run.marketo,
        run.limits,
        export=run.export,
        is_new=is_new,
        erased=SuppressionList(world.store),
    )


def announce(world: World, total: int) -> None:
    """Let Mixpanel say that the cohort has so many profiles."""
    world.mixpanel.state.project.cohort(COHORT).announced_total = total


def test_one_page_stands_for_the_cohort(world: World) -> None:
    """A quarter of its profiles has no address, and a third of the addresses is known."""
    emails = people(75)
    world.set_cohort([*emails, *[None] * 25])
    for email in emails[:25]:
        world.add_lead(email)
    announce(world, 40_000)

    load = estimate(world)

    assert (load.profiles, load.members) == (40_000, 30_000)
    assert (load.sample.size, load.sample.known, load.new_leads) == (75, 25, 20_000)
    assert (load.route, load.calls, load.seconds, load.days) == ("sync_leads", 100, 40.0, 1)


def test_a_duplicate_and_an_erased_person_are_no_members(world: World) -> None:
    """Nor is the erased one looked up."""
    SuppressionList(world.store).add("gone@example.com")
    world.set_cohort(["ann@example.com", "Ann@Example.com", "gone@example.com"])

    load = estimate(world)

    assert (load.profiles, load.members, load.sample.size) == (3, 1, 1)
    assert all("gone" not in logged.body for logged in world.marketo.wire.log)


def test_it_costs_one_page_and_one_look_up(world: World) -> None:
    """However large the cohort is."""
    world.set_cohort(people(500))
    world.page_size = 400

    load = estimate(world)

    assert load.sample.size == 300
    assert len([logged for logged in world.mixpanel.wire.log if logged.path.endswith("engage")]) == 1
    assert len([logged for logged in world.marketo.wire.log if logged.path == "/rest/v1/leads.json"]) == 1


def test_what_the_calls_do_not_carry_goes_in_files(world: World) -> None:
    """An upload and a look for its end each; a row is 25 bytes, so 75 files of 10 MB hold them."""
    world.set_cohort(people(100))
    announce(world, 30_000_000)

    load = estimate(world)

    assert load.route == "bulk_import"
    assert load.calls == 2 * 75


def test_without_new_leads_it_takes_days_of_calls(world: World) -> None:
    """Nothing may go by import then."""
    world.export = world.export.model_copy(update={"create_leads": False})
    world.set_cohort(people(100))
    announce(world, 30_000_000)

    load = estimate(world)

    assert (load.route, load.calls, load.new_leads) == ("sync_leads", 100_000, 0)
    assert load.days == 3


def test_a_field_that_is_not_there_yet_is_not_asked_for(world: World) -> None:
    """Leads are known all the same; nobody holds True in it."""
    world.set_cohort(people(2))
    world.add_lead(people(2)[0], **{FIELD: True, "emailInvalid": True})

    assert estimate(world).sample.holding == 1
    world.export = world.export.model_copy(update={"marketo_field": "notYet"})
    load = estimate(world, is_new=True)

    assert (load.sample.known, load.sample.holding) == (1, 0)


def test_an_empty_cohort_is_no_work(world: World) -> None:
    """And nobody is looked up."""
    world.set_cohort([])

    load = estimate(world)

    assert (load.profiles, load.members, load.sample.size, load.new_leads, load.calls) == (0, 0, 0, 0, 0)
