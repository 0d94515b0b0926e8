"""Rules 5, 6 and 14 as one change sees them: which request is next, and what the ledger says at the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketo_provider.marketo.client import LeadResult
from marketo_provider.state.ledger import Flag, Key, LedgerRow, decode_row
from marketo_provider.sync.changes import Change
from marketo_provider.sync.course import Course, Step, written_rows
from tests.sync.columns import as_columns

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROW = LedgerRow(Key(1, 1), "ann@example.com", Flag.FALSE)
HELD = replace(ROW, flag=Flag.TRUE, was_true=True, may_hold=True, lead_ids=(7,))


def entry(row: LedgerRow = ROW, *, create: bool = True) -> Course:
    """Return the course of an entry."""
    return Course.begin(Change(row=row, value=True, create=create, reach=()))


def departure(row: LedgerRow = HELD, *reach: int) -> Course:
    """Return the course of an exit that goes to the leads `reach`."""
    return Course.begin(Change(row=row, value=False, create=False, reach=reach))


def written(lead_id: int) -> LeadResult:
    """Return the answer to a record that was written."""
    return LeadResult("updated", lead_id, None)


def traced(lead_id: int | None) -> LeadResult:
    """Return what a trace tells of a lead: that it is there, and nobody else's; or that it is not."""
    return LeadResult("skipped", lead_id, "1004")


def skipped(code: str | None) -> LeadResult:
    """Return the answer to a record that was not."""
    return LeadResult("skipped", None, code)


def test_an_entry_that_was_written_is_true() -> None:
    """The lead's id is kept."""
    course = entry()

    course.answers = [LeadResult("created", 7, None)]

    assert not course.next_step()
    row = course.outcome(NOW)
    assert (row.flag, row.was_true, row.may_hold, row.lead_ids) == (Flag.TRUE, True, True, (7,))


def test_an_exit_goes_by_address_first() -> None:
    """What holds True may be a lead whose id nobody told, and the lead that is known another's by now."""
    assert departure(HELD).step is Step.BY_EMAIL
    assert departure(HELD, 7, 8).step is Step.BY_EMAIL


def test_an_exit_that_has_written_the_lead_known_is_over() -> None:
    """Nothing more is asked."""
    course = departure(HELD, 7)

    course.answers = [written(7)]

    assert not course.next_step()
    row = course.outcome(NOW)
    assert (row.flag, row.was_true, row.may_hold, row.lead_ids) == (Flag.FALSE, False, False, (7,))


@pytest.mark.parametrize("answer", [written(9), skipped("1004"), skipped("1003")])
def test_an_exit_goes_to_a_known_lead_that_the_address_does_not_lead_to(answer: LeadResult) -> None:
    """It has another address by now; so it is asked for by its id."""
    course = departure(HELD, 7)
    course.answers = [answer]

    assert course.next_step()
    assert (course.step, course.lead_ids) == (Step.TRACE, (7,))
    course.answers = [traced(7)]
    assert course.next_step()
    assert (course.step, course.lead_ids) == (Step.BY_ID, (7,))
    course.answers = [written(7)]
    assert not course.next_step()

    assert course.written >= {7}
    row = course.outcome(NOW)
    assert 7 in row.lead_ids
    assert row.flag is (Flag.REFUSED if answer.code == "1003" else Flag.FALSE)


def test_a_lead_that_is_gone_or_a_members_is_left_alone_and_forgotten() -> None:
    """Of three that were known one is still his."""
    course = departure(HELD, 7, 8, 9)
    course.answers = [skipped("1004")]
    assert course.next_step()
    course.answers = [traced(None), traced(8)]
    assert not course.complete

    course.answers.append(traced(None))

    assert course.complete
    assert course.next_step()
    assert (course.step, course.lead_ids) == (Step.BY_ID, (8,))
    course.answers = [written(8)]
    assert not course.next_step()
    assert (course.outcome(NOW).flag, course.outcome(NOW).lead_ids) == (Flag.FALSE, (8,))


def test_a_trace_that_finds_nobody_ends_the_exit() -> None:
    """There is no such lead, and none is made."""
    course = departure(HELD, 7)
    course.answers = [skipped("1004")]
    course.next_step()

    course.answers = [traced(None)]

    assert not course.next_step()
    assert (course.outcome(NOW).flag, course.outcome(NOW).lead_ids) == (Flag.FALSE, ())
    assert not course.written


