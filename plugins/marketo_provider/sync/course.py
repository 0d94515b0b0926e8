"""The course of one change: which requests it takes, and what Marketo holds once they are answered.

    exit:   by_id (every lead known) --1004--> by_email --1007--> look_up -> by_id
    entry:  by_email --1007 (several leads)--> look_up -> by_id (all of them)

Pure: a course is told answers and says what is next. Rules 5, 6 and 14 of the sync.
Vendor page: help/rest-api/error-codes.md (AdobeDocs/marketo-developer.en).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from marketo_provider.marketo.client import LeadResult
from marketo_provider.state.ledger import Flag, LedgerRow
from marketo_provider.sync.changes import Change

NOT_FOUND = "1004"
SEVERAL_MATCH = "1007"
_LONGEST_WAIT_DAYS = 30


class Step(StrEnum):
    """The kinds of request."""

    BY_ID = "by_id"
    BY_EMAIL = "by_email"
    LOOK_UP = "look_up"


@dataclass(slots=True)
class Course:
    """One change under way. `step` is what it waits for, `lead_ids` whom `by_id` goes to."""

    change: Change
    step: Step
    lead_ids: tuple[int, ...] = ()
    looked_up: bool = False
    answers: list[LeadResult] = field(default_factory=list)
    in_doubt: bool = False

    @classmethod
    def begin(cls, change: Change) -> "Course":
        """Return a change's course at its start."""
        if change.reach:
            return cls(change, Step.BY_ID, change.reach)
        return cls(change, Step.BY_EMAIL)

    @property
    def untouched(self) -> bool:
        """Whether no request that could have changed a lead was made for it."""
        return not (self.in_doubt or self.looked_up or self.answers)

    @property
    def complete(self) -> bool:
        """Whether all records of the step are answered."""
        return len(self.answers) == (len(self.lead_ids) if self.step is Step.BY_ID else 1)

    def next_step(self) -> bool:
        """Move on after an answered sync-leads step; return whether there is another step to take."""
        codes = {answer.code for answer in self.answers if answer.code}
        if self.step is Step.BY_EMAIL and SEVERAL_MATCH in codes and not self.looked_up:
            self.step = Step.LOOK_UP
        elif self.step is Step.BY_ID and codes == {NOT_FOUND} and not self.change.value and not self.looked_up:
            self.step = Step.BY_EMAIL
        else:
            return False
        self.answers = []
        return True

    def found(self, lead_ids: tuple[int, ...]) -> bool:
        """Take the leads that a look-up found; return whether there is one to write to."""
        self.looked_up = True
        self.lead_ids = lead_ids
        self.step = Step.BY_ID
        self.answers = []
        return bool(lead_ids)

    def outcome(self, now: datetime) -> LedgerRow:
        """Return the ledger's row once there is no further step."""
        before = self.change.row
        codes = sorted({answer.code for answer in self.answers if answer.code and answer.code != NOT_FOUND})
        written = {answer.lead_id for answer in self.answers if answer.lead_id is not None}
        lead_ids = tuple(sorted({*before.lead_ids, *self.lead_ids, *written}))
        settled = replace(before, code=None, lead_ids=lead_ids, tries=0, next_try=None)
        if codes:
            held = before.may_hold or (self.change.value and bool(written))
            return _later(replace(settled, flag=Flag.REFUSED, may_hold=held, code=codes[0]), before, now)
        if not self.change.value:
            return replace(settled, flag=Flag.FALSE, was_true=False, may_hold=False)
        if written:
            return replace(settled, flag=Flag.TRUE, was_true=True, may_hold=True)
        held = before.may_hold and bool(before.lead_ids)
        absent = replace(settled, flag=Flag.ABSENT, may_hold=held, was_true=_was_true(before))
        return _later(absent, before, now)


def _later(row: LedgerRow, before: LedgerRow, now: datetime) -> LedgerRow:
    """Set the next try after 1, 2, 4 ... 30 days, by how often it has failed in a row."""
    days = min(2**before.tries, _LONGEST_WAIT_DAYS)
    return replace(row, was_true=_was_true(before), tries=before.tries + 1, next_try=now + timedelta(days=days))


def _was_true(before: LedgerRow) -> bool:
    return before.was_true or before.flag is Flag.TRUE
