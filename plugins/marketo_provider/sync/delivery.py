"""Sending a change set by sync leads: the loop that keeps requests in flight, and what each answer leads to.

One address is never in two requests in flight, nor sent again before Marketo can no longer act on a request
that gave no answer. Every request begins and ends inside the lease.
"""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait

from marketo_provider.errors import (
    FieldUnusable,
    MarketoProviderError,
    NoAnswer,
    QuotaExhausted,
    RequestRefused,
    VendorUnavailable,
)
from marketo_provider.marketo.client import Lead, LeadResult, LeadResults
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import Flag
from marketo_provider.sync.batch_call import Answer, make_call
from marketo_provider.sync.batches import Batch, Batches, Halving
from marketo_provider.sync.budget import Budget
from marketo_provider.sync.changes import Change, ChangeColumns
from marketo_provider.sync.course import SEVERAL_MATCH, Course, written_rows
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.progress import Progress
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run

_FIELD_NOT_FOUND = "1006"
# Refusals of a request for which no single record can be the cause.
_MISCONFIGURED = frozenset({"605", "610", "612", "616", "703", "1011"})
_SYSTEM_ERROR = "611"
_SYSTEM_ERROR_TRIES = 3
_ALIKE_TRIES = 3
# So many requests refused one after the other, none carried out: then it is not the records.
_MOST_REFUSALS = 200
_PAUSE_SECONDS = 15.0
_PATIENCE_SECONDS = 900.0
_LOOK_SECONDS = 1.0


