import json

import pytest

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import encode
from marketo_provider.state.store import LocalStore, Store
from marketo_provider.state.target import Target
from tests.state.support import FOLDER, CreateFails, StoreProxy, begun, intended, settled, taken
from tests.sync.world import VirtualClock

HEAD = f"{FOLDER}/head.json"


def open_log(store: Store, clock: VirtualClock | None = None) -> TargetLog:
    """Return the log of the tests' target."""
    return TargetLog(store, FOLDER, clock or VirtualClock())


def anything(_: Target) -> None:
    """Allow any append."""


def numbers(store: Store) -> list[str]:
    """Return the names of the records that there are."""
    return store.names(f"{FOLDER}/log")


def test_records_are_numbered_from_one(store: Store) -> None:
    """Each append creates the next number, and the next reader finds it."""
    log = open_log(store)

    assert [log.append(begun(), allowed=anything) for _ in range(3)] == [1, 2, 3]
    assert numbers(store) == ["00000001.json", "00000002.json", "00000003.json"]
    assert open_log(store).target == log.target


def test_who_comes_second_reads_the_first_and_decides_anew(store: Store) -> None:
    """Two logs that read the same state append different numbers, the second knowing the first."""
    first, second = open_log(store), open_log(store)
    seen: list[int] = []
    first.append(taken("try-1"), allowed=anything)

    number = second.append(begun("try-2"), allowed=lambda target: seen.append(target.number))

    assert number == 2
    assert seen == [0, 1]


def test_what_must_not_follow_is_not_appended(store: Store) -> None:
    """A record that was allowed to follow what was read may not be allowed to follow what came in between."""
    first, second = open_log(store), open_log(store)
    first.append(taken("try-1"), allowed=anything)

    def only_if_free(target: Target) -> None:
        if target.lease:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        second.append(taken("try-2"), allowed=only_if_free)

    assert numbers(store) == ["00000001.json"]


def test_a_harmless_record_in_between_is_passed(store: Store) -> None:
    """A snapshot that another run begins does not disturb the holder of the lease."""
    mine, others = open_log(store), open_log(store)
    mine.append(taken("try-1"), allowed=anything)
    others.append(begun("try-2"), allowed=anything)

    number = mine.append(intended(1), allowed=anything)

    assert number == 3
    assert mine.target.begun == {"run-1": 2}


def test_a_lost_answer_finds_its_own_record(local: LocalStore) -> None:
    """The record is there once, and its number is told."""
    log = open_log(CreateFails(local, times=1, after=True))

    number = log.append(taken(), allowed=anything)

    assert number == 1
    assert numbers(local) == ["00000001.json"]
    assert log.target.number == 1


def test_a_lost_answer_finds_its_own_record_behind_anothers(local: LocalStore) -> None:
    """What others appended in the meantime is read, and the own number told."""
    log = open_log(
        CreateFails(
            local, times=1, after=True, meanwhile=lambda: open_log(local).append(begun("try-2"), allowed=anything)
        )
    )

    number = log.append(taken("try-1"), allowed=anything)

    assert number == 1
    assert log.target.number == 2


def test_a_lost_answer_is_no_conflict_with_oneself(local: LocalStore) -> None:
    """Whoever took the lease, and did not hear of it, has it."""
    log = open_log(CreateFails(local, times=1, after=True))

    def only_if_free(target: Target) -> None:
        assert target.lease is None

    assert log.append(taken(), allowed=only_if_free) == 1


def test_a_create_that_failed_is_repeated_after_a_pause(local: LocalStore) -> None:
    """Storage that hiccups costs seconds."""
    clock = VirtualClock()
    log = open_log(CreateFails(local, times=4, after=False), clock)

    number = log.append(taken(), allowed=anything)

    assert number == 1
    assert clock.monotonic() == 1 + 2 + 3 + 4


def test_storage_that_stays_broken_is_told(local: LocalStore) -> None:
    """After five failures the error goes up."""
    log = open_log(CreateFails(local, times=5, after=False))

    with pytest.raises(OSError):  # noqa: PT011 - it is the storage's own
        log.append(taken(), allowed=anything)

    assert numbers(local) == []


def filled(store: Store) -> TargetLog:
    """Return a log with settles at 3 and 6, and a record behind."""
    log = open_log(store)
    for record in (begun(), taken(), settled(1), begun(run_id="run-2"), taken("try-2"), settled(4), begun()):
        log.append(record, allowed=anything)
    return log


@pytest.mark.parametrize("hinted", [3, 6])
def test_a_hint_new_or_old_leads_to_the_same_state(store: Store, hinted: int) -> None:
    """An old hint costs time, not truth."""
    log = filled(store)
    log.hint(hinted)

    assert open_log(store).target == log.target


