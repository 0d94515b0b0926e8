"""Settling: the new ledger made durable and current, with the run's report, by one append. Rule 15 of the sync."""

import secrets
from datetime import datetime
from typing import Literal

from marketo_provider.state.files import REFUSED_COLUMNS
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import load_ledger, settle_ledger
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Claim, Settled
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.state.workspace import Workspace, csv_rows
from marketo_provider.sync.ledger_counts import LedgerCounts, count_after
from marketo_provider.sync.prune import find_unneeded
from marketo_provider.sync.report import FailedCall, Report, codes_in_words
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.summarise import summarise_run

_FEWEST_REFUSED = 100


class Settling:
    """The end of a run.

    Args:
        run: the run.
        log: the target's log.
        lease: held by the run.
        report: counts what was done; completed here.
        snapshot: what was delivered.
        number: its number.
    """

    def __init__(  # noqa: PLR0913 - all that a settle tells of
        self, run: Run, log: TargetLog, lease: Lease, report: Report, *, snapshot: Snapshot, number: int
    ) -> None:
        self._run = run
        self._log = log
        self._lease = lease
        self._report = report
        self._snapshot = snapshot
        self._number = number
        last = log.target.settled
        part = last if last and last.snapshot == number and (run.one_time or last.goes_on) else None
        self._earlier = Report.stored(part.report) if part else None
        # What the same run has done before it waited, which its switches and its limit of changes apply to too.
        self.begun = self._earlier if part and part.goes_on else None

    def settle(  # noqa: PLR0913 - all that it makes durable
        self,
        workspace: Workspace,
        claim: Claim,
        *,
        journals: list[str],
        counted_deltas: int,
        goes_on: bool = False,
        unreadable: str | None = None,
    ) -> Settled:
        """Settle, and return the record.

        Args:
            workspace: where to work.
            claim: the target's.
            journals: what the run has journaled, all of it.
            counted_deltas: how many deltas the ledger had when its changes were found.
            goes_on: the run is to go on with the same snapshot.
            unreadable: why nobody knows what became of an import.
        """
        run, report = self._run, self._report
        ledger_folder = f"{run.folder}/ledger/{secrets.token_hex(16)}"
        base, base_rows, deltas = settle_ledger(workspace, self._log.target, ledger_folder)
        counts = count_after(workspace, self._log.target, since=counted_deltas, members=report.members)
        report.ledger_size = counts.rows
        self._save_refused(workspace, journals)
        self._complete_report(counts)
        failed_by, failure = ("import", unreadable) if unreadable else self._failure()
        now = run.clock.now()
        if run.one_time and not (report.left_over or failure or goes_on or self._log.target.imports):
            claim = self._finish(claim, now, in_doubt=counts.unknown)
        settled = Settled(
            at=now,
            by=self._lease.holder,
            run_id=run.run_id,
            snapshot=self._number,
            snapshot_begun_at=self._snapshot.begun_at,
            claim=claim,
            base=base,
            base_rows=base_rows,
            deltas=deltas,
            imports=self._log.target.imports,
            delivered=self._log.target.delivered,
            address_share=self._snapshot.address_share,
            report=report.model_dump(mode="json"),
            left_over=report.left_over,
            failure=failure,
            failed_by=failed_by,
            goes_on=goes_on and not failure,
            takeover_seconds=self._lease.takeover_seconds,
        )
        unneeded = find_unneeded(run, self._log, settled)
        self._log.hint(self._lease.append(settled))
        for path in unneeded:
            run.store.delete(path)
        logger.info("%s: %s.", run.label, report.line())
        summarise_run(run, settled, report, counts.standing)
        return settled

    def _finish(self, claim: Claim, now: datetime, *, in_doubt: int) -> Claim:
        """Return the claim of an export that is finished, unless the read-back found leads otherwise."""
        if in_doubt:
            logger.warning(
                "%s is not finished: %d leads do not hold what was sent. Trigger the DAG again.",
                self._run.label,
                in_doubt,
            )
            return claim
        return claim.model_copy(update={"finished_at": now})

    def _save_refused(self, workspace: Workspace, journals: list[str]) -> None:
        if not self._report.refused:
            return
        path = f"{self._run.folder}/runs/{self._snapshot.name}/refused.csv"
        pieces = ", ".join(workspace.fetch(journal) for journal in journals)
        if self._run.one_time:
            load_ledger(workspace, self._log.target)
        source = "ledger" if self._run.one_time else f"read_parquet([{pieces}])"
        rows = f"SELECT address, code, next_try::VARCHAR AS next_try FROM {source} WHERE code IS NOT NULL"
        if self.begun and self.begun.refused and not self._run.one_time:
            rows += f" UNION ALL FROM {csv_rows(workspace.fetch(path), REFUSED_COLUMNS)}"
        workspace.save_csv(rows, path)

    def _complete_report(self, counts: LedgerCounts) -> None:
        report = self._report
        report.api_calls = self._run.marketo.calls
        report.failed_calls = [
            FailedCall(code=failed.code, request_id=failed.request_id)
            for failed in self._run.marketo.failed_requests
        ]
        report.finished_at = self._run.clock.now()
        if self._earlier:
            report.add_earlier(self._earlier)
            if self._run.one_time:
                # As it stands: what an earlier part was refused may have been tried again in this.
                report.refused_by_code, report.refused = counts.by_code, sum(counts.by_code.values())
                report.not_in_marketo = counts.absent
        if report.imported or report.route == "bulk_import":
            report.created = report.updated = None

    def _failure(self) -> tuple[Literal["refusals", "drift", "import"], str | None]:
        run, report = self._run, self._report
        answered = report.answered
        # Nothing repeats a one-time export: where it has set nobody, few are too many.
        told = report.refused >= _FEWEST_REFUSED or (run.one_time and not report.set_true)
        if told and report.refused > run.export.max_reject_share * answered:
            causes = codes_in_words(report.refused_by_code)
            return "refusals", (
                f"{run.label}: Marketo refused {report.refused:,} of {answered:,} records ({causes}), more than "
                f"max_reject_share ({run.export.max_reject_share:g}). The others are set, the run is settled. "
                "Look the codes up in docs/errors.md, mend the cause, then trigger the DAG with retry_refused = "
                "true."
            )
        if report.drift > run.export.max_drift_share:
            return "drift", (
                f"{run.label}: of {report.read_back:,} addresses read back {report.drift:.0%} do not hold what "
                f"was sent, more than max_drift_share ({run.export.max_drift_share:g}). The run is settled, the "
                "next one puts right what was seen. Somebody else writes the field: look at its history in "
                "Marketo, stop the other writer, then trigger the DAG with full_refresh = true."
            )
        return "refusals", None
