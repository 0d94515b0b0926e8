"""What is wrong with an export, from its summary and what Airflow says of its runs. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from marketo_provider.exports import CohortExport
from marketo_provider.notify import NoticeKind, length
from marketo_provider.sync.report import codes_in_words
from marketo_provider.sync.summary import LastRun, Stop, Summary

_NO_REASON: Final = (
    "It left no reason: it was killed, or it failed before the export was looked at. Look at the log of its red "
    "task."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong: since when, why (another cause is another trouble), in one line, and with what to do."""

    since: datetime
    cause: str = ""
    short: str
    text: str


def own_last(export: CohortExport, summary: Summary | None) -> LastRun | None:
    """Return the last settle of the export's target, if it was an export of this cohort, whatever its name."""
    if summary is None or summary.claim is None:
        return None
    own = (summary.claim.cohort_id, summary.claim.sync_type) == (export.cohort_id, export.sync_type)
    return summary.last if own else None


def stop_of(export: CohortExport, summary: Summary | None) -> Stop | None:
    """Return why a run of the export has stopped or waited last, if none has settled since."""
    return summary.stops.get(export.dag_id) if summary else None


def asks(export: CohortExport, summary: Summary | None) -> Stop | None:
    """Return the stop that asks a person, if that is what a run said last."""
    last, stop = own_last(export, summary), stop_of(export, summary)
    told_after = stop is not None and not (last and last.settled_at > stop.at)
    return stop if stop and stop.kind == "asks" and told_after else None


def newest_summary(export: CohortExport, summaries: Iterable[Summary]) -> Summary | None:
    """Return the summary that a one-time export has touched last: each of its runs may be given another field."""
    touched = [(moment, summary) for summary in summaries for moment in _moments(export, summary)]
    return max(touched, key=lambda one: one[0])[1] if touched else None


def find_troubles(
    export: CohortExport, summary: Summary | None, *, failed_at: datetime | None = None, now: datetime
) -> dict[NoticeKind, Trouble]:
    """Return what is wrong, by its kind.

    Args:
        export: the export.
        summary: of its target.
        failed_at: when a run of it was last seen to have failed.
        now: the time.
    """
    last, stop = own_last(export, summary), stop_of(export, summary)
    found: dict[NoticeKind, Trouble] = {}
    if asking := asks(export, summary):
        found["stopped"] = stopped(export, asking.message, since=asking.at, cause=asking.error)
    elif failed_at and not (last and last.settled_at > failed_at):
        found["failure"] = _failure(export, failed_at, stop)
    if last is None:
        return found
    if refused := _refused(export, last):
        found["refused"] = refused
    if last.report.left_over and not last.goes_on:
        found["left_over"] = _left_over(export, last)
    if export.stale_after and now - last.snapshot_begun_at > length(export.stale_after):
        found["stale"] = _stale(export, last, stop, now)
    return found


def stopped(export: CohortExport, message: str, *, since: datetime, cause: str) -> Trouble:
    """Return the trouble that a person must change something."""
    return Trouble(
        since=since,
        cause=cause,
        short="stopped, and a person must decide",
        text=message if message.startswith("Export ") else f"{label(export)}: {message}",
    )


def label(export: CohortExport) -> str:
    """Return how a message names the export."""
    return export.label(export.marketo_field)


def _failure(export: CohortExport, failed_at: datetime, stop: Stop | None) -> Trouble:
    reason = f"It said: {stop.message}" if stop and stop.kind == "tries_again" else _NO_REASON
    again = (
        "The next run, by schedule or by hand, goes on from what is recorded."
        if export.schedule
        else "Trigger the DAG again: a run goes on from what is recorded."
    )
    return Trouble(
        since=failed_at,
        short="a run failed",
        text=f"{label(export)}: a run of the DAG {export.dag_id} has failed, its retries are spent. {reason} "
        f"{again}",
    )


def _refused(export: CohortExport, last: LastRun) -> Trouble | None:
    by_code = dict(last.standing.refused)
    for code, addresses in last.standing.leavers_refused.items():
        by_code[code] = by_code.get(code, 0) + addresses
    count, members = sum(by_code.values()), last.report.members
    if count <= export.notify_refused_share * members:
        return None
    causes = codes_in_words(dict(sorted(by_code.items())))
    return Trouble(
        since=last.settled_at,
        short=f"Marketo refuses {count:,} addresses",
        text=f"{label(export)}: Marketo refuses {count:,} addresses ({causes}), more than notify_refused_share "
        f"({export.notify_refused_share:g}) of {members:,} members. The others are set. Look the codes up in "
        "docs/errors.md, Refused records, and mend the cause. They are tried again by themselves after 1, 2, 4 … "
        "30 days, or by a run with retry_refused = true.",
    )


def _left_over(export: CohortExport, last: LastRun) -> Trouble:
    goes_on = (
        "The next run sends them."
        if export.schedule
        else "The run waits for calls and goes on by itself; if it has ended, trigger the DAG again."
    )
    return Trouble(
        since=last.settled_at,
        short=f"{last.report.left_over:,} changes are left over",
        text=f"{label(export)}: {last.report.left_over:,} changes are left over. {goes_on} If "
        "there are some run after run, Marketo's calls of the day do not suffice: raise quota_share or "
        "daily_quota in the Connection, or max_changes_per_run where the export sets it.",
    )


def _stale(export: CohortExport, last: LastRun, stop: Stop | None, now: datetime) -> Trouble:
    hours = (now - last.snapshot_begun_at).total_seconds() / 3600
    said = f" What a run said last: {stop.message}" if stop else ""
    return Trouble(
        since=last.snapshot_begun_at,
        short=f"the field is {hours:.1f} hours behind",
        text=f"{label(export)}: the field is true to the cohort of {last.snapshot_begun_at:%Y-%m-%d %H:%M} UTC, "
        f"{hours:.1f} hours ago, and stale_after is {export.stale_after}. Look whether the DAG {export.dag_id} is "
        f"paused, whether its runs wait or fail, and whether scheduler, workers and triggerer are up.{said}",
    )


def _moments(export: CohortExport, summary: Summary) -> Iterable[datetime]:
    if stop := summary.stops.get(export.dag_id):
        yield stop.at
    if summary.dag_id == export.dag_id and summary.last:
        yield summary.last.settled_at
