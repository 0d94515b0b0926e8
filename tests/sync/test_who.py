"""What happened to one address is told run by run, from what is kept."""

from pathlib import Path

import pytest

from marketo_provider.marketo.codes import meaning
from marketo_provider.sync.repair import repair_target
from marketo_provider.sync.who import Trace, reason, says, trace_address
from tests.sync.test_retire import refusing
from tests.sync.world import World

ANN, BOB, CID = "Ann@Example.com", "bob@example.com", "cid@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which nothing has run."""
    return World(tmp_path)


def who(world: World, address: str = ANN) -> Trace:
    """Trace an address."""
    run = world.run()
    with run.workspace() as workspace:
        return trace_address(run.open_log(), address, workspace)


def told(trace: Trace) -> list[tuple[str, str]]:
    """Return run and event, lead ids and times apart."""
    return [(event.run, event.what.partition(" (leads")[0].partition("; tried")[0]) for event in trace.events]


def test_entries_exits_answers_and_refusals_are_told_by_run(world: World) -> None:
    """In their order, with what a code means."""
    world.set_cohort([ANN, BOB])
    world.sync_as("run-a")
    world.set_cohort([BOB])
    world.sync_as("run-b")
    world.edit_marketo = refusing
    world.set_cohort([ANN.lower(), BOB])
    world.sync_as("run-c")

    trace = who(world)

    assert told(trace) == [
        ("run-a", "entered: to be set True"),
        ("run-a", "answered: True"),
        ("run-b", "left: to be set False"),
        ("run-b", "answered: False, or no lead"),
        ("run-c", "entered: to be set True"),
        ("run-c", "answered: refused: 1003, the request holds invalid data, or too many leads match"),
    ]
    assert trace.row is not None
    assert says(trace.row).startswith("refused: 1003")
    assert trace.in_snapshot


def test_whoever_never_was_there_has_no_story(world: World) -> None:
    """Not even beside others."""
    world.sync([ANN])

    trace = who(world, CID)

    assert (trace.events, trace.row, trace.in_snapshot) == ((), None, False)


def test_a_field_without_a_snapshot_has_none_to_tell_of(world: World) -> None:
    """An empty target."""
    assert who(world) == Trace((), None, None)


def test_what_a_limit_left_over_was_not_sent(tmp_path: Path) -> None:
    """The calls were spent before it was his turn."""
    world = World(tmp_path)
    world.sync([BOB])
    world.set_cohort([ANN, BOB])
    world.break_marketo("error_code", code="607")
    world.sync_as("run-a")

    assert told(who(world))[-1] == ("run-a", "not sent: left to the next run")


def test_a_request_without_an_answer_is_told(world: World) -> None:
    """The run died after it was sent."""
    world.sync([BOB])

    class Died(BaseException):
        pass

    def die(path: str) -> None:
        if path == "/rest/v1/leads.json" and len(world.marketo.wire.log) > before + 1:
            raise Died

    before = len(world.marketo.wire.log)
    world.set_cohort([ANN, BOB])
    world.before_marketo = die
    with pytest.raises(Died):
        world.sync_as("run-b")

    trace = who(world)

    assert told(trace) == [("run-b", "entered: to be set True")]
    assert trace.row is not None
    assert says(trace.row).startswith("not known: sent without an answer")


def test_a_lead_that_was_deleted_is_told(world: World) -> None:
    """And that he is not created again."""
    world.sync([ANN, BOB])
    leads = world.marketo.instance.leads
    leads.delete([lead.lead_id for lead in leads if lead.values["email"] == ANN])
    world.sync([ANN, BOB], full_refresh=True)

    trace = who(world)

    assert "not in Marketo, deleted there since" in trace.events[-1].what


def test_a_repair_is_told(world: World) -> None:
    """Since what is known since then came from Marketo."""
    world.sync([ANN])
    repair_target(world.run())

    assert who(world).events[-1].what == "the ledger was rebuilt by a re-read from Marketo"


def test_what_is_not_kept_any_more_is_not_guessed(world: World) -> None:
    """The ledger still says how it stands."""
    report = world.sync([ANN])
    run = world.run()
    world.store.delete(f"{run.folder}/runs/{report.snapshot}")

    trace = who(world)

    assert trace.events == ()
    assert trace.row is not None
    assert says(trace.row).startswith("True (leads ")


def test_every_code_of_a_record_has_words() -> None:
    """Those of requests are known to the client."""
    unknown = meaning("99999").words

    for code in ("1001", "1003", "1004", "1007", "1008", "1018", "611", "unknown"):
        assert reason(code) != unknown
    assert reason("99999") == unknown
