"""One export of one snapshot: lease, change set, delivery, settle, report."""

import secrets
from datetime import timedelta

from marketo_provider.errors import (
    GuardStopped,
    LeaseHeld,
    LeaseLost,
    MarketoProviderError,
    QuotaExhausted,
    StopAndAsk,
    StoreUnusable,
    Superseded,
    TooManyRefused,
    TooMuchDrift,
    VendorUnavailable,
)
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import load_ledger
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Claim, Intended, Settled
from marketo_provider.state.snapshots import Snapshot, SnapshotFolder
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.budget import Budget, calls_again_at
from marketo_provider.sync.changes import Extent, changes_of, find_changes, intent_rows, keep_first
from marketo_provider.sync.delivery import Delivery
from marketo_provider.sync.first_write import check_first_write
from marketo_provider.sync.guards import check_guards
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.ownership import check_claim, renewed_claim
from marketo_provider.sync.read_back import read_back
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.settle import Settling
from marketo_provider.sync.sharing import join_instance, leave_instance
from marketo_provider.sync.snapshot import USABLE_FOR, load_snapshot

_LOOK_SECONDS = 1.0
_AWAY = timedelta(seconds=60)


def export_cohort(run: Run, snapshot_name: str) -> Report:
    """Make the field true to a snapshot, and return the report.

    A snapshot that is settled already is not delivered again: its report is returned, or its failure raised,
    as it was. A dry run is `marketo_provider.sync.dry_run`'s.

    Raises:
        Superseded: a newer snapshot has an intent or a settle.
        LeaseHeld: another run is writing to the target, or has been creating leads for long.
        GuardStopped, TargetClaimed, FieldUnusable: nothing was sent.
        TooManyRefused, TooMuchDrift: settled all the same.
        QuotaExhausted: a one-time export goes on when there are calls again.
        LeaseLost, VendorUnavailable: what is not acknowledged is sent again by the next try.
    """
    log = run.open_log()
    number = _number(run, snapshot_name)
    if settled := _settled_before(run, log, number):
        return _stored_outcome(settled)
    check_claim(run, log.target.claim)
    _check_newest(run, log.target, number)
    snapshot = load_snapshot(run, snapshot_name)
    _check_age(run, snapshot)
    lease = run.lease(log)
    lease.take()
    if settled := _settled_before(run, log, number):
        # By another try of this task, while this one waited for the lease.
        lease.give_back()
        return _stored_outcome(settled)
    return _Export(run, log, lease, snapshot, number).deliver()


def _number(run: Run, snapshot_name: str) -> int:
    if not snapshot_name.isdecimal():
        raise StoreUnusable(
            f"{run.label}: snapshot {snapshot_name} was read for a dry run, and this is none. Nothing was sent. "
            "Clear the task snapshot_cohort too."
        )
    return int(snapshot_name)


def _settled_before(run: Run, log: TargetLog, number: int) -> Settled | None:
    """Return the settle that ends the work on a snapshot; a one-time export may have to go on with its own."""
    settled = log.settled_snapshot(number)
    if settled and settled.goes_on:
        return None
    if settled is None or not run.one_time or settled.claim.finished_at:
        return settled
    return settled if settled.failure and settled.run_id == run.run_id else None


def _stored_outcome(settled: Settled) -> Report:
    logger.info("This snapshot was settled at %s UTC; nothing is sent again.", f"{settled.at:%Y-%m-%d %H:%M}")
    if settled.failure:
        raise _failure(settled.failure, settled)
    return Report.model_validate(settled.report)


def _failure(message: str, settled: Settled) -> StopAndAsk:
    return TooManyRefused(message) if settled.failed_by == "refusals" else TooMuchDrift(message)


def _check_newest(run: Run, target: Target, number: int) -> None:
    if target.delivered > number:
        raise Superseded(
            f"{run.label}: a newer snapshot than this run's has been delivered. The field never moves back, so "
            "there is nothing to do."
        )


def _check_age(run: Run, snapshot: Snapshot) -> None:
    if not run.one_time and run.clock.now() - snapshot.begun_at > USABLE_FOR:
        raise GuardStopped(
            f"{run.label}: the snapshot was begun at {snapshot.begun_at:%Y-%m-%d %H:%M} UTC, more than two hours "
            "ago, and is not delivered any more. Nothing was sent. Clear the task snapshot_cohort too, so that "
            "the cohort is read anew."
        )


