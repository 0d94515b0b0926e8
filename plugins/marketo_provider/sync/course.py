"""The course of one change: which requests it takes, and what Marketo holds once they are answered.

    exit:   by_email --1007 (several leads)--> look_up -> by_id (all of them)
            then trace (every lead known that this has not reached) -> by_id (those whose address no member has)
    entry:  by_email --1007 (several leads)--> look_up -> by_id (all of them)
                     --1010 (in another partition than a new lead's)--> by_email, update only

An exit goes by address first: what holds True may be a lead that nobody was told of, and a lead that was his may
have a member's address by now.

Pure: a course is told answers and says what is next. Rules 5, 6 and 14 of the sync.
Vendor page: help/rest-api/error-codes.md (AdobeDocs/marketo-developer.en).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

import pyarrow as pa

from marketo_provider.marketo.client import LeadResult
from marketo_provider.state.ledger import SCHEMA, Flag, LedgerRow
from marketo_provider.sync.changes import Change, ChangeColumns

NOT_FOUND = "1004"
SEVERAL_MATCH = "1007"
_OTHER_PARTITION = "1010"
_NO_REASON = "unknown"
_LONGEST_WAIT_DAYS = 30


class Step(StrEnum):
    """The kinds of request."""

    BY_EMAIL = "by_email"
    LOOK_UP = "look_up"
    TRACE = "trace"
    BY_ID = "by_id"

    @property
    def names_leads(self) -> bool:
        """Whether it has a record for each lead, by its id."""
        return self in {Step.TRACE, Step.BY_ID}


@dataclass(slots=True)
class Course:
    """One change under way.

    `step` is what it waits for, `lead_ids` the leads that it names, `create` whether `by_email` may create.
    `answers` are those of the step, `kept` what earlier steps have done. `in_doubt`: a request of it gave no
    answer. `traced`: the leads known that the address does not lead to any more.
    """

    change: Change
    step: Step
    create: bool
    lead_ids: tuple[int, ...] = ()
    looked_up: bool = False
    traced: tuple[int, ...] = ()
    answers: list[LeadResult] = field(default_factory=list)
    kept: list[LeadResult] = field(default_factory=list)
    in_doubt: bool = False

    @classmethod
    def begin(cls, change: Change) -> "Course":
        """Return a change's course at its start."""
        return cls(change, Step.BY_EMAIL, change.create)

    @property
    def written(self) -> set[int]:
        """The leads that hold the value by what Marketo answered."""
        answers = (*self.kept, *self.answers)
        return {answer.lead_id for answer in answers if answer.status != "skipped" and answer.lead_id is not None}

    @property
    def untouched(self) -> bool:
        """Whether no lead can have been changed for it."""
        return not (self.in_doubt or self.written)

    @property
    def complete(self) -> bool:
        """Whether all records of the step are answered."""
        return len(self.answers) == (len(self.lead_ids) if self.step.names_leads else 1)

    def next_step(self) -> bool:
        """Move on after an answered step; return whether there is another one to take."""
        codes = {answer.code for answer in self.answers}
        if self.step is Step.BY_EMAIL and SEVERAL_MATCH in codes and not self.looked_up:
            self.step = Step.LOOK_UP
        elif self.step is Step.BY_EMAIL and _OTHER_PARTITION in codes and self.create:
            self.create = False
        elif self.step is Step.TRACE and (found := self._still_his):
            self._keep_answers()
            self.step, self.lead_ids = Step.BY_ID, found
        elif not self.change.value and not self.traced and (missed := self._missed):
            self._keep_answers()
            self.step, self.lead_ids = Step.TRACE, missed
            self.traced = missed
        else:
            return False
        self.answers = []
        return True

    def _keep_answers(self) -> None:
        self.kept += [answer for answer in self.answers if answer.code != NOT_FOUND]

    @property
    def _missed(self) -> tuple[int, ...]:
        """The leads known for the address that no request has named or reached."""
        named = self.lead_ids if self.step is Step.BY_ID else ()
        return tuple(sorted({*self.change.reach}.difference(self.written, named)))

    @property
    def _still_his(self) -> tuple[int, ...]:
        """The leads that a trace found, and at no member's address."""
        return tuple(
            answer.lead_id for answer in self.answers if answer.code == NOT_FOUND and answer.lead_id is not None
        )

    def found(self, lead_ids: tuple[int, ...]) -> bool:
        """Take the leads that a look-up found; return whether there is another step to take."""
        self.looked_up = True
        if not lead_ids:
            return self.next_step()
        self.lead_ids = lead_ids
        self.step = Step.BY_ID
        self.answers = []
        return True

    def outcome(self, now: datetime) -> LedgerRow:
        """Return the ledger's row once there is no further step."""
        before, entry = self.change.row, self.change.value
        refusals = sorted(
            answer.code or _NO_REASON
            for answer in (*self.kept, *self.answers)
            if answer.status == "skipped" and answer.code != NOT_FOUND
        )
        known = {*before.lead_ids} if entry else {*self.change.reach}
        if not refusals:
            # An exit forgets the leads that are gone, or have passed on to a member.
            known.difference_update(self.traced)
        named = self.lead_ids if self.step is Step.BY_ID else ()
        lead_ids = tuple(sorted({*known, *named, *self.written}))
        settled = replace(before, code=None, lead_ids=lead_ids, tries=0, next_try=None)
        if refusals:
            return self._refused(replace(settled, code=refusals[0]), now)
        if not entry:
            return replace(settled, flag=Flag.FALSE, was_true=False, may_hold=False)
        if self.written:
            return replace(settled, flag=Flag.TRUE, was_true=True, may_hold=True)
        held = before.may_hold and bool(before.lead_ids)
        return self._later(replace(settled, flag=Flag.ABSENT, may_hold=held), now)

    def _refused(self, row: LedgerRow, now: datetime) -> LedgerRow:
        before = self.change.row
        if self.change.value:
            held = not self.untouched or before.may_hold
            return self._later(replace(row, flag=Flag.UNKNOWN if held else Flag.REFUSED, may_hold=held), now)
        if before.may_hold:
            return self._later(replace(row, flag=Flag.REFUSED), now)
        return replace(row, flag=Flag.FALSE)

    def _later(self, row: LedgerRow, now: datetime) -> LedgerRow:
        """Set the next try after 1, 2, 4 ... 30 days, by how often it has failed in a row, one way."""
        before = self.change.row
        exit_refused = before.flag is Flag.REFUSED and before.may_hold
        tries = before.tries if exit_refused is not self.change.value else 0
        days = min(2**tries, _LONGEST_WAIT_DAYS)
        was_true = before.was_true or before.flag is Flag.TRUE or (self.change.value and bool(self.written))
        return replace(row, was_true=was_true, tries=tries + 1, next_try=now + timedelta(days=days))


