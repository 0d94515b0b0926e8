"""Rule 18: what Marketo holds is looked at after a delivery, and what differs is put right."""

from pathlib import Path

import pytest

from include.sandbox.wire import Request, Response, json_response
from marketo_provider.errors import TooMuchDrift
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, World

MEMBERS = [f"member{number}@example.com" for number in range(40)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world whose cohort was exported once."""
    world = World(tmp_path, max_drift_share=1.0)
    world.sync(MEMBERS)
    return world


def set_flag(world: World, address: str, *, value: bool) -> None:
    """Write the field of a lead behind the export's back."""
    (lead,) = world.marketo.instance.leads.find("email", [address])
    world.marketo.instance.leads.update(lead, {FIELD: value})


def unfinished(world: World) -> bool:
    """Whether a one-time export may go on."""
    claim = world.run().open_log().target.claim
    return claim is not None and claim.finished_at is None


def test_nothing_is_read_back_where_nothing_was_sent(world: World) -> None:
    """No delivery, no call."""
    report = world.sync()

    assert (report.read_back, report.api_calls) == (0, 0)


def test_what_was_written_and_what_was_not_are_both_looked_at(world: World) -> None:
    """One enters, forty stay."""
    report = world.sync([*MEMBERS, "new@example.com"])

    assert (report.read_back, report.drift) == (41, 0.0)


def test_at_most_half_of_a_call_is_of_either_kind(tmp_path: Path) -> None:
    """300 addresses at once, whatever the size of the cohort."""
    world = World(tmp_path)
    members = [f"member{number}@example.com" for number in range(500)]
    world.sync(members)

    report = world.sync([*members, *(f"new{number}@example.com" for number in range(400))])

    assert report.read_back == 300


def test_a_member_set_false_by_somebody_else_is_put_right(world: World) -> None:
    """The run that sees it reports it, the next one sends True again."""
    set_flag(world, MEMBERS[0], value=False)

    seen = world.sync([*MEMBERS, "new@example.com"])
    after = world.sync()

    assert seen.drift == pytest.approx(1 / 41)
    assert (after.entered, after.set_true) == (1, 1)
    assert world.flags()[MEMBERS[0]] is True


def test_a_one_time_export_that_saw_a_lead_differ_is_not_finished(tmp_path: Path) -> None:
    """The next run sends that one again, and ends it."""
    world = World(tmp_path, sync_type="one_time", max_changes_per_run=20, max_drift_share=1.0)
    world.sync(MEMBERS)
    first = next(address for address, flag in world.flags().items() if flag)
    set_flag(world, first, value=False)

    seen = world.sync()
    assert unfinished(world)
    after = world.sync()

    assert seen.drift == pytest.approx(1 / 40)
    assert seen.left_over == 0
    assert after.drift == 0
    assert world.flags() == dict.fromkeys(MEMBERS, True)
    assert not unfinished(world)


def test_a_leaver_set_true_by_somebody_else_is_put_right(world: World) -> None:
    """Who has left must not be mailed."""
    world.sync(MEMBERS[1:])
    set_flag(world, MEMBERS[0], value=True)

    seen = world.sync([*MEMBERS[1:], "new@example.com"])
    after = world.sync()

    assert seen.drift > 0
    assert (after.exited, after.set_false) == (1, 1)
    assert world.flags()[MEMBERS[0]] is False


def test_a_lead_nobody_knew_of_that_has_a_leavers_address_is_put_right(world: World) -> None:
    """The one that he had has another address by now, and is not the one that was seen."""
    world.sync(MEMBERS[1:])
    (lead,) = world.marketo.instance.leads.find("email", [MEMBERS[0]])
    world.marketo.instance.leads.update(lead, {"email": "moved@example.com", FIELD: True})
    world.add_lead(MEMBERS[0], **{FIELD: True})

    world.sync([*MEMBERS[1:], "new@example.com"])
    world.sync()

    assert world.flags()[MEMBERS[0]] is False
    assert world.flags()["moved@example.com"] is False


def test_one_lead_of_several_is_enough_to_differ(world: World) -> None:
    """Mailing may use any of them."""
    world.add_lead(MEMBERS[0])

    seen = world.sync([*MEMBERS, "new@example.com"])
    world.sync()

    assert seen.drift > 0
    assert {lead.values.get(FIELD) for lead in world.marketo.instance.leads.find("email", [MEMBERS[0]])} == {True}


def test_a_deleted_lead_is_no_drift_and_is_not_created_again(world: World) -> None:
    """It has no field that could differ; the next run finds out that it is gone."""
    (lead,) = world.marketo.instance.leads.find("email", [MEMBERS[0]])
    world.marketo.instance.leads.delete([lead.lead_id])

    seen = world.sync([*MEMBERS, "new@example.com"])
    after = world.sync()

    assert seen.drift == 0
    assert (after.entered, after.not_in_marketo, after.created) == (1, 1, 0)
    assert MEMBERS[0] not in world.flags()


def test_too_much_drift_fails_the_run_once_it_is_settled(tmp_path: Path) -> None:
    """A try that follows answers the same, and sends nothing."""
    world = World(tmp_path)
    world.sync(MEMBERS)
    for address in MEMBERS[:5]:
        set_flag(world, address, value=False)
    world.set_cohort([*MEMBERS, "new@example.com"])
    run = world.run()
    name = read_snapshot(run).name

    with pytest.raises(TooMuchDrift, match=r"of 41 addresses read back 12% .*max_drift_share \(0.05\)"):
        export_cohort(run, name)
    sent = len(world.writes())
    with pytest.raises(TooMuchDrift):
        export_cohort(world.run(), name)

    assert len(world.writes()) == sent
    assert world.sync().set_true == 5
    assert all(world.flags().values())


def test_a_read_back_that_gets_no_answer_changes_nothing(world: World) -> None:
    """What was acknowledged is settled."""

    def unavailable(request: Request, response: Response) -> Response:
        if "_method" not in request.query:
            return response
        return json_response({"requestId": "a#1", "success": False, "errors": [{"code": "608", "message": "no"}]})

    world.edit_marketo = unavailable
    report = world.sync([*MEMBERS, "new@example.com"])

    assert (report.set_true, report.read_back) == (1, 0)
    assert all(world.flags().values())
