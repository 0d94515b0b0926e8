"""The demo's verdict: right where all is right, and a fault for whatever is not."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.demo.exports import NEWSLETTER_LAUNCH, TRIAL_USERS
from include.demo.runs import Chapter, Report
from include.demo.sandbox import Lead, LoggedCall, Value
from include.demo.truth import Cohort
from include.demo.verdict import judge_calls, judge_leads, judge_reports

FIELD = TRIAL_USERS.field
_START = datetime(2026, 1, 1, tzinfo=UTC)


def report(**numbers: int) -> Report:
    """Return a report whose other numbers are 0."""
    names = set(Report.model_fields) - {"started_at", "finished_at"}
    times = {"started_at": _START, "finished_at": _START + timedelta(seconds=2)}
    return Report.model_validate(dict.fromkeys(names, 0) | times | numbers)


def sync_call(*records: dict[str, Value]) -> LoggedCall:
    """Return a logged sync of leads."""
    body = json.dumps({"action": "createOrUpdate", "lookupField": "email", "input": records})
    return LoggedCall(1, "POST", "/rest/v1/leads.json", {}, body, 1)


CHAPTER = Chapter(
    TRIAL_USERS,
    before=frozenset({"left@x.org"}),
    cohort=Cohort(
        profiles=6,
        without_email=1,
        invalid_email=2,
        duplicate_email=1,
        members=frozenset({"known@x.org", "new@x.org"}),
    ),
    known=frozenset({"left@x.org", "known@x.org", "other@x.org"}),
    calls=[
        sync_call({"id": 1, FIELD: False}),
        sync_call({"email": "known@x.org", FIELD: True}, {"email": "new@x.org", FIELD: True}),
    ],
    reports=[
        report(
            profiles=6,
            without_email=1,
            invalid_email=2,
            duplicate_email=1,
            members=2,
            entered=2,
            exited=1,
            set_true=2,
            set_false=1,
            created=1,
            api_calls=2,
        )
    ],
)
BEFORE = [
    Lead(1, "left@x.org", {FIELD: True}),
    Lead(2, "Known@x.org", {FIELD: False}),
    Lead(3, "other@x.org", {}),
]
AFTER = [
    Lead(1, "left@x.org", {FIELD: False}),
    Lead(2, "Known@x.org", {FIELD: True}),
    Lead(3, "other@x.org", {}),
    Lead(4, "new@x.org", {FIELD: True}),
]


def test_what_is_right_has_no_fault() -> None:
    """Numbers, leads and calls that agree with the cohort are right."""
    assert judge_reports([CHAPTER]) == []
    assert judge_leads([CHAPTER], BEFORE, AFTER) == []
    assert judge_calls([CHAPTER]) == []


@pytest.mark.parametrize(
    "name",
    [
        "profiles", "without_email", "invalid_email", "duplicate_email", "members", "entered", "exited",
        "set_true", "set_false", "created", "refused", "left_over",
    ],
)  # fmt: skip
def test_a_number_that_is_not_so_is_a_fault(name: str) -> None:
    """Every number of the table is compared."""
    told = CHAPTER.reports[0]
    wrong = told.model_copy(update={name: getattr(told, name) + 1})

    faults = judge_reports([replace(CHAPTER, reports=[wrong])])

    assert len(faults) == 1


def test_two_runs_may_share_the_work() -> None:
    """A run of the schedule may come first; what counts is the sum."""
    nothing = report(profiles=6, without_email=1, invalid_email=2, duplicate_email=1, members=2)

    assert judge_reports([replace(CHAPTER, reports=[CHAPTER.reports[0], nothing])]) == []


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        ([Lead(1, "left@x.org", {FIELD: True}), *AFTER[1:]], "1 leads hold True in"),
        ([Lead(1, "left@x.org", {FIELD: None}), *AFTER[1:]], "1 leads hold None in"),
        ([*AFTER[:1], Lead(2, "Known@x.org", {FIELD: False}), *AFTER[2:]], "1 leads hold False in"),
        ([*AFTER[:2], Lead(3, "other@x.org", {FIELD: False}), *AFTER[3:]], "1 leads hold False in"),
        ([*AFTER, Lead(5, "stranger@x.org", {})], "1 new leads are of nobody"),
        ([*AFTER, Lead(5, "NEW@x.org", {FIELD: True})], "1 addresses got more than one new lead"),
        (AFTER[:3], "1 members have no lead"),
        ([*AFTER[:2], *AFTER[3:]], "1 leads are gone"),
        ([*AFTER[:3], Lead(4, "new@x.org", {FIELD: True, "lastName": "X"})], "1 leads have a value in a field"),
    ],
)
def test_a_lead_that_is_not_so_is_a_fault(after: Sequence[Lead], fault: str) -> None:
    """Nobody holds the flag who should not, nobody lacks it who should, nobody is made or changed besides."""
    faults = judge_leads([CHAPTER], BEFORE, after)

    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_who_left_a_one_time_export_keeps_the_flag() -> None:
    """A one-time export never sets False."""
    field = NEWSLETTER_LAUNCH.field
    chapter = replace(CHAPTER, export=NEWSLETTER_LAUNCH, before=frozenset())
    after = [Lead(2, "Known@x.org", {field: True}), Lead(4, "new@x.org", {field: True})]

    assert judge_leads([chapter], [Lead(2, "Known@x.org", {})], after) == []


@pytest.mark.parametrize(
    "call",
    [
        sync_call({"email": "known@x.org", FIELD: True, "lastName": "X"}),
        sync_call({"email": "known@x.org", "id": 2, FIELD: True}),
        sync_call({"email": "known@x.org"}),
        LoggedCall(1, "POST", "/rest/v1/leads/schema/fields.json", {}, "{}", 1),
        LoggedCall(1, "GET", "/rest/v1/leads.json", {"access_token": "t"}, "", 1),
    ],
)
def test_a_call_that_sends_something_else_is_a_fault(call: LoggedCall) -> None:
    """Keys other than the address or the id and the field, other writes, and secrets in URLs are faults."""
    faults = judge_calls([replace(CHAPTER, calls=[call, sync_call({"id": 1, FIELD: False})])])

    assert len(faults) == 1


def test_false_for_a_one_time_export_is_a_fault() -> None:
    """A one-time export writes True only."""
    chapter = replace(
        CHAPTER,
        export=NEWSLETTER_LAUNCH,
        calls=[sync_call({"id": 1, NEWSLETTER_LAUNCH.field: False}), sync_call()],
    )

    assert len(judge_calls([chapter])) == 1


@pytest.mark.parametrize("reported", [1, 3])
def test_calls_that_were_not_made_or_not_told_are_a_fault(reported: int) -> None:
    """The reported API calls lie between those about leads and all that Marketo got."""
    told = CHAPTER.reports[0].model_copy(update={"api_calls": reported})

    assert len(judge_calls([replace(CHAPTER, reports=[told])])) == 1
