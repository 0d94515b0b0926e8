"""Those who deliver to an instance: together they keep to the limit, whoever comes, goes or falls silent."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketo_provider.errors import LeaseLost
from marketo_provider.state.instance import InstanceLog
from marketo_provider.state.presence import Presence
from marketo_provider.state.senders import Part
from marketo_provider.state.store import LocalStore, Store
from tests.sync.world import VirtualClock

FOLDER = "marketo/123-abc-456.mktorest.com"
LIMIT = 10
WINDOW = 20.0
TICK = 0.5
LEASE_SECONDS = 120.0
TAKEOVER_SECONDS = LEASE_SECONDS + 90 + 20


@pytest.fixture
def clock() -> VirtualClock:
    """Return the clock that all share."""
    return VirtualClock()


@dataclass(frozen=True)
class OwnClock:
    """A worker's clock: it shows another time than the others', and runs alike."""

    shared: VirtualClock
    ahead: float = 0.0

    def now(self) -> datetime:
        """Return the time that this worker sees."""
        return self.shared.now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        """Return the seconds since the beginning."""
        return self.shared.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.shared.sleep(seconds)


def presence_of(
    store: Store, holder: str, clock: VirtualClock, *, ahead: float = 0.0, calls: Callable[[], int] = lambda: 0
) -> Presence:
    """Return a holder's presence, not yet joined; its run has the holder's name."""
    own = OwnClock(clock, ahead)
    return Presence(
        InstanceLog(store, FOLDER, own),
        holder,
        target=holder,
        run=holder,
        lease_seconds=LEASE_SECONDS,
        replay_after_seconds=90.0,
        most_calls=LIMIT,
        calls=calls,
        clock=own,
    )


def work(presence: Presence, clock: VirtualClock, seconds: float) -> None:
    """Let time pass in which one keeps its presence up and looks at its part."""
    for _ in range(int(seconds / 5)):
        clock.sleep(5)
        presence.keep()
        presence.part()


@dataclass
class Sender:
    """Sends whenever its part of the limit allows, from `joins` to `ends`; a call arrives `late` seconds later.

    `creates`: sends nothing but in the turn.
    """

    joins: float
    ends: float
    late: float = 0.0
    dies: bool = False
    ahead: float = 0.0
    creates: bool = False
    presence: Presence | None = None
    arrivals: list[float] = field(default_factory=list)

    def tick(self, store: Store, clock: VirtualClock, name: str) -> None:
        """Do what is to be done now."""
        now = clock.seconds
        if now < self.joins or now >= self.ends:
            if now >= self.ends and self.presence and not self.dies and now >= max([0.0, *self.arrivals]):
                if self.presence.has_turn:
                    self.presence.give_turn_back()
                self.presence.leave()
                self.presence = None
            return
        if self.presence is None:
            self.presence = presence_of(
                store, name, clock, ahead=self.ahead, calls=lambda: self._in_window(clock.seconds)
            )
            self.presence.join()
            if self.creates:
                self.presence.want_turn(sending=False)
        self.presence.keep()
        if self.creates and not self.presence.take_turn():
            return
        while self.presence.ready and self._in_window(now) < self._most():
            self.arrivals.append(now + self.late)

    def _most(self) -> int:
        assert self.presence
        part = self.presence.part()
        return part.of(LIMIT - part.taken)

    def _in_window(self, now: float) -> int:
        return sum(arrival > now - WINDOW for arrival in self.arrivals[-LIMIT:])


def play(senders: list[Sender], seconds: float) -> list[float]:
    """Let them send, and return when calls arrived."""
    clock = VirtualClock()
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        while clock.seconds < seconds:
            for number, sender in enumerate(senders):
                sender.tick(store, clock, f"try-{number}")
            clock.sleep(TICK)
    return sorted(arrival for sender in senders for arrival in sender.arrivals)


def fullest(arrivals: list[float]) -> int:
    """Return the most calls of any window."""
    return max(sum(first <= one < first + WINDOW for one in arrivals) for first in arrivals)


def emptiest(arrivals: list[float], begin: float, end: float) -> int:
    """Return the fewest calls of the windows that lie between two times."""
    begins = [begin + step * TICK for step in range(int((end - begin - WINDOW) / TICK))]
    return min(sum(first <= one < first + WINDOW for one in arrivals) for first in begins)


SENDERS = st.builds(
    lambda joins, stays, late, dies, ahead, creates: Sender(
        joins, joins + stays, late=late, dies=dies, ahead=ahead, creates=creates
    ),
    st.floats(0, 150),
    st.floats(5, 200),
    st.floats(0, 4.5),
    st.booleans(),
    st.floats(-5, 5),
    st.booleans(),
)


@given(st.lists(SENDERS, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_no_window_holds_more_than_the_limit(senders: list[Sender]) -> None:
    """Whoever joins, leaves or dies, whenever, with clocks that differ and calls that are late."""
    arrivals = play(senders, 400)

    assert fullest(arrivals) <= LIMIT


def test_the_whole_limit_is_used_soon_after_a_change() -> None:
    """40 seconds after one joined or left every window is full again."""
    senders = [Sender(0, 400), Sender(100, 400), Sender(100, 200), Sender(300, 400)]

    arrivals = play(senders, 400)

    assert [emptiest(arrivals, begin + 40, begin + 100) for begin in (0, 100, 200, 300)] == [LIMIT] * 4
    assert fullest(arrivals) == LIMIT


def test_who_is_alone_sends_at_once(local: LocalStore, clock: VirtualClock) -> None:
    """There is nobody to make room for."""
    first = presence_of(local, "try-1", clock)

    first.join()

    assert first.ready
    assert first.part() == Part(0, 1)


def test_a_newcomer_is_silent_until_the_others_have_made_room(local: LocalStore, clock: VirtualClock) -> None:
    """They know of it within five seconds."""
    first, second = presence_of(local, "try-1", clock), presence_of(local, "try-2", clock)
    first.join()
    clock.sleep(60)

    second.join()

    assert not second.ready
    clock.sleep(5)
    assert first.part() == Part(0, 2)
    clock.sleep(25)
    assert second.ready
    assert second.part() == Part(1, 2)


def test_who_left_is_counted_for_a_window_more(local: LocalStore, clock: VirtualClock) -> None:
    """Its last calls are in it: they come off the limit of who is alone then."""
    first, second = presence_of(local, "try-1", clock), presence_of(local, "try-2", clock, calls=lambda: 3)
    first.join()
    second.join()
    clock.sleep(60)
    assert first.part().count == 2

    second.leave()

    clock.sleep(5)
    assert first.part() == Part(0, 1, taken=3)
    clock.sleep(19)
    assert first.part() == Part(0, 1, taken=3)
    clock.sleep(1)
    assert first.part() == Part(0, 1)


def test_who_left_is_counted_whole_beside_others(local: LocalStore, clock: VirtualClock) -> None:
    """Not all of them have read of it, so nobody takes what it leaves."""
    first, second, third = (presence_of(local, f"try-{number}", clock) for number in range(3))
    for one in (first, second, third):
        one.join()
    clock.sleep(60)

    third.leave()

    assert first.part().count == 3
    clock.sleep(19)
    assert first.part().count == 3
    clock.sleep(1)
    assert first.part() == Part(0, 2)


def test_who_comes_just_after_another_that_made_many_calls_waits_for_its_window(
    local: LocalStore, clock: VirtualClock
) -> None:
    """Only the time in the record tells of it, and clocks may differ by ten seconds."""
    first = presence_of(local, "try-1", clock, calls=lambda: LIMIT // 2 + 1)
    second = presence_of(local, "try-2", clock)
    first.join()
    first.leave()
    clock.sleep(10)

    second.join()

    clock.sleep(19)
    assert not second.ready
    clock.sleep(1)
    assert second.ready


def test_who_comes_just_after_another_that_made_few_calls_sends_the_others(
    local: LocalStore, clock: VirtualClock
) -> None:
    """There is room beside them."""
    first = presence_of(local, "try-1", clock, calls=lambda: LIMIT // 2)
    second = presence_of(local, "try-2", clock)
    first.join()
    first.leave()
    clock.sleep(1)

    second.join()

    assert second.ready
    assert second.part() == Part(0, 1, taken=LIMIT // 2)
    clock.sleep(30)
    assert second.part() == Part(0, 1)


def test_who_waited_for_the_turn_sends_as_soon_as_he_is_alone(local: LocalStore, clock: VirtualClock) -> None:
    """So that many small exports one after the other take no half minute each."""
    first, second = wanting(local, clock, "try-1", "try-2")
    second.want_turn(sending=False)
    assert first.take_turn()
    work(first, clock, 60)

    first.give_turn_back()
    clock.sleep(1)
    assert second.take_turn()
    assert not second.ready
    first.leave()
    clock.sleep(1)

    assert second.ready
    assert second.part() == Part(0, 1)


def test_who_is_silent_for_long_is_counted_no_longer(local: LocalStore, clock: VirtualClock) -> None:
    """As a lease that was not given back is taken over."""
    first, second = presence_of(local, "try-1", clock), presence_of(local, "try-2", clock)
    first.join()
    second.join()
    work(first, clock, TAKEOVER_SECONDS - 5)
    assert first.part().count == 2

    work(first, clock, 5 + WINDOW)

    assert first.part().count == 1


def test_who_was_silent_too_long_joins_anew(local: LocalStore, clock: VirtualClock) -> None:
    """The others may have counted it no longer."""
    first, second = presence_of(local, "try-1", clock), presence_of(local, "try-2", clock)
    first.join()
    second.join()
    clock.sleep(LEASE_SECONDS - 1)
    first.keep()
    clock.sleep(1)

    second.keep()

    assert not second.ready
    clock.sleep(30)
    assert second.ready


@given(st.integers(1, 100), st.integers(1, 100))
def test_the_parts_add_up_to_the_limit(limit: int, count: int) -> None:
    """But where more deliver than it has calls: each still has one."""
    parts = [Part(rank, count).of(limit) for rank in range(count)]

    assert sum(parts) == max(limit, count)
    assert min(parts) >= 1
    assert max(parts) - min(parts) <= 1


def test_many_records_are_summed_up(local: LocalStore, clock: VirtualClock) -> None:
    """So that who comes later need not read them all."""
    first = presence_of(local, "try-1", clock)
    first.join()
    for _ in range(110):
        clock.sleep(50)
        first.keep()

    log = InstanceLog(local, FOLDER, clock)

    assert log.state.summed > 100
    assert [one.holder for one in log.state.deliverers] == ["try-1"]
    assert b'"checkpoint"' in local.read(f"{FOLDER}/head.json")


def test_the_records_of_many_short_runs_are_summed_up_too(local: LocalStore, clock: VirtualClock) -> None:
    """Each says no more than that it came and went."""
    for number in range(60):
        one = presence_of(local, f"try-{number}", clock)
        one.join()
        one.leave()
        clock.sleep(60)

    assert InstanceLog(local, FOLDER, clock).state.summed > 50


def wanting(store: Store, clock: VirtualClock, *holders: str) -> list[Presence]:
    """Return presences that have joined and want the turn, in this order."""
    there = [presence_of(store, holder, clock) for holder in holders]
    for presence in there:
        presence.join()
        presence.want_turn(sending=True)
    return there


def test_the_turn_is_one_s_alone(local: LocalStore, clock: VirtualClock) -> None:
    """Whoever asked first has it."""
    first, second = wanting(local, clock, "try-1", "try-2")

    assert not second.take_turn()
    assert first.take_turn()
    clock.sleep(5)
    assert not second.take_turn()


def test_the_turn_goes_to_who_has_waited_longest(local: LocalStore, clock: VirtualClock) -> None:
    """Who has had it queues at the end."""
    first, second, third = wanting(local, clock, "try-1", "try-2", "try-3")
    assert first.take_turn()
    assert first.others_want_turn()

    first.want_turn(sending=True)
    first.give_turn_back()
    clock.sleep(5)

    assert not first.take_turn()
    assert not third.take_turn()
    assert second.take_turn()


def test_who_left_does_not_hold_the_others_up_and_keeps_its_place(local: LocalStore, clock: VirtualClock) -> None:
    """A run that waits without a worker comes back as another try."""
    first, second = wanting(local, clock, "try-1", "try-2")
    first.leave()
    clock.sleep(5)
    assert second.take_turn()

    again = Presence(
        InstanceLog(local, FOLDER, clock),
        "try-1-again",
        target="try-1",
        run="try-1",
        lease_seconds=LEASE_SECONDS,
        replay_after_seconds=90.0,
        most_calls=LIMIT,
        calls=lambda: 0,
        clock=clock,
    )
    again.join()
    again.want_turn(sending=False)
    second.want_turn(sending=True)
    second.give_turn_back()
    clock.sleep(5)

    assert not second.take_turn()
    assert again.take_turn()


def test_a_turn_whose_holder_is_silent_is_taken_over(local: LocalStore, clock: VirtualClock) -> None:
    """Not before a request of its may no longer create anybody."""
    dead, second = wanting(local, clock, "try-1", "try-2")
    assert dead.take_turn()
    work(second, clock, TAKEOVER_SECONDS - 5)
    assert not second.take_turn()

    work(second, clock, 5)

    assert second.take_turn()
    with pytest.raises(LeaseLost, match="took over the creating"):
        dead.keep()


def test_who_waits_for_nothing_but_the_turn_leaves_its_part_to_the_others(
    local: LocalStore, clock: VirtualClock
) -> None:
    """And waits again, as a newcomer does, when its turn comes."""
    first, second = wanting(local, clock, "try-1", "try-2")
    clock.sleep(30)
    assert first.take_turn()

    second.want_turn(sending=False)
    work(first, clock, 30)
    assert first.part() == Part(0, 1)

    first.want_turn(sending=True)
    first.give_turn_back()
    clock.sleep(5)
    assert second.take_turn()
    assert not second.ready
    clock.sleep(30)
    assert second.ready
    assert first.part() == Part(0, 2)