def test_a_reader_begins_at_the_hint(local: LocalStore) -> None:
    """No record before the last settle is read."""
    filled(local).hint(6)
    store = StoreProxy(local)

    open_log(store)

    assert store.read_paths == [HEAD, *(f"{FOLDER}/log/{number:08d}.json" for number in (6, 7, 8, 9))]


@pytest.mark.parametrize(
    "hint",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[6]",
        b"{}",
        b'{"checkpoint": null}',
        b'{"checkpoint": "six"}',
        b'{"checkpoint": -1}',
        b'{"checkpoint": 0}',
        b'{"checkpoint": 2}',
    ],
)
def test_a_damaged_hint_costs_time_only(local: LocalStore, hint: bytes) -> None:
    """A hint that is none, or that names no settle, is passed over: the log is read from its start."""
    log = filled(local)
    local.write(HEAD, hint)

    assert open_log(local).target == log.target


def test_a_log_without_a_hint_is_read_from_its_start(local: LocalStore) -> None:
    """A crash between settle and hint loses nothing."""
    log = filled(local)

    assert open_log(local).target == log.target


def test_a_hint_to_a_record_that_is_missing_stops(local: LocalStore) -> None:
    """A log that has lost records must not be taken for a new one."""
    filled(local).hint(99)

    with pytest.raises(StoreUnusable, match=r"00000099.json is missing.*Nothing was sent. Restore"):
        open_log(local)


def test_a_damaged_record_stops(local: LocalStore) -> None:
    """What it decided is not known, so nothing follows it."""
    filled(local)
    local.write(f"{FOLDER}/log/00000007.json", b"{")

    with pytest.raises(StoreUnusable, match=r"00000007.json is damaged"):
        open_log(local)


def test_a_newer_format_stops(local: LocalStore) -> None:
    """An older release does not write to a newer one's log."""
    local.create(f"{FOLDER}/log/00000001.json", json.dumps(json.loads(encode(taken())) | {"format": 2}).encode())

    with pytest.raises(StoreUnusable, match="format 2"):
        open_log(local)


def test_the_last_settle_of_a_snapshot_is_found(local: LocalStore) -> None:
    """A one-time export settles one snapshot several times; the last one counts."""
    log = open_log(local)
    last = settled(1)
    for record in (begun(), taken(), settled(1), taken("try-2"), last, begun()):
        log.append(record, allowed=anything)

    assert log.settled_snapshot(1) == last


def test_a_snapshot_that_is_not_settled_has_no_settle(local: LocalStore) -> None:
    """Neither an intent nor another snapshot's settle is one."""
    log = filled(local)
    log.append(intended(7), allowed=anything)

    assert log.settled_snapshot(7) is None


def test_a_snapshot_settled_before_the_last_hint_is_found(local: LocalStore) -> None:
    """A task that is repeated days later still gets its own report."""
    log = filled(local)
    log.hint(6)

    found = open_log(local).settled_snapshot(1)

    assert found is not None
    assert found.snapshot == 1


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_a_hole_is_not_taken_for_the_end(store: Store, lost: int) -> None:
    """Whoever went on from there would fork the log; the missing record is named."""
    log = open_log(store)
    for _ in range(6):
        log.append(begun(), allowed=anything)
    store.delete(f"{FOLDER}/log/{lost:08d}.json")

    with pytest.raises(StoreUnusable, match=rf"{FOLDER}/log/{lost:08d}.json is missing, though there are later"):
        open_log(store)


def test_a_hole_before_the_hint_is_met_by_who_reads_there(store: Store) -> None:
    """Whether a snapshot is settled is not told from half of the records."""
    log = open_log(store)
    for _ in range(3):
        log.append(begun(), allowed=anything)
    log.hint(log.append(settled(3), allowed=anything))
    store.delete(f"{FOLDER}/log/00000002.json")

    with pytest.raises(StoreUnusable, match=r"00000002\.json is missing"):
        open_log(store).settled_snapshot(1)


def test_records_that_come_while_a_log_is_opened_are_no_hole(local: LocalStore) -> None:
    """The end may move between two reads."""

    class Growing(StoreProxy):
        def read(self, path: str) -> bytes:
            try:
                return super().read(path)
            except FileNotFoundError:
                if path.endswith("00000002.json"):
                    for _ in range(2):
                        other.append(begun(), allowed=anything)
                raise

    other = open_log(local)
    other.append(begun(), allowed=anything)

    assert open_log(Growing(local)).target.number == 3
