"""One export of one snapshot: lease, change set, delivery, settle, report."""

from datetime import timedelta
from functools import partial

from marketo_provider.errors import (
    ImportsUnderWay,
    LeaseHeld,
    LeaseLost,
    MarketoProviderError,
    QuotaExhausted,
    VendorUnavailable,
)
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import load_ledger
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Settled
from marketo_provider.state.snapshots import Snapshot, SnapshotFolder
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.budget import Budget, calls_again_at
from marketo_provider.sync.changes import (
    Extent,
    changes_of,
    find_changes,
    keep_first,
)
from marketo_provider.sync.delivery import Delivery
from marketo_provider.sync.entries import Entries
from marketo_provider.sync.field_check import check_field
from marketo_provider.sync.first_write import check_first_write
from marketo_provider.sync.guards import check_guards
from marketo_provider.sync.import_files import ImportFile
from marketo_provider.sync.import_records import ImportRecords
from marketo_provider.sync.import_wait import has_ended
from marketo_provider.sync.importing import count_importing
from marketo_provider.sync.imports import ImportCollector
from marketo_provider.sync.intent import announce
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.ownership import check_claim, renewed_claim
from marketo_provider.sync.read_back import read_back
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.settle import Settling
from marketo_provider.sync.sharing import join_instance, leave_instance
from marketo_provider.sync.standing import (
    check_age,
    check_newest,
    deliverable_snapshot,
    failure,
    is_old,
    settled_before,
    snapshot_number,
    stored_outcome,
)
from marketo_provider.sync.turn import CreateTurn
from marketo_provider.sync.uploads import Uploads

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
    number = snapshot_number(run, snapshot_name)
    if settled := settled_before(run, log, number):
        return stored_outcome(settled)
    snapshot = deliverable_snapshot(run, log, snapshot_name, number)
    lease = run.lease(log)
    lease.take()
    if settled := settled_before(run, log, number):
        # By another try of this task, while this one waited for the lease.
        lease.give_back()
        return stored_outcome(settled)
    return _Export(run, log, lease, snapshot, number).deliver()


