"""How a snapshot stands: settled, superseded, too old, or to be delivered. Rules 15 to 17 of the sync."""

from marketo_provider.errors import (
    GuardStopped,
    ImportUnreadable,
    StopAndAsk,
    StoreUnusable,
    Superseded,
    TooManyRefused,
    TooMuchDrift,
)
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Settled
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.state.target import Target
from marketo_provider.sync.ownership import check_claim
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.snapshot import USABLE_FOR, load_snapshot

_FAILURES = {"refusals": TooManyRefused, "drift": TooMuchDrift, "import": ImportUnreadable}


def snapshot_number(run: Run, snapshot_name: str) -> int:
    """Return the number of a snapshot, given its name.

    Raises:
        StoreUnusable: it was read for a dry run.
    """
    if not snapshot_name.isdecimal():
        raise StoreUnusable(
            f"{run.label}: snapshot {snapshot_name} was read for a dry run, and this is none. Nothing was sent. "
            "Clear the task snapshot_cohort too."
        )
    return int(snapshot_name)


def settled_before(run: Run, log: TargetLog, number: int) -> Settled | None:
    """Return the settle that ends the work on a snapshot; a one-time export may have to go on with its own."""
    settled = log.settled_snapshot(number)
    if settled and settled.goes_on:
        return None
    if settled is None or not run.one_time or settled.claim.finished_at:
        return settled
    return settled if settled.failure and settled.run_id == run.run_id else None


def stored_outcome(settled: Settled) -> Report:
    """Return the report of a settle, or raise its failure."""
    logger.info("This snapshot was settled at %s UTC; nothing is sent again.", f"{settled.at:%Y-%m-%d %H:%M}")
    if settled.failure:
        raise failure(settled.failure, settled)
    return Report.stored(settled.report)


def failure(message: str, settled: Settled) -> StopAndAsk:
    """Return the error that a settled run ends with."""
    return _FAILURES[settled.failed_by](message)


def deliverable_snapshot(run: Run, log: TargetLog, name: str, number: int) -> Snapshot:
    """Return a snapshot that the run may deliver.

    Raises:
        TargetClaimed: the field is another export's, or the one-time export is finished.
        Superseded: a newer snapshot was delivered.
        StoreUnusable, GuardStopped: the cohort must be read anew.
    """
    check_claim(run, log.target.claim)
    check_newest(run, log.target, number)
    try:
        snapshot = load_snapshot(run, name)
    except StoreUnusable:
        # Whoever has settled since the log was read has removed it: that is then what is to be told.
        log.refresh()
        check_claim(run, log.target.claim)
        check_newest(run, log.target, number)
        raise
    check_age(run, log.target, snapshot, number)
    return snapshot


def check_newest(run: Run, target: Target, number: int) -> None:
    """Refuse a snapshot that is older than one delivered.

    Raises:
        Superseded: the run has nothing to do.
    """
    if target.delivered > number:
        raise Superseded(
            f"{run.label}: a newer snapshot than this run's has been delivered. The field never moves back, so "
            "there is nothing to do."
        )


def goes_on(target: Target, number: int) -> bool:
    """Whether a snapshot is settled in part, and its run is to go on."""
    return bool(target.settled and target.settled.goes_on and target.settled.snapshot == number)


def is_old(run: Run, snapshot: Snapshot) -> bool:
    """Whether a dynamic run may not begin to deliver a snapshot any more."""
    return not run.one_time and run.clock.now() - snapshot.completed_at > USABLE_FOR


def check_age(run: Run, target: Target, snapshot: Snapshot, number: int) -> None:
    """Refuse a snapshot that is too old, unless its run goes on.

    Raises:
        GuardStopped: the cohort must be read anew.
    """
    if is_old(run, snapshot) and not goes_on(target, number):
        raise GuardStopped(
            f"{run.label}: the snapshot was completed at {snapshot.completed_at:%Y-%m-%d %H:%M} UTC, more than "
            "two hours ago, and is not delivered any more. Nothing was sent. Clear the task snapshot_cohort "
            "too, so that the cohort is read anew."
        )
