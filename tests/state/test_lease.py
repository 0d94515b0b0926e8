from collections.abc import Callable
from datetime import timedelta

import pytest

from marketo_provider.errors import LeaseHeld, LeaseLost
from marketo_provider.state.lease import Lease
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import LeaseGivenBack, LeaseRenewed, LeaseTaken
from marketo_provider.state.store import LocalStore, Store
from tests.state.support import FOLDER, CreateFails, StoreProxy, begun, intended
from tests.sync.world import VirtualClock

LEASE_SECONDS = 120.0
REPLAY_SECONDS = 90.0
TAKEOVER_SECONDS = LEASE_SECONDS + REPLAY_SECONDS + 20


@pytest.fixture
def clock() -> VirtualClock:
    """Return the clock that all holders share."""
    return VirtualClock()


def lease_of(store: Store, holder: str, clock: VirtualClock) -> Lease:
    """Return a holder's lease on the tests' target, not yet taken."""
    return Lease(
        TargetLog(store, FOLDER, clock),
        holder,
        lease_seconds=LEASE_SECONDS,
        replay_after_seconds=REPLAY_SECONDS,
        clock=clock,
    )


def kinds(store: Store) -> list[str]:
    """Return the kinds of the records that there are."""
    return [record.kind for _, record in TargetLog(store, FOLDER, VirtualClock()).records(1)]


def test_a_free_lease_is_taken(local: LocalStore, clock: VirtualClock) -> None:
    """The log says who holds it."""
    lease_of(local, "try-1", clock).take()

    holding = TargetLog(local, FOLDER, clock).target.lease
    assert holding is not None
    assert holding.holder == "try-1"


def test_a_lease_that_is_held_is_waited_for(local: LocalStore, clock: VirtualClock) -> None:
    """Who waits is told until when at most, and has written nothing."""
    lease_of(local, "try-1", clock).take()
    clock.sleep(30)

    with pytest.raises(LeaseHeld, match=r"waiting for it until 12:03:50 UTC") as held:
        lease_of(local, "try-2", clock).take()

    assert held.value.resume_at == clock.now() + timedelta(seconds=TAKEOVER_SECONDS - 30)
    assert kinds(local) == ["lease_taken"]


def test_a_lease_is_held_for_lease_and_replay_and_twenty_seconds(local: LocalStore, clock: VirtualClock) -> None:
    """A millisecond before that time, what the holder sent may still land."""
    lease_of(local, "try-1", clock).take()
    clock.sleep(TAKEOVER_SECONDS - 0.001)

    with pytest.raises(LeaseHeld):
        lease_of(local, "try-2", clock).take()


def test_a_lease_is_taken_over_at_that_time(local: LocalStore, clock: VirtualClock) -> None:
    """A run that died does not stop the others for longer."""
    lease_of(local, "try-1", clock).take()
    clock.sleep(TAKEOVER_SECONDS)

    lease_of(local, "try-2", clock).take()

    assert kinds(local) == ["lease_taken", "lease_taken"]


def test_the_time_counts_from_the_holders_last_record(local: LocalStore, clock: VirtualClock) -> None:
    """A renewal moves the takeover on."""
    holder = lease_of(local, "try-1", clock)
    holder.take()
    clock.sleep(100)
    holder.append(intended(1, at=clock.now()))
    clock.sleep(TAKEOVER_SECONDS - 1)

    with pytest.raises(LeaseHeld):
        lease_of(local, "try-2", clock).take()


def test_somebody_elses_record_does_not_prolong_it(local: LocalStore, clock: VirtualClock) -> None:
    """A run that only reads a snapshot says nothing of the holder."""
    lease_of(local, "try-1", clock).take()
    clock.sleep(TAKEOVER_SECONDS)
    TargetLog(local, FOLDER, clock).append(begun("try-3", at=clock.now()), allowed=lambda _: None)

    lease_of(local, "try-2", clock).take()

    assert kinds(local) == ["lease_taken", "snapshot_begun", "lease_taken"]


def test_a_lease_given_back_is_free_at_once(local: LocalStore, clock: VirtualClock) -> None:
    """The next run does not wait."""
    first = lease_of(local, "try-1", clock)
    first.take()
    first.give_back()

    lease_of(local, "try-2", clock).take()

    assert kinds(local) == ["lease_taken", "lease_given_back", "lease_taken"]


def test_a_lease_given_back_since_the_log_was_read_is_free(local: LocalStore, clock: VirtualClock) -> None:
    """Who takes it looks at the log as it is, not as it was when opened."""
    first = lease_of(local, "try-1", clock)
    first.take()
    second = lease_of(local, "try-2", clock)
    first.give_back()

    second.take()

    assert kinds(local) == ["lease_taken", "lease_given_back", "lease_taken"]


def test_of_two_that_take_over_one_wins(local: LocalStore, clock: VirtualClock) -> None:
    """The other finds a fresh lease where he expected an old one."""
    lease_of(local, "try-1", clock).take()
    clock.sleep(TAKEOVER_SECONDS)

    class Slow(StoreProxy):
        def create(self, path: str, data: bytes) -> None:
            lease_of(self.inner, "try-2", clock).take()
            super().create(path, data)

    with pytest.raises(LeaseHeld):
        lease_of(Slow(local), "try-3", clock).take()

    assert kinds(local) == ["lease_taken", "lease_taken"]