def test_a_trace_that_is_refused_forgets_nobody() -> None:
    """The next try asks again."""
    course = departure(HELD, 7, 8)
    course.answers = [skipped("1004")]
    course.next_step()

    course.answers = [skipped("1003"), traced(8)]
    assert course.next_step()
    course.answers = [written(8)]

    assert not course.next_step()
    row = course.outcome(NOW)
    assert (row.flag, row.code, row.may_hold, row.lead_ids) == (Flag.REFUSED, "1003", True, (7, 8))


@pytest.mark.parametrize("found", [(8, 9), ()])
def test_an_exit_to_duplicates_goes_to_all_leads_found_then_to_the_others_known(found: tuple[int, ...]) -> None:
    """The known one has another address by now; those that were found may be gone since."""
    course = departure(HELD, 7)
    course.answers = [skipped("1007")]
    assert course.next_step()
    assert course.step is Step.LOOK_UP

    assert course.found(found)

    if found:
        assert (course.step, course.lead_ids) == (Step.BY_ID, found)
        course.answers = [written(lead_id) for lead_id in found]
        assert course.next_step()
    assert (course.step, course.lead_ids) == (Step.TRACE, (7,))
    course.answers = [traced(7)]
    assert course.next_step()
    course.answers = [written(7)]
    assert not course.next_step()
    assert course.outcome(NOW).lead_ids == (7, *found)


def test_a_lead_that_refuses_is_not_asked_again() -> None:
    """It is known, and was found; it still holds True."""
    course = departure(HELD, 7, 8)
    course.answers = [skipped("1007")]
    course.next_step()
    course.found((7, 8))

    course.answers = [skipped("1003"), written(8)]

    assert not course.next_step()
    row = course.outcome(NOW)
    assert (row.flag, row.code, row.may_hold, row.lead_ids) == (Flag.REFUSED, "1003", True, (7, 8))


@pytest.mark.parametrize("course", [entry(), departure(HELD)])
def test_several_matches_are_looked_up_and_written_by_id(course: Course) -> None:
    """1007 writes none of them."""
    course.answers = [skipped("1007")]

    assert course.next_step()
    assert course.step is Step.LOOK_UP
    assert course.found((7, 8))
    assert (course.step, course.lead_ids) == (Step.BY_ID, (7, 8))


def test_an_entry_to_duplicates_keeps_all_their_ids() -> None:
    """So that the exit reaches them all."""
    course = entry()
    course.found((7, 8))

    course.answers = [written(7), written(8)]

    assert course.outcome(NOW).lead_ids == (7, 8)


def test_an_entry_refused_in_part_may_hold_true() -> None:
    """One of two duplicates was written: he is not `refused`, for his exit must not wait."""
    course = entry()
    course.found((7, 8))

    course.answers = [written(7), skipped("1008")]

    row = course.outcome(NOW)
    assert (row.flag, row.code, row.may_hold, row.lead_ids) == (Flag.UNKNOWN, "1008", True, (7, 8))
    assert row.was_true


def test_an_entry_in_doubt_that_is_refused_later_may_hold_true() -> None:
    """The request that gave no answer may have been carried out."""
    course = entry()
    course.in_doubt = True

    course.answers = [skipped("611")]

    assert (course.outcome(NOW).flag, course.outcome(NOW).may_hold) == (Flag.UNKNOWN, True)


def test_a_skipped_record_without_a_reason_is_refused() -> None:
    """What was not written is not taken for done."""
    course = departure(HELD, 7)

    course.answers = [skipped(None)]

    row = course.outcome(NOW)
    assert (row.flag, row.code, row.may_hold) == (Flag.REFUSED, "unknown", True)


def test_an_exit_refused_for_somebody_false_leaves_him_false() -> None:
    """As a full refresh may meet it: nothing has changed."""
    course = departure(replace(ROW, lead_ids=(7,)), 7)

    course.answers = [skipped("1003")]

    row = course.outcome(NOW)
    assert (row.flag, row.code, row.may_hold) == (Flag.FALSE, "1003", False)


