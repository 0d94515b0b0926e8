"""What an instance's log folds to: who delivers, whose turn it is, and who waits for it."""

from datetime import timedelta
from typing import Any

from marketo_provider.state.instance import (
    Instance,
    InstanceRecord,
    Joined,
    Left,
    Stayed,
    Stopped,
    Summed,
    TurnGivenBack,
    TurnTaken,
    TurnWanted,
)
from tests.state.support import NOW


def record(kind: Any, by: str, *, after: float = 0.0, **more: Any) -> InstanceRecord:
    """Return a record of somebody's, so many seconds after the beginning."""
    made: InstanceRecord = kind(at=NOW + timedelta(seconds=after), by=by, **more)
    return made


def folded(*records: InstanceRecord) -> Instance:
    """Return the state after some records, numbered from 1."""
    state = Instance()
    for number, one in enumerate(records, 1):
        state = state.after(number, one)
    return state


def joined(by: str, *, after: float = 0.0) -> InstanceRecord:
    """Return the record of one who joins."""
    return record(Joined, by, after=after, takeover_seconds=230.0)


def wanted(run: str, *, by: str, after: float = 0.0, sending: bool = True) -> InstanceRecord:
    """Return the record of a run that wants the turn."""
    return record(TurnWanted, by, after=after, run=run, sending=sending)


def taken(run: str, *, by: str, after: float = 0.0) -> InstanceRecord:
    """Return the record of a run that takes the turn."""
    return record(TurnTaken, by, after=after, run=run, takeover_seconds=230.0)


def test_those_who_joined_and_have_not_left_deliver() -> None:
    """In the order in which they came."""
    state = folded(joined("a"), joined("b"), joined("c"), record(Left, "b", after=9, calls=4))

    assert [(one.holder, one.number) for one in state.deliverers] == [("a", 1), ("c", 3)]
    assert state.stopped == (Stopped(number=2, at=NOW + timedelta(seconds=9), calls=4),)


def test_who_stopped_more_than_a_minute_before_another_is_forgotten() -> None:
    """Its calls are in no window any more."""
    left = [record(Left, holder, after=after, calls=1) for holder, after in (("a", 1), ("b", 30), ("c", 62))]
    state = folded(joined("a"), joined("b"), joined("c"), *left)

    assert [one.number for one in state.stopped] == [2, 3]


def test_who_joins_again_comes_last() -> None:
    """It was silent for too long to be counted on."""
    state = folded(joined("a"), joined("b"), joined("a"))

    assert [one.holder for one in state.deliverers] == ["b", "a"]


def test_any_record_says_that_its_author_is_there() -> None:
    """Who is silent for longer than its own takeover time is not."""
    state = folded(joined("a"), joined("b"), record(Stayed, "a", after=100))
    a, b = state.deliverers

    assert not a.silent(NOW + timedelta(seconds=329))
    assert a.silent(NOW + timedelta(seconds=330))
    assert b.silent(NOW + timedelta(seconds=230))


def test_the_turn_is_held_from_taking_to_giving_back() -> None:
    """And its holder queues no more."""
    before = folded(joined("a"), wanted("run", by="a"), taken("run", by="a", after=5))
    after = before.after(4, record(TurnGivenBack, "a"))

    assert before.turn is not None
    assert (before.turn.holder, before.turn.last_at, before.queue) == ("a", NOW + timedelta(seconds=5), ())
    assert after.turn is None


def test_another_try_of_a_run_has_the_run_s_place() -> None:
    """Rule 11: who waits is served by the number of his record."""
    state = folded(
        joined("a"), joined("b"), wanted("first", by="a"), wanted("second", by="b"), wanted("first", by="a2")
    )

    assert [(one.run, one.holder, one.number) for one in state.queue] == [("first", "a2", 3), ("second", "b", 4)]


def test_next_is_the_first_in_the_queue_who_is_there() -> None:
    """A run that waits without a worker does not hold the others up."""
    state = folded(joined("a"), joined("b"), wanted("first", by="a"), wanted("second", by="b"))

    assert state.next_in_turn(NOW) == "a"
    assert state.after(5, record(Left, "a")).next_in_turn(NOW) == "b"
    assert state.next_in_turn(NOW + timedelta(seconds=230)) is None


def test_who_never_came_back_for_its_turn_is_forgotten() -> None:
    """After a day."""
    state = folded(joined("a"), wanted("first", by="a"), wanted("second", by="b", after=86_401))

    assert [one.run for one in state.queue] == ["second"]


def test_who_waits_for_nothing_but_the_turn_does_not_send() -> None:
    """Until it takes the turn; it counts as one who left."""
    waiting = folded(joined("a"), wanted("run", by="a", after=7, sending=False))
    sending = waiting.after(3, taken("run", by="a", after=90))

    assert [one.sending for one in (*waiting.deliverers, *sending.deliverers)] == [False, True]
    assert [one.at for one in waiting.stopped] == [NOW + timedelta(seconds=7)]
    assert sending.stopped == waiting.stopped


def test_a_sum_says_all_that_the_records_before_it_do() -> None:
    """Folding may begin at it."""
    before = folded(joined("a"), joined("b"), wanted("run", by="a"))

    summed = Instance().after(4, record(Summed, "b", after=50, instance=before))

    assert (summed.number, summed.summed, summed.queue) == (4, 4, before.queue)
    assert [one.last_at - NOW for one in summed.deliverers] == [timedelta(), timedelta(seconds=50)]