def test_a_lease_is_kept_in_silence_for_a_third_of_it(local: LocalStore, clock: VirtualClock) -> None:
    """No record is written that nobody needs."""
    lease = lease_of(local, "try-1", clock)
    lease.take()
    clock.sleep(LEASE_SECONDS / 3)

    lease.keep()

    assert kinds(local) == ["lease_taken"]


def test_a_lease_is_renewed_after_a_third_of_it(local: LocalStore, clock: VirtualClock) -> None:
    """The renewal is an empty record, and moves the deadline on."""
    lease = lease_of(local, "try-1", clock)
    lease.take()
    clock.sleep(LEASE_SECONDS / 3 + 1)

    lease.keep()

    assert kinds(local) == ["lease_taken", "lease_renewed"]
    assert lease.deadline == clock.monotonic() + LEASE_SECONDS


def test_a_lease_is_renewed_where_too_little_of_it_is_left(local: LocalStore, clock: VirtualClock) -> None:
    """A request that needs 100 seconds gets them."""
    lease = lease_of(local, "try-1", clock)
    lease.take()
    clock.sleep(21)

    lease.keep(at_least=100)

    assert kinds(local) == ["lease_taken", "lease_renewed"]


def test_any_record_of_the_holder_moves_the_deadline(local: LocalStore, clock: VirtualClock) -> None:
    """An intent renews as well as a renewal does."""
    lease = lease_of(local, "try-1", clock)
    lease.take()
    clock.sleep(10)

    lease.append(intended(1, at=clock.now()))

    assert lease.deadline == 10 + LEASE_SECONDS


def test_the_deadline_counts_from_before_the_append_began(local: LocalStore, clock: VirtualClock) -> None:
    """The time that storage took is the holder's loss: others count from the time in the record."""

    class Slow(StoreProxy):
        def create(self, path: str, data: bytes) -> None:
            clock.sleep(50)
            super().create(path, data)

    lease = lease_of(Slow(local), "try-1", clock)

    lease.take()

    assert lease.deadline == LEASE_SECONDS


def test_the_deadline_counts_from_the_first_attempt_of_an_append(local: LocalStore, clock: VirtualClock) -> None:
    """A lost answer, found again later, is as old as its record."""
    lease = lease_of(CreateFails(local, times=1, after=True), "try-1", clock)

    lease.take()

    assert clock.monotonic() > 0
    assert lease.deadline == LEASE_SECONDS


def test_a_lease_that_was_never_taken_is_over(local: LocalStore, clock: VirtualClock) -> None:
    """No request fits into it."""
    assert lease_of(local, "try-1", clock).deadline == float("-inf")


@pytest.mark.parametrize(
    "act",
    [lambda lease: lease.append(intended(1)), Lease.keep, Lease.give_back],
    ids=["append", "keep", "give_back"],
)
def test_who_lost_the_lease_writes_nothing_more(
    local: LocalStore, clock: VirtualClock, act: Callable[[Lease], object]
) -> None:
    """He is told so, whatever he wanted to write, and that nothing needs to be done."""
    late = lease_of(local, "try-1", clock)
    late.take()
    clock.sleep(TAKEOVER_SECONDS)
    lease_of(local, "try-2", clock).take()

    with pytest.raises(LeaseLost, match=r"took over.*Nothing needs to be done"):
        act(late)

    assert kinds(local) == ["lease_taken", "lease_taken"]


def test_a_lost_lease_is_not_regained_when_the_other_gives_it_back(local: LocalStore, clock: VirtualClock) -> None:
    """What the other sent is not known here, so this try stops for good."""
    late = lease_of(local, "try-1", clock)
    late.take()
    clock.sleep(TAKEOVER_SECONDS)
    other = lease_of(local, "try-2", clock)
    other.take()
    other.give_back()

    with pytest.raises(LeaseLost):
        late.append(intended(1))


def test_a_late_holder_whom_nobody_followed_goes_on(local: LocalStore, clock: VirtualClock) -> None:
    """Late is not lost: his next record renews."""
    late = lease_of(local, "try-1", clock)
    late.take()
    clock.sleep(10 * TAKEOVER_SECONDS)

    late.keep()

    assert late.deadline == clock.monotonic() + LEASE_SECONDS


def test_a_snapshot_begun_by_another_run_does_not_take_the_lease(local: LocalStore, clock: VirtualClock) -> None:
    """The holder goes on behind it."""
    lease = lease_of(local, "try-1", clock)
    lease.take()
    TargetLog(local, FOLDER, clock).append(begun("try-2"), allowed=lambda _: None)

    assert lease.append(intended(1)) == 3


def test_records_bear_the_wall_clocks_time(local: LocalStore, clock: VirtualClock) -> None:
    """Another worker counts from it."""
    lease = lease_of(local, "try-1", clock)
    clock.sleep(5)
    lease.take()
    clock.sleep(50)
    lease.keep()
    clock.sleep(5)
    lease.give_back()

    records = [record for _, record in TargetLog(local, FOLDER, clock).records(1)]
    assert [type(record) for record in records] == [LeaseTaken, LeaseRenewed, LeaseGivenBack]
    assert [(record.at - VirtualClock().now()).total_seconds() for record in records] == [5, 55, 60]
