"""Mixpanel's slots: at most four queries of ours at once, shared out between those who read."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Lock

import pytest

from marketo_provider.errors import RateLimited
from marketo_provider.state.slots import SLOTS, SlotLog, Slots
from marketo_provider.state.store import LocalStore, Store
from tests.fake_wire import FakeClock

FOLDER = "mixpanel/7"


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock that all share."""
    return FakeClock()


def slots_of(store: Store, holder: str, clock: FakeClock, *, wanted: int = 3) -> Slots:
    """Return a reader's slots, none taken yet."""
    return Slots(SlotLog(store, FOLDER, clock), holder, wanted=wanted, clock=clock)


def shared_out(store: Store, clock: FakeClock) -> list[tuple[str, int]]:
    """Return who has how many slots."""
    return [(one.holder, one.slots) for one in SlotLog(store, FOLDER, clock).state.readers]


def test_who_reads_alone_has_as_many_as_it_wants(local: LocalStore, clock: FakeClock) -> None:
    """Which leaves one for a second reader."""
    slots = slots_of(local, "try-1", clock)

    with ExitStack() as queries:
        for _ in range(3):
            queries.enter_context(slots.slot())

        assert shared_out(local, clock) == [("try-1", 3)]


def test_who_has_more_than_its_part_gives_up_slots_as_queries_end(local: LocalStore, clock: FakeClock) -> None:
    """And the newcomer takes them, but none that is in use."""
    first, second = slots_of(local, "try-1", clock), slots_of(local, "try-2", clock)
    with ExitStack() as queries:
        held = [queries.enter_context(ExitStack()) for _ in range(3)]
        for one in held:
            one.enter_context(first.slot())
        queries.enter_context(second.slot())
        assert shared_out(local, clock) == [("try-1", 3), ("try-2", 1)]

        held[0].close()
        held[1].close()
        clock.time += 5
        queries.enter_context(first.slot())
        assert shared_out(local, clock) == [("try-1", 2), ("try-2", 1)]

        clock.time += 5
        queries.enter_context(second.slot())
        assert shared_out(local, clock) == [("try-1", 2), ("try-2", 2)]


def test_where_more_read_than_there_are_slots_the_last_one_waits_elsewhere(
    local: LocalStore, clock: FakeClock
) -> None:
    """The task is told when to come again."""
    with ExitStack() as queries:
        for number in range(SLOTS):
            queries.enter_context(slots_of(local, f"try-{number}", clock, wanted=1).slot())
        began = clock.time

        with pytest.raises(RateLimited, match="all taken by other snapshots") as limited:
            queries.enter_context(slots_of(local, "try-late", clock).slot())

    assert clock.time - began == 120
    assert (limited.value.resume_at - clock.now()).total_seconds() == 60


def test_who_leaves_gives_all_slots_back(local: LocalStore, clock: FakeClock) -> None:
    """Also one that waited in vain."""
    first, second = slots_of(local, "try-1", clock, wanted=4), slots_of(local, "try-2", clock)
    with ExitStack() as queries:
        for _ in range(4):
            queries.enter_context(first.slot())
        with pytest.raises(RateLimited), second.slot():
            pass
        assert shared_out(local, clock) == [("try-1", 4), ("try-2", 0)]

    second.leave()
    first.leave()

    assert shared_out(local, clock) == []


def test_who_is_silent_for_longer_than_a_query_takes_is_gone(local: LocalStore, clock: FakeClock) -> None:
    """A worker that died gives nothing back."""
    dead, second = slots_of(local, "try-1", clock, wanted=4), slots_of(local, "try-2", clock)
    with ExitStack() as queries:
        for _ in range(4):
            queries.enter_context(dead.slot())
        clock.time += 600

        queries.enter_context(second.slot())

        assert shared_out(local, clock) == [("try-2", 3)]


def test_who_reads_on_is_not_taken_to_be_gone(local: LocalStore, clock: FakeClock) -> None:
    """Every query says that its reader is there."""
    first, second = slots_of(local, "try-1", clock, wanted=4), slots_of(local, "try-2", clock)
    for _ in range(20):
        with first.slot():
            clock.time += 60

    with pytest.raises(RateLimited), second.slot():
        pass


def test_many_readers_together_never_use_more_than_four(local: LocalStore, clock: FakeClock) -> None:
    """Five snapshots with three threads each; who finds no slot comes again."""
    lock, in_use, most, done = Lock(), [0], [0], [0]

    def read(slots: Slots) -> None:
        while True:
            try:
                with slots.slot():
                    with lock:
                        in_use[0] += 1
                        most[0] = max(most[0], in_use[0])
                    clock.sleep(2)
                    with lock:
                        in_use[0] -= 1
                        done[0] += 1
                        return
            except RateLimited:
                continue

    def snapshot(number: int) -> None:
        slots = slots_of(local, f"try-{number}", clock)
        with ThreadPoolExecutor(3) as pages:
            for page in [pages.submit(read, slots) for _ in range(12)]:
                page.result()
        slots.leave()

    with ThreadPoolExecutor(5) as readers:
        for reader in [readers.submit(snapshot, number) for number in range(5)]:
            reader.result()

    assert done == [60]
    assert most[0] <= SLOTS
    assert shared_out(local, clock) == []
