"""Courses in requests: as few as can be, one kind each, and what becomes of one that is refused as a whole."""

from collections import Counter
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from marketo_provider.state.ledger import Flag, Key, LedgerRow
from marketo_provider.sync.batches import MOST_RECORDS, Batch, Batches, Halving
from marketo_provider.sync.changes import Change, ChangeColumns
from marketo_provider.sync.course import Course, Step
from tests.sync.columns import as_columns

_numbers = count()


def change(*reach: int, value: bool = True, create: bool = True) -> Change:
    """Return a change of an address of its own."""
    number = next(_numbers)
    row = LedgerRow(Key(0, number), f"user{number}@example.com", Flag.FALSE if value else Flag.TRUE)
    return Change(row=row, value=value, create=create, reach=reach)


def drain(batches: Batches) -> list[Batch]:
    """Return all requests, each answered before the next."""
    return list(iter(lambda: batches.next(last=True), None))


@given(sizes=st.tuples(*[st.integers(0, 700)] * 2))
def test_each_kind_takes_as_few_requests_as_can_be(sizes: tuple[int, int]) -> None:
    """ceil(n / 300) of those that may create, and of those that may not; no record is lost or doubled."""
    created, updated = sizes
    changes = [change(create=True) for _ in range(created)] + [change(create=False) for _ in range(updated)]

    taken = drain(Batches(iter(changes)))

    assert Counter(batch.create for batch in taken) == Counter(
        {True: -(-created // MOST_RECORDS), False: -(-updated // MOST_RECORDS)}
    )
    records = [item.course.change for batch in taken for item in batch.items]
    assert Counter(map(id, records)) == Counter(map(id, changes))
    assert all(item.course.create is batch.create for batch in taken for item in batch.items)


def test_a_request_that_is_not_full_waits_for_what_may_still_come() -> None:
    """What is under way may add to it."""
    batches = Batches(iter([change()]))

    assert batches.next(last=False) is None

    batch = batches.next(last=True)
    assert batch is not None
    assert len(batch.items) == 1


def test_a_full_request_does_not_wait() -> None:
    """There is nothing to gain."""
    batches = Batches(change() for _ in range(MOST_RECORDS + 1))

    batch = batches.next(last=False)

    assert batch is not None
    assert len(batch.items) == MOST_RECORDS
    assert batches.next(last=False) is None


def traces(*lead_ids: tuple[int, ...]) -> Batches:
    """Return courses that wait for a trace of their leads."""
    batches = Batches(iter(()))
    for reach in lead_ids:
        course = Course.begin(change(*reach, value=False, create=False))
        course.step, course.lead_ids = Step.TRACE, reach
        batches.add(course)
    return batches


def test_a_step_that_names_leads_takes_a_record_for_each() -> None:
    """By id."""
    (batch,) = drain(traces((7, 8)))

    assert [(batch.step, item.lead_id) for item in batch.items] == [(Step.TRACE, 7), (Step.TRACE, 8)]


def test_no_lead_is_twice_in_a_request() -> None:
    """Two who left may know the same lead."""
    taken = drain(traces((7,), (7,)))

    assert [[item.lead_id for item in batch.items] for batch in taken] == [[7], [7]]


def test_what_no_request_was_made_of_is_unsent_once_each() -> None:
    """Queued, with a record for each of its leads, or not yet looked at."""
    queued, *changes = [change(7, 8, value=False, create=False), change(), change()]
    batches = Batches(iter(changes))
    batches.add(Course.begin(queued))

    unsent = [left.change for left in batches.unsent() if isinstance(left, Course)]

    assert unsent == [queued, *changes]


def columns(count: int) -> ChangeColumns:
    """Return so many changes as columns."""
    return as_columns([change() for _ in range(count)])


@given(sizes=st.lists(st.integers(1, 700), max_size=4), singles=st.integers(0, 400))
def test_columns_take_as_few_requests_as_can_be(sizes: list[int], singles: int) -> None:
    """However they come, and whatever comes one by one beside them; no record is lost or doubled."""
    chunks = [columns(size) for size in sizes]
    batches = Batches(iter([*chunks, *(change() for _ in range(singles))]))

    taken = drain(batches)

    assert len(taken) == -(-(sum(sizes) + singles) // MOST_RECORDS)
    addresses = [item.course.change.row.address for batch in taken for item in batch.items]
    assert len(addresses) == len(set(addresses)) == sum(sizes) + singles


def test_a_request_of_columns_makes_no_objects() -> None:
    """Until somebody asks for its items."""
    batch = Batches(iter([columns(MOST_RECORDS)])).next(last=False)

    assert batch is not None
    assert batch.columns is not None
    assert len(batch.items) == MOST_RECORDS
    assert batch.columns is None


def test_columns_that_do_not_fill_a_request_wait() -> None:
    """As single changes do."""
    batches = Batches(iter([columns(MOST_RECORDS - 1)]))

    assert batches.next(last=False) is None
    batch = batches.next(last=True)
    assert batch is not None
    assert len(batch.items) == MOST_RECORDS - 1


def test_columns_that_no_request_was_made_of_are_unsent() -> None:
    """What was looked at, and what was not."""
    batches = Batches(iter([columns(MOST_RECORDS + 1), columns(5)]))
    batches.next(last=False)

    unsent = list(batches.unsent())

    assert [len(left) for left in unsent if isinstance(left, ChangeColumns)] == [1, 5]


@given(size=st.integers(2, MOST_RECORDS))
def test_halves_make_the_whole(size: int) -> None:
    """In two requests that both hold something, and wait as long as the whole has to."""
    (whole,) = drain(Batches(change() for _ in range(size)))
    whole.not_before = 90.0

    first, second = whole.halves()

    assert [*first.items, *second.items] == whole.items
    assert first.items
    assert second.items
    assert (first.not_before, second.not_before) == (90.0, 90.0)
    assert first.halving is second.halving is not None


def halving(size: int) -> tuple[Halving, Batch, Batch]:
    """Return a request's halving, and its halves."""
    (whole,) = drain(Batches(change() for _ in range(size)))
    first, second = whole.halves()
    assert first.halving is not None
    return first.halving, first, second


def test_halves_that_fail_alike_fail_alike() -> None:
    """Then it is not one record's fault."""
    both, first, second = halving(4)

    both.answer(first, "609")
    both.answer(second, "609")

    assert both.complete
    assert both.failed_alike


def test_one_half_alone_does_not_fail_alike() -> None:
    """The other one was carried out."""
    both, first, second = halving(4)

    both.answer(first, "609")
    assert not both.complete
    both.answer(second, None)

    assert both.complete
    assert not both.failed_alike
    assert both.refused == [(first, "609")]


def test_different_codes_are_not_alike() -> None:
    """Each half has a fault of its own."""
    both, first, second = halving(4)

    both.answer(first, "609")
    both.answer(second, "413")

    assert not both.failed_alike


def test_two_single_records_do_not_fail_alike() -> None:
    """There is nothing left to narrow down."""
    both, first, second = halving(2)

    both.answer(first, "609")
    both.answer(second, "609")

    assert not both.failed_alike


def test_the_whole_waits_as_long_as_a_half_in_doubt() -> None:
    """Where it is sent again, so are the half's addresses."""
    both, first, _ = halving(4)
    first.not_before = 270.0

    both.answer(first, "611")

    assert both.whole.not_before == 270.0
