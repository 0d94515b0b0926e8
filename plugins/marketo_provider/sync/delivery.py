"""Sending a change set by sync leads: the loop that keeps requests in flight, and what each answer leads to.

One address is never in two requests in flight, nor sent again before Marketo can no longer act on a request
that gave no answer. Every request begins and ends inside the lease, and what may create leads inside the turn.
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
from marketo_provider.state.presence import Presence
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.batch_call import Answer, make_call
from marketo_provider.sync.batches import Batch, Halving
from marketo_provider.sync.budget import Budget
from marketo_provider.sync.changes import Change, ChangeColumns
from marketo_provider.sync.course import SEVERAL_MATCH, Step
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.looked_up import ids_by_address, traced
from marketo_provider.sync.outbox import Outbox
from marketo_provider.sync.outcomes import Outcomes
from marketo_provider.sync.progress import Progress
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Work
from marketo_provider.sync.turn import CreateTurn

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
        presence: on the instance; renewed here.
        turn: the run's create turn.
        workspace: has the view `members`.
        journal: takes the answers.
        report: counts them.
        budget: the calls left.
        total: how many changes there are in all.
    """

    def __init__(  # noqa: PLR0913 - what it works with; each is made by the export
        self,
        run: Work,
        lease: Lease,
        presence: Presence,
        turn: CreateTurn,
        workspace: Workspace,
        *,
        journal: Journal,
        report: Report,
        budget: Budget,
        total: int,
    ) -> None:
        progress = Progress(f"{run.label}: sending changes", total, run.clock)
        self._outcomes = Outcomes(journal, report, progress, run.clock)
        self.out_of_calls = False
        self.out_of_turn = False
        self._run = run
        self._lease, self._presence, self._turn = lease, presence, turn
        self._workspace, self._journal = workspace, journal
        self._report, self._budget = report, budget
        self._outbox = Outbox(iter(()))
        self._refusals = 0
        self._failing_since: float | None = None
        self._lands_until = float("-inf")

    @property
    def may_land(self) -> bool:
        """Whether a request that gave no answer may still take effect."""
        return self._run.clock.monotonic() < self._lands_until

    def send(self, changes: Iterator[Change | ChangeColumns], *, exits: bool) -> None:
        """Send changes until all are answered, the calls are spent or the create turn is long in coming.

        Raises:
            VendorUnavailable: Marketo did not answer for a quarter of an hour.
            FieldUnusable: the field is gone.
            AccessDenied, RequestRefused, LeaseLost: as they are named.
        """
        self._outbox = Outbox(changes)
        in_flight: dict[Future[Answer], Batch] = {}
        pool = self._run.pool(self._run.limits.concurrent_calls)
        try:
            self._drive(pool, in_flight, exits=exits)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._drain(in_flight)
        for unsent in self._outbox.unsent():
            self._outcomes.put_back(unsent)

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
                    self._outbox.delay(batch, 0.0)
                    self.out_of_calls = True
                    break
                self.keep(at_least=self._run.settings.lease_seconds / 2)
                deadline = min(self._lease.deadline, self._presence.deadline)
                in_flight[pool.submit(make_call, self._run, batch, deadline)] = batch
            if in_flight:
                done, _ = wait(in_flight, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future, in_flight.pop(future))
            elif self.out_of_calls or (self._presence.ready and self._outbox.empty):
                return
            elif self._outbox.only_creates and self._turn.waited_long:
                self.out_of_turn = True
                return
            else:
                self._turn.rest(idle=self._outbox.only_creates)
                self._run.clock.sleep(_LOOK_SECONDS)
            self._journal.keep()
            self.keep()
            self._pass_turn_on(in_flight)

    def outlast(self) -> None:
        """Wait until no request that gave no answer may take effect any more."""
        while self.may_land:
            self._run.clock.sleep(_LOOK_SECONDS)
            self._journal.keep()
            self.keep()

    def keep(self, *, at_least: float = 0.0) -> None:
        """Keep the lease, and the run's presence on the instance."""
        self._lease.keep(at_least=at_least)
        self._presence.keep(at_least=at_least)

    def _next(self, *, idle: bool) -> Batch | None:
        """Return a request to be sent now. Those that may create leads come last, and in the turn only."""
        while self._presence.ready:
            create = self._may_create
            batch = self._outbox.next(self._run.clock.monotonic(), create=create, idle=idle)
            if batch or create or not self._may_create:
                return batch
        return None

    @property
    def _may_create(self) -> bool:
        return self._outbox.creates and self._turn.open() and self._presence.ready

    def _pass_turn_on(self, in_flight: dict[Future[Answer], Batch]) -> None:
        """Give the turn back after its minute, once nothing of ours may still create a lead."""
        creating = self.may_land or any(batch.create for batch in in_flight.values())
        if self._outbox.creates and not creating:
            self._turn.pass_on(idle=not in_flight and self._outbox.only_creates)

    def _take(self, future: Future[Answer], batch: Batch) -> None:
        now = self._run.clock.monotonic()
        try:
            answer = future.result()
        except NoAnswer as error:
            self._no_answer(batch, error, now)
        except VendorUnavailable:
            self._delay(batch, now + _PAUSE_SECONDS)
        except QuotaExhausted:
            self._outbox.delay(batch, now)
            self.out_of_calls = True
        except RequestRefused as error:
            self._refusals += 1
            if error.code == _FIELD_NOT_FOUND:
                raise self._field_gone() from None
            if error.code in _MISCONFIGURED or self._refusals > _MOST_REFUSALS:
                raise
            self._refused(batch, error.code or "unknown", now)
        else:
            self._failing_since = None
            self._refusals = 0
            if batch.halving:
                batch.halving.answer(batch, None)
                self._judge(batch.halving, now)
            self._carried_out(batch, answer)

    def _carried_out(self, batch: Batch, answer: Answer) -> None:
        if isinstance(answer, LeadResults):
            if batch.columns and (lead_ids := answer.written) and batch.columns.reached_by(lead_ids):
                self._outcomes.written(batch.columns, answer, lead_ids)
            else:
                self._answered(batch, answer)
        elif batch.step is Step.TRACE:
            self._answered(batch, traced(self._workspace, batch, answer))
        else:
            self._found(batch, answer)

    def _answered(self, batch: Batch, results: Sequence[LeadResult]) -> None:
        for item, result in zip(batch.items, results, strict=True):
            if result.code == _FIELD_NOT_FOUND:
                raise self._field_gone()
            if result.status == "created":
                self._report.add_leads(created=1)
            elif result.status == "updated":
                self._report.add_leads(updated=1)
            course = item.course
            course.answers.append(result)
            if not course.complete:
                continue
            if course.next_step():
                self._outbox.add(course)
            else:
                self._outcomes.end(course)

    def _field_gone(self) -> FieldUnusable:
        return FieldUnusable(
            f"{self._run.label}: Marketo does not know the field any more (1006). What was sent is kept; "
            "restore the field in Marketo, or export the cohort to a new one.",
            code=_FIELD_NOT_FOUND,
        )

    def _found(self, batch: Batch, leads: list[Lead]) -> None:
        found = ids_by_address(leads)
        for item in batch.items:
            course = item.course
            if course.found(found.get(course.change.row.address.lower(), ())):
                self._outbox.add(course)
            else:
                # The leads that matched are gone since: a refusal for an entry, no lead for an exit.
                if course.change.value:
                    course.answers.append(LeadResult("skipped", None, SEVERAL_MATCH))
                self._outcomes.end(course)

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
        now = self._run.clock.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        if now - self._failing_since > _PATIENCE_SECONDS:
            raise VendorUnavailable(
                f"{self._run.label}: Marketo has carried out no request for {_PATIENCE_SECONDS / 60:.0f} minutes. "
                "What is not acknowledged will be sent again by the next try."
            )
        self._outbox.delay(batch, max(until, batch.not_before))