def test_a_lead_in_another_partition_is_updated_there() -> None:
    """The partition is for new leads; 1010 says that this one is not new."""
    course = entry()

    course.answers = [skipped("1010")]

    assert course.next_step()
    assert (course.step, course.create) == (Step.BY_EMAIL, False)


def test_an_update_refused_for_its_partition_is_refused() -> None:
    """There is no third way."""
    course = entry(create=False)

    course.answers = [skipped("1010")]

    assert not course.next_step()
    assert course.outcome(NOW).flag is Flag.REFUSED


def test_a_member_whom_marketo_does_not_know_is_absent() -> None:
    """With the day of his next try."""
    course = entry(create=False)

    course.answers = [skipped("1004")]

    row = course.outcome(NOW)
    assert (row.flag, row.tries, row.next_try) == (Flag.ABSENT, 1, NOW + timedelta(days=1))


def test_a_deleted_member_is_remembered_as_having_been_true() -> None:
    """He is not created again while he stays in the cohort; his leads are reached when he leaves."""
    course = entry(HELD, create=False)

    course.answers = [skipped("1004")]

    row = course.outcome(NOW)
    assert (row.flag, row.was_true, row.may_hold, row.lead_ids) == (Flag.ABSENT, True, True, (7,))


@pytest.mark.parametrize(("tries", "days"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (40, 30)])
def test_refusals_wait_longer_and_longer(tries: int, days: int) -> None:
    """1, 2, 4 ... 30 days."""
    course = entry(replace(ROW, flag=Flag.REFUSED, code="1003", tries=tries))

    course.answers = [skipped("1003")]

    row = course.outcome(NOW)
    assert (row.tries, row.next_try) == (tries + 1, NOW + timedelta(days=days))


@pytest.mark.parametrize("value", [True, False])
def test_a_refusal_the_other_way_counts_from_one(value: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """An entry's refusals say nothing of the exit, nor the other way round."""
    entry_refused = replace(HELD, flag=Flag.UNKNOWN, code="1003", tries=4)
    exit_refused = replace(HELD, flag=Flag.REFUSED, code="1003", tries=4)
    course = entry(exit_refused) if value else departure(entry_refused)

    course.answers = [skipped("1003")]

    assert course.outcome(NOW).next_try == NOW + timedelta(days=1)


def test_an_exit_forgets_the_leads_that_passed_on() -> None:
    """Those are the member's now, and not reached for this one any more."""
    course = departure(replace(HELD, lead_ids=(7, 8)), 8)

    course.answers = [written(8)]

    assert course.outcome(NOW).lead_ids == (8,)


def test_only_what_cannot_have_changed_a_lead_is_untouched() -> None:
    """One lead of an exit was set False by id before its address is tried."""
    course = departure(HELD, 7, 8)
    course.answers = [skipped("1004"), written(8)]

    course.next_step()

    assert not course.untouched


ROWS = st.builds(
    LedgerRow,
    key=st.builds(Key, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    address=st.just("ann@example.com"),
    flag=st.sampled_from(Flag),
    was_true=st.booleans(),
    may_hold=st.booleans(),
    code=st.sampled_from([None, "1003"]),
    lead_ids=st.lists(st.integers(1, 9), max_size=3, unique=True).map(sorted).map(tuple),
    tries=st.integers(0, 5),
    next_try=st.sampled_from([None, NOW]),
)


@given(
    cases=st.lists(st.tuples(ROWS, st.integers(1, 9)), min_size=1, max_size=5),
    kind=st.sampled_from([(True, False), (False, False), (False, True)]),
)
def test_columns_that_were_written_end_as_their_courses_would(
    cases: list[tuple[LedgerRow, int]],
    kind: tuple[bool, bool],
) -> None:
    """One rule in two forms: row by row, and for all at once. Only exits have leads to reach."""
    value, known = kind
    changes = [Change(row, value, create=value, reach=(lead,) if known else ()) for row, lead in cases]
    answers = [lead for _, lead in cases]
    courses = [Course.begin(change) for change in changes]
    for course, answer in zip(courses, answers, strict=True):
        course.answers = [written(answer)]

    rows = written_rows(as_columns(changes), answers)

    assert [decode_row(row) for row in rows.to_pylist()] == [course.outcome(NOW) for course in courses]
