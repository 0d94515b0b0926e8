"""The check before anything is read from Mixpanel: it fails or skips within a second or two."""

from datetime import datetime

from marketo_provider.errors import InvalidSetting, NoCallsLeft, QuotaExhausted, Superseded
from marketo_provider.state.target import Target
from marketo_provider.sync.budget import Budget, calls_again_at
from marketo_provider.sync.field_check import check_field
from marketo_provider.sync.ownership import check_claim, check_owner
from marketo_provider.sync.run import Run


def check_export(run: Run, *, interval_end: datetime | None) -> None:
    """Check credentials, field, claim and quota, and whether there is anything to do.

    Args:
        run: the run.
        interval_end: the end of the data interval of a scheduled or a backfill run; None means now.

    Raises:
        TargetClaimed, FieldUnusable, AccessDenied, InvalidSetting: the export cannot run like this.
        QuotaExhausted: Marketo's calls of the day are spent; a one-time export waits.
        NoCallsLeft: the same, of a dynamic export: its next run looks again.
        Superseded: a newer snapshot than this run's interval has been settled.
    """
    target = run.open_log().target
    if target.settled and target.settled.run_id == run.run_id:
        # A try of this run has settled and died before it could say so: not somebody else's doing.
        check_owner(run, target.claim)
    else:
        check_claim(run, target.claim)
        _check_interval(run, target, interval_end)
    check_field(run.marketo, run.field, run.label)
    check_partition(run)
    _check_calls(run)
    run.mixpanel.check_access()


def _check_calls(run: Run) -> None:
    """Stop before the cohort is read where nothing could be sent: a one-time export waits, a schedule goes on."""
    if Budget(run.marketo, run.limits).allows(exits=not run.one_time):
        return
    spent = (
        f"{run.label}: our share of Marketo's calls of today is spent (quota_share {run.limits.quota_share:g} of "
        f"daily_quota {run.limits.daily_quota:,}). Nothing was read or sent."
    )
    if run.one_time:
        resume_at = calls_again_at(run.clock.now())
        raise QuotaExhausted(f"{spent} The run goes on when there are calls again.", resume_at=resume_at)
    raise NoCallsLeft(f"{spent} The next run looks again.")


def check_partition(run: Run) -> None:
    """Refuse a lead partition that Marketo does not have.

    Raises:
        InvalidSetting: naming those there are.
    """
    wanted = run.export.partition or run.limits.partition
    if wanted is None:
        return
    there = run.marketo.partitions()
    if wanted not in there:
        raise InvalidSetting(
            f"{run.label}: Marketo has no lead partition {wanted!r}, or the API user may not see it. There are: "
            f"{', '.join(there) or 'none'}. Nothing was sent."
        )


def _check_interval(run: Run, target: Target, interval_end: datetime | None) -> None:
    settled = target.settled
    if interval_end is None or settled is None or run.dry or interval_end >= settled.snapshot_begun_at:
        return
    raise Superseded(
        f"{run.label}: a snapshot begun at {settled.snapshot_begun_at:%Y-%m-%d %H:%M} UTC has been delivered, "
        f"later than this run's interval, which ended at {interval_end:%Y-%m-%d %H:%M}. The field never moves "
        "back, so there is nothing to do."
    )