class _Export:
    """The part under the lease."""

    def __init__(self, run: Run, log: TargetLog, lease: Lease, snapshot: Snapshot, number: int) -> None:
        self._run = run
        self._log, self._lease = log, lease
        self._snapshot, self._number = snapshot, number
        self._last = log.target.settled
        self._journal = Journal(lease, run.clock, f"{run.folder}/runs/{snapshot.name}")
        self._report = Report.begin(
            export=run.export.name,
            field=run.field,
            run_id=run.run_id,
            snapshot=snapshot,
            started_at=run.clock.now(),
        )
        self._settling = Settling(run, log, lease, self._report, snapshot=snapshot, number=number)
        self._presence = run.presence()
        self._turn = CreateTurn(self._presence, run.clock, partial(has_ended, run.marketo))
        self._budget = Budget(run.marketo, run.limits)
        records = ImportRecords(lease, self._presence)
        self._imports = ImportCollector(run, lease, records, self._report, folder=self._journal.folder)
        self._uploads = Uploads(run, lease, self._presence, records=records, turn=self._turn, budget=self._budget)
        self._entries = Entries(run, log, self._journal, self._report, snapshot)
        self._delivery: Delivery | None = None

    def deliver(self) -> Report:
        """Do all that is done under the lease, and give it back unless something of ours may still land."""
        with self._lease.given_back(unless=lambda: self._may_land):
            try:
                check_claim(self._run, self._log.target.claim)
                check_newest(self._run, self._log.target, self._number)
                check_age(self._run, self._log.target, self._snapshot, self._number)
                with self._run.workspace() as workspace:
                    settled = self._work(workspace)
            except LeaseLost:
                self._leave()
                raise
            except MarketoProviderError:
                self._journal.flush()
                self._leave()
                raise
        return self._outcome(settled)

    @property
    def _may_land(self) -> bool:
        return self._delivery is not None and self._delivery.may_land

    def _work(self, workspace: Workspace) -> Settled:
        self._imports.collect(workspace)
        counted_deltas = len(self._log.target.deltas)
        extent = self._find(workspace)
        begun = self._settling.begun
        if not begun:
            check_guards(self._run, self._snapshot, extent, self._last)
        if extent.to_send or begun:
            join_instance(self._run, self._lease, self._presence)
        if self._log.target.claim is None:
            # It was checked before the cohort was read, unless somebody marked that task as success by hand.
            check_field(self._run.marketo, self._run.field, self._run.label)
        if self._log.target.claim is None or not extent.ledger_rows:
            check_first_write(self._run, workspace)
        most = self._most_changes(workspace)
        if most is not None:
            self._report.left_over = keep_first(workspace, most)
        files = self._entries.choose(workspace, extent, self._budget) if extent.to_send else []
        claim = renewed_claim(self._run, self._log.target.claim, self._number)
        announce(self._run, self._lease, workspace, self._number, claim)
        if extent.to_send:
            self._send(workspace)
            self._upload(files)
        goes_on = self._has_to_go_on()
        if not goes_on and (extent.to_send or begun):
            self._read_back(workspace)
        self._leave()
        self._journal.flush()
        return self._settling.settle(
            workspace,
            claim,
            journals=[*self._imports.pieces, *self._journal.pieces],
            counted_deltas=counted_deltas,
            goes_on=goes_on,
            unreadable=self._imports.unreadable,
        )

    def _leave(self) -> None:
        leave_instance(self._presence, may_land=self._may_land)

    def _find(self, workspace: Workspace) -> Extent:
        load_ledger(workspace, self._log.target)
        SnapshotFolder(self._run.store, self._run.folder, self._snapshot.name).load_members(workspace)
        begun, parameters = self._settling.begun, self._run.parameters
        extent = find_changes(
            workspace,
            now=self._run.clock.now(),
            exits=not self._run.one_time,
            create_leads=self._run.export.create_leads,
            full_refresh=parameters.full_refresh and not begun,
            # Of a full refresh only who was refused before is left: the others enter by themselves.
            retry_refused=parameters.retry_refused or (parameters.full_refresh and begun is not None),
            imports=self._log.target.imports,
            began_at=begun.started_at if begun else None,
        )
        self._report.entered, self._report.exited = extent.entered, extent.exited
        logger.info("%s: %d entered, %d exited.", self._run.label, extent.entered, extent.exited)
        return extent

    def _most_changes(self, workspace: Workspace) -> int | None:
        """Return how many changes this part of the run may send at most."""
        if is_old(self._run, self._snapshot):
            # It was usable when the run began; what is left is the next run's, by a new one.
            return 0
        most, begun = self._run.export.max_changes_per_run, self._settling.begun
        if most is None or begun is None:
            return most
        return max(0, most - begun.answered - self._report.answered - count_importing(workspace))

    def _send(self, workspace: Workspace) -> None:
        """Send exits before entries: who has left must not be mailed, and a lead may have passed to a member."""
        (total,) = workspace.row("SELECT count(*) FROM changes WHERE NOT by_file")
        delivery = Delivery(
            self._run,
            self._lease,
            self._presence,
            self._turn,
            workspace,
            journal=self._journal,
            report=self._report,
            budget=self._budget,
            total=total,
        )
        self._delivery = delivery
        for value in (False, True):
            delivery.send(changes_of(workspace, value=value), exits=not value)
            delivery.outlast()

    def _upload(self, files: list[ImportFile]) -> None:
        self._journal.flush()
        self._entries.left += self._uploads.send(files)
        self._report.left_over += self._entries.left + self._uploads.unanswered_rows

    def _has_to_go_on(self) -> bool:
        """Whether the run has to wait, and to go on with the same snapshot then."""
        if is_old(self._run, self._snapshot) or self._out_of_calls or self._imports.unreadable:
            return False
        out_of_turn = self._delivery is not None and self._delivery.out_of_turn
        waits = self._log.target.imports if self._run.one_time else self._imports.jobs
        return bool(out_of_turn or self._entries.left or waits)

    @property
    def _out_of_calls(self) -> bool:
        return bool(self._delivery and self._delivery.out_of_calls) or self._uploads.out_of_calls

    def _read_back(self, workspace: Workspace) -> None:
        if self._out_of_calls:
            return
        self._journal.flush()
        load_ledger(workspace, self._log.target)
        self._lease.keep(at_least=self._run.settings.lease_seconds / 2)
        self._presence.keep()
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
            raise failure(settled.failure, settled)
        now, left = self._run.clock.now(), self._report.left_over
        if settled.goes_on and (settled.imports or self._entries.left):
            raise ImportsUnderWay(
                f"{self._run.label}: Marketo is importing files of this run, {left:,} members are still to be "
                "handed over. The run waits, and goes on by itself.",
                resume_at=self._imports.wait_until(self._snapshot, left_to_import=self._entries.left),
                batch_ids=self._imports.jobs,
            )
        if settled.goes_on:
            who = f"{self._run.label}: other exports of this instance are creating leads"
            raise LeaseHeld(f"{who}; {left:,} members wait for the run's turn.", resume_at=now + _AWAY)
        if self._run.one_time and left and self._out_of_calls:
            raise QuotaExhausted(
                f"{self._run.label}: Marketo's calls of today are spent, {left:,} members are still to be set "
                "True. The run goes on by itself when there are calls again.",
                resume_at=calls_again_at(now),
            )
        return self._report