class _Export:
    """The part under the lease."""

    def __init__(self, run: Run, log: TargetLog, lease: Lease, snapshot: Snapshot, number: int) -> None:
        self._run = run
        self._log = log
        self._lease = lease
        self._snapshot = snapshot
        self._number = number
        self._last = log.target.settled
        self._journal = Journal(lease, run.clock)
        self._report = Report.begin(
            export=run.export.name,
            field=run.field,
            run_id=run.run_id,
            snapshot=snapshot,
            started_at=run.clock.now(),
        )
        self._settling = Settling(run, log, lease, self._report, snapshot=snapshot, number=number)
        self._presence = run.presence()
        self._delivery: Delivery | None = None

    def deliver(self) -> Report:
        """Do all that is done under the lease, and give it back unless something of ours may still land."""
        try:
            check_claim(self._run, self._log.target.claim)
            _check_newest(self._run, self._log.target, self._number)
            _check_age(self._run, self._snapshot)
            with self._run.workspace() as workspace:
                settled = self._work(workspace)
        except LeaseLost:
            self._leave()
            raise
        except MarketoProviderError:
            self._journal.flush()
            self._leave()
            if not self._may_land:
                self._lease.give_back()
            raise
        self._lease.give_back()
        return self._outcome(settled)

    @property
    def _may_land(self) -> bool:
        return self._delivery is not None and self._delivery.may_land

    def _work(self, workspace: Workspace) -> Settled:
        extent = self._find(workspace)
        if not self._settling.begun:
            check_guards(self._run, self._snapshot, extent, self._last)
        if extent.to_send:
            join_instance(self._run, self._lease, self._presence)
        if self._log.target.claim is None or not extent.ledger_rows:
            check_first_write(self._run, workspace)
        most = self._run.export.max_changes_per_run
        if most is not None:
            begun = self._settling.begun
            self._report.left_over = keep_first(workspace, max(0, most - begun.answered) if begun else most)
        claim = renewed_claim(self._run, self._log.target.claim, self._number)
        self._announce(workspace, claim)
        goes_on = False
        if extent.to_send:
            self._report.route = "sync_leads"
            goes_on = self._send(workspace, extent.to_send)
            if not goes_on:
                self._read_back(workspace)
            self._leave()
        self._journal.flush()
        return self._settling.settle(
            workspace,
            claim,
            journals=self._journal.pieces,
            ledger_rows=extent.ledger_rows,
            goes_on=goes_on,
        )

    def _leave(self) -> None:
        leave_instance(self._presence, may_land=self._may_land)

    def _find(self, workspace: Workspace) -> Extent:
        load_ledger(workspace, self._log.target)
        SnapshotFolder(self._run.store, self._run.folder, self._snapshot.name).load_members(workspace)
        extent = find_changes(
            workspace,
            now=self._run.clock.now(),
            exits=not self._run.one_time,
            create_leads=self._run.export.create_leads,
            full_refresh=self._run.parameters.full_refresh and not self._settling.begun,
            retry_refused=self._run.parameters.retry_refused and not self._settling.begun,
        )
        self._report.entered, self._report.exited = extent.entered, extent.exited
        logger.info("%s: %d entered, %d exited.", self._run.label, extent.entered, extent.exited)
        return extent

    def _announce(self, workspace: Workspace, claim: Claim) -> None:
        """Make durable what is about to be sent, before the first request."""
        name = secrets.token_hex(16)
        rows, change_list = f"{self._run.folder}/intents/{name}.parquet", f"{self._run_folder}/changes-{name}.csv"
        workspace.save(intent_rows(), rows)
        workspace.save_csv("SELECT address, value AS set_to FROM changes", change_list)
        self._lease.append(
            Intended(
                at=self._run.clock.now(),
                by=self._lease.holder,
                run_id=self._run.run_id,
                snapshot=self._number,
                claim=claim,
                rows=rows,
                change_list=change_list,
            )
        )

    def _send(self, workspace: Workspace, total: int) -> bool:
        """Send exits before entries: who has left must not be mailed, and a lead may have passed to a member.

        Returns whether the run is to go on after a wait.
        """
        budget = Budget(self._run.marketo, self._run.limits)
        delivery = Delivery(
            self._run,
            self._lease,
            self._presence,
            self._journal,
            self._report,
            budget=budget,
            total=total - self._report.left_over,
        )
        self._delivery = delivery
        for value in (False, True):
            delivery.send(changes_of(workspace, value=value), exits=not value)
            while delivery.may_land:
                self._run.clock.sleep(_LOOK_SECONDS)
                self._journal.keep()
                delivery.keep()
        return delivery.out_of_turn

    def _read_back(self, workspace: Workspace) -> None:
        if self._delivery is None or self._delivery.out_of_calls:
            return
        self._journal.flush()
        load_ledger(workspace, self._log.target)
        self._delivery.keep(at_least=self._run.settings.lease_seconds / 2)
        try:
            found = read_back(
                self._run, workspace, self._journal, salt=self._number, deadline=self._lease.deadline
            )
        except (VendorUnavailable, QuotaExhausted) as error:
            # The delivery is done and acknowledged; that it could not be looked at undoes none of it.
            logger.warning("%s: the leads could not be read back. %s", self._run.label, error)
            return
        self._report.read_back, self._report.drift = found.read, found.drift

    def _outcome(self, settled: Settled) -> Report:
        if settled.failure:
            raise _failure(settled.failure, settled)
        if self._run.one_time and self._report.left_over and self._delivery and self._delivery.out_of_calls:
            raise QuotaExhausted(
                f"{self._run.label}: Marketo's calls of today are spent, {self._report.left_over:,} members are "
                "still to be set True. The run goes on by itself when there are calls again.",
                resume_at=calls_again_at(self._run.clock.now()),
            )
        if settled.goes_on:
            raise LeaseHeld(
                f"{self._run.label}: other exports of this instance are creating leads; for "
                f"{self._report.left_over:,} members the run waits for its turn, without a worker.",
                resume_at=self._run.clock.now() + _AWAY,
            )
        return self._report

    @property
    def _run_folder(self) -> str:
        return f"{self._run.folder}/runs/{self._snapshot.name}"
