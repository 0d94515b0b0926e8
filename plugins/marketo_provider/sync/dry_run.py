"""A dry run: what would be sent, how many calls it would take, how many leads would be new. Changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from marketo_provider.errors import StopAndAsk
from marketo_provider.state.ledger import load_ledger
from marketo_provider.state.snapshots import SnapshotFolder
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.changes import find_changes, keep_first
from marketo_provider.sync.first_write import check_first_write
from marketo_provider.sync.guards import check_guards
from marketo_provider.sync.lead_sample import LeadSample
from marketo_provider.sync.ownership import check_claim
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.snapshot import load_snapshot


def preview_export(run: Run, snapshot_name: str) -> Report:
    """Return the report of what an export of the snapshot would send.

    The snapshot that a dry run has read is removed, unless the run is to go on with it.

    Raises:
        TargetClaimed: the export could not run.
    """
    try:
        report = _preview(run, snapshot_name)
    except StopAndAsk:
        _forget(run, snapshot_name)
        raise
    _forget(run, snapshot_name)
    return report


def _forget(run: Run, snapshot_name: str) -> None:
    """Remove a snapshot of a dry run's own; one with a number may be a one-time export's."""
    if not snapshot_name.isdecimal():
        SnapshotFolder(run.store, run.folder, snapshot_name).abandon()


def _preview(run: Run, snapshot_name: str) -> Report:
    started_at = run.clock.now()
    target = run.open_log().target
    check_claim(run, target.claim)
    snapshot = load_snapshot(run, snapshot_name)
    report = Report.begin(
        export=run.export.name, field=run.field, run_id=run.run_id, snapshot=snapshot, started_at=started_at
    )
    report.dry_run = True
    with run.workspace() as workspace:
        load_ledger(workspace, target)
        SnapshotFolder(run.store, run.folder, snapshot_name).load_members(workspace)
        extent = find_changes(
            workspace,
            now=started_at,
            exits=not run.one_time,
            create_leads=run.export.create_leads,
            full_refresh=run.parameters.full_refresh,
            retry_refused=run.parameters.retry_refused,
            imports=target.imports,
        )
        report.entered, report.exited, report.ledger_size = extent.entered, extent.exited, extent.ledger_rows
        with _told_only():
            check_guards(run, snapshot, extent, target.settled)
        if target.claim is None or not extent.ledger_rows:
            with _told_only():
                check_first_write(run, workspace)
        if run.export.max_changes_per_run is not None:
            report.left_over = keep_first(workspace, run.export.max_changes_per_run)
        report.planned_calls = _calls(workspace)
        report.new_leads_estimate = _new_leads(run, workspace)
    report.api_calls = run.marketo.calls
    report.finished_at = run.clock.now()
    logger.info("%s, dry run, nothing was sent: %s.", run.label, report.line())
    return report


@contextmanager
def _told_only() -> Iterator[None]:
    """Let what would stop the run be read in the log: a dry run is there to tell it."""
    try:
        yield
    except StopAndAsk as stopped:
        logger.warning("Without dry_run this run would stop. %s", stopped)


def _calls(workspace: Workspace) -> int:
    """Return the fewest calls: full requests of each kind."""
    counts = workspace.row(
        "SELECT count(*) FILTER (NOT value), count(*) FILTER (value AND NOT create_lead), "
        "count(*) FILTER (create_lead) FROM changes"
    )
    return sum(-(-count // MOST_RECORDS) for count in counts)


def _new_leads(run: Run, workspace: Workspace) -> int:
    """Estimate, from a sample of those who may be created, how many leads would be new."""
    candidates: int
    (candidates,) = workspace.row("SELECT count(*) FROM changes WHERE create_lead")
    # The keys are hashes, so the first of them are a sample without favour.
    batches = workspace.batches(
        "SELECT address FROM changes WHERE create_lead ORDER BY key_high, key_low LIMIT $most",
        MOST_RECORDS,
        most=MOST_RECORDS,
    )
    sample: list[str] = [row["address"] for batch in batches for row in batch.to_pylist()]
    return LeadSample.look_up(run.marketo, sample, field=run.field).new_of(candidates)