class Delivery:
    """Sends changes under a lease, and counts into a report.

    Args:
        run: the run.
        lease: held, and renewed here.
        journal: takes the answers.
        report: counts them.
        budget: the calls left.
        total: how many changes there are in all.
    """

    def __init__(  # noqa: PLR0913 - what it works with; each is made by the export
        self, run: Run, lease: Lease, journal: Journal, report: Report, budget: Budget, *, total: int
    ) -> None:
        self._progress = Progress(f"{run.label}: sending changes", total, run.clock)
        self.out_of_calls = False
        self._run = run
        self._lease = lease
        self._journal = journal
        self._report = report
        self._budget = budget
        self._batches = Batches(iter(()))
        self._delayed: list[tuple[float, Batch]] = []
        self._refusals = 0
        self._last_answer = run.clock.monotonic()
        self._lands_until = float("-inf")

    @property
    def may_land(self) -> bool:
        """Whether a request that gave no answer may still take effect."""
        return self._run.clock.monotonic() < self._lands_until

    def send(self, changes: Iterator[Change | ChangeColumns], *, exits: bool) -> None:
        """Send changes until all are answered or the calls are spent.

        Raises:
            VendorUnavailable: Marketo did not answer for a quarter of an hour.
            FieldUnusable: the field is gone.
            AccessDenied, RequestRefused, LeaseLost: as they are named.
        """
        self._batches = Batches(changes)
        in_flight: dict[Future[Answer], Batch] = {}
        pool = self._run.pool(self._run.limits.concurrent_calls)
        try:
            self._drive(pool, in_flight, exits=exits)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._drain(in_flight)
        self._put_back()

    def _drain(self, in_flight: dict[Future[Answer], Batch]) -> None:
        """Take the answers that came while an error was on its way up."""
        for future, batch in in_flight.items():
            if not future.cancelled():
                with contextlib.suppress(MarketoProviderError):
                    self._take(future, batch)

    def _drive(self, pool: Executor, in_flight: dict[Future[Answer], Batch], *, exits: bool) -> None:
        while True:
            while len(in_flight) < self._run.limits.concurrent_calls and not self.out_of_calls:
                batch = self._next(idle=not in_flight)
                if batch is None:
                    break
                if not self._budget.allows(exits=exits):
                    self._delayed.append((0.0, batch))
                    self.out_of_calls = True
                    break
                self._lease.keep(at_least=self._run.settings.lease_seconds / 2)
                in_flight[pool.submit(make_call, self._run, batch, self._lease.deadline)] = batch
            if in_flight:
                done, _ = wait(in_flight, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future, in_flight.pop(future))
            elif self._delayed and not self.out_of_calls:
                self._run.clock.sleep(_LOOK_SECONDS)
            else:
                return
            self._journal.keep()
            self._lease.keep()

    def _next(self, *, idle: bool) -> Batch | None:
        now = self._run.clock.monotonic()
        for entry in self._delayed:
            if entry[0] <= now:
                self._delayed.remove(entry)
                return entry[1]
        return self._batches.next(last=idle and not self._delayed)

    def _take(self, future: Future[Answer], batch: Batch) -> None:
        now = self._run.clock.monotonic()
        try:
            answer = future.result()
        except NoAnswer as error:
            self._no_answer(batch, error, now)
        except VendorUnavailable:
            self._delay(batch, now + _PAUSE_SECONDS)
        except QuotaExhausted:
            self._delayed.append((now, batch))
            self.out_of_calls = True
        except RequestRefused as error:
            self._refusals += 1
            if error.code == _FIELD_NOT_FOUND:
                raise self._field_gone() from None
            if error.code in _MISCONFIGURED or self._refusals > _MOST_REFUSALS:
                raise
            self._refused(batch, error.code or "unknown", now)
        else:
            self._last_answer = now
            self._refusals = 0
            if batch.halving:
                batch.halving.answer(batch, None)
                self._judge(batch.halving, now)
            self._carried_out(batch, answer)

    def _carried_out(self, batch: Batch, answer: Answer) -> None:
        if not isinstance(answer, LeadResults):
            self._found(batch, answer)
        elif batch.columns and (lead_ids := answer.written):
            self._written(batch.columns, answer, lead_ids)
        else:
            self._answered(batch, answer)

    def _written(self, changes: ChangeColumns, results: LeadResults, lead_ids: list[int]) -> None:
        """Take the answer that most requests get: all is written, and nothing is left to do."""
        created = results.statuses.count("created")
        self._report.created += created
        self._report.updated += len(changes) - created
        self._journal.add_columns(written_rows(changes, lead_ids))
        self._progress.add(len(changes))
        if changes.value:
            self._report.set_true += len(changes)
        else:
            self._report.set_false += len(changes)

    def _answered(self, batch: Batch, results: Sequence[LeadResult]) -> None:
        for item, result in zip(batch.items, results, strict=True):
            if result.code == _FIELD_NOT_FOUND:
                raise self._field_gone()
            if result.status == "created":
                self._report.created += 1
            elif result.status == "updated":
                self._report.updated += 1
            course = item.course
            course.answers.append(result)
            if not course.complete:
                continue
            if course.next_step():
                self._batches.add(course)
            else:
                self._end(course)

    def _field_gone(self) -> FieldUnusable:
        return FieldUnusable(
            f"{self._run.label}: Marketo does not know the field any more (1006). What was sent is kept; "
            "restore the field in Marketo, or export the cohort to a new one.",
            code=_FIELD_NOT_FOUND,
        )

    def _found(self, batch: Batch, leads: list[Lead]) -> None:
        by_address: dict[str, list[int]] = {}
        for lead in leads:
            if lead.email is not None:
                by_address.setdefault(lead.email.lower(), []).append(lead.lead_id)
        for item in batch.items:
            course = item.course
            found = tuple(sorted(by_address.get(course.change.row.address.lower(), ())))
            if course.found(found):
                self._batches.add(course)
            else:
                # The leads that matched are gone since: a refusal for an entry, no lead for an exit.
                if course.change.value:
                    course.answers.append(LeadResult("skipped", None, SEVERAL_MATCH))
                self._end(course)

    def _end(self, course: Course) -> None:
        row = course.outcome(self._run.clock.now())
        self._journal.add(row)
        self._progress.add(1)
        if row.code:
            self._report.refuse(row.code)
        elif row.flag is Flag.TRUE:
            self._report.set_true += 1
        elif row.flag is Flag.FALSE and course.written:
            self._report.set_false += 1
        else:
            self._report.not_in_marketo += 1

    def _no_answer(self, batch: Batch, error: NoAnswer, now: float) -> None:
        for item in batch.items:
            item.course.in_doubt = True
        batch.not_before = now + self._run.limits.replay_after_seconds
        self._lands_until = max(self._lands_until, batch.not_before)
        batch.system_errors += error.code == _SYSTEM_ERROR
        if batch.system_errors >= _SYSTEM_ERROR_TRIES:
            self._refused(batch, _SYSTEM_ERROR, now)
        else:
            self._delay(batch, now)

    def _refused(self, batch: Batch, code: str, now: float) -> None:
        """Narrow down which record a request was refused for."""
        if batch.halving is None:
            self._narrow(batch, code, now)
            return
        batch.halving.answer(batch, code)
        self._judge(batch.halving, now)

    def _judge(self, halving: Halving, now: float) -> None:
        if not halving.complete:
            return
        halving.whole.alike += 1
        if halving.failed_alike and halving.whole.alike <= _ALIKE_TRIES:
            self._delay(halving.whole, now + _PAUSE_SECONDS)
            return
        for half, code in halving.refused:
            half.halving = None
            self._narrow(half, code, now)

    def _narrow(self, batch: Batch, code: str, now: float) -> None:
        if len(batch.items) > 1:
            for half in batch.halves():
                self._delay(half, now)
        else:
            self._answered(batch, [LeadResult("skipped", None, code)])

    def _delay(self, batch: Batch, until: float) -> None:
        if self._run.clock.monotonic() - self._last_answer > _PATIENCE_SECONDS:
            raise VendorUnavailable(
                f"{self._run.label}: Marketo has carried out no request for {_PATIENCE_SECONDS / 60:.0f} minutes. "
                "What is not acknowledged will be sent again by the next try."
            )
        self._delayed.append((max(until, batch.not_before), batch))

    def _put_back(self) -> None:
        """Give what was not sent its ledger row back; what was sent, in part or in doubt, stays unknown."""
        held_back = [batch for _, batch in self._delayed]
        # A half that was refused waits for its twin, which is among these.
        held_back += [half for batch in held_back if batch.halving for half, _ in batch.halving.refused]
        self._delayed = []
        courses = {id(item.course): item.course for batch in held_back for item in batch.items}
        for course in courses.values():
            self._put_course_back(course)
        for unsent in self._batches.unsent():
            if isinstance(unsent, ChangeColumns):
                self._report.left_over += len(unsent)
                self._journal.add_columns(unsent.before)
                self._journal.keep()
            elif id(unsent) not in courses:
                self._put_course_back(unsent)

    def _put_course_back(self, course: Course) -> None:
        self._report.left_over += 1
        if course.untouched:
            self._journal.add(course.change.row)
            self._journal.keep()