def written_rows(changes: ChangeColumns, lead_ids: list[int]) -> pa.RecordBatch:
    """Return what `Course.outcome` would of each of the changes, where its first request has written one lead."""
    rows = changes.rows
    columns: dict[str, Any] = {name: rows[name] for name in ("key_high", "key_low", "address")}
    columns |= _alike(changes.value, len(changes))
    columns["lead_ids"] = _with_written(changes, lead_ids)
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def _with_written(changes: ChangeColumns, lead_ids: list[int]) -> Any:
    """Return the leads known for each address, with the one that was written, as a column."""
    known: Any = changes.rows["lead_ids"]
    if not changes.value or known.offsets[0] == known.offsets[len(known)]:
        # Of an exit it was the only one to be reached; or none was known.
        return pa.ListArray.from_arrays(_one_each(len(lead_ids)), pa.array(lead_ids, pa.int64()))
    both = [sorted({*ids, lead_id}) for ids, lead_id in zip(known.to_pylist(), lead_ids, strict=True)]
    return pa.array(both, pa.list_(pa.int64()))


@cache
def _alike(value: bool, count: int) -> dict[str, Any]:  # noqa: FBT001 - a key of the cache
    """Return the columns that are the same of all addresses set to a value."""
    cells: dict[str, object] = {
        "flag": (Flag.TRUE if value else Flag.FALSE).value,
        "was_true": value,
        "may_hold": value,
        "code": None,
        "tries": 0,
        "next_try": None,
    }
    return {name: pa.array([cell] * count, SCHEMA.field(name).type) for name, cell in cells.items()}


@cache
def _one_each(count: int) -> Any:
    """Return the offsets of so many lists of one."""
    return pa.array(range(count + 1), pa.int32())
