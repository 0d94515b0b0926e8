"""Summaries as runs leave them, for who reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from marketo_provider.exports import CohortExport
from marketo_provider.state.records import Claim
from marketo_provider.sync.report import Report
from marketo_provider.sync.summary import LastRun, Standing, Stop, Summary

NOW: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAG: Final = "cohort_export__trial_users"


def hours_ago(hours: float) -> datetime:
    """Return a time before now."""
    return NOW - timedelta(hours=hours)


def an_export(**keys: Any) -> CohortExport:
    """Return an export, dynamic unless `keys` say else."""
    declared = {"name": "trial_users", "cohort_id": 1001, "marketo_field": "flag", "sync_type": "dynamic"}
    return CohortExport.model_validate({**declared, **keys})


def a_stop(kind: str, *, hours: float = 0.5, run: str = "run-2", error: str = "GuardStopped") -> Stop:
    """Return why a run stopped."""
    return Stop.model_validate(
        {
            "run_id": f"{DAG}/{run}",
            "at": hours_ago(hours),
            "error": error,
            "kind": kind,
            "message": "What and why.",
        }
    )


def a_settle(  # noqa: PLR0913 - what a settle says
    *,
    hours: float = 1,
    run: str = "run-1",
    left_over: int = 0,
    failure: str | None = None,
    goes_on: bool = False,
    standing: Standing | None = None,
) -> LastRun:
    """Return a settle with 1,000 members, whose snapshot was begun a quarter of an hour before."""
    report = Report(
        export="trial_users",
        field="flag",
        run_id=f"{DAG}/{run}",
        snapshot="00000001",
        profiles=1000,
        missing_profiles=0,
        without_email=0,
        invalid_email=0,
        duplicate_email=0,
        members=1000,
        left_over=left_over,
        started_at=hours_ago(hours),
    )
    return LastRun(
        report=report,
        settled_at=hours_ago(hours),
        snapshot_begun_at=hours_ago(hours + 0.25),
        failure=failure,
        goes_on=goes_on,
        standing=standing or Standing(accepted=1000),
        calls_a_day=40_000,
    )


def a_summary(
    last: LastRun | None, stop: Stop | None = None, *, cohort_id: int = 1001, sync_type: str = "dynamic"
) -> Summary:
    """Return the summary of the target."""
    claim = Claim.model_validate(
        {
            "project_id": 7,
            "workspace_id": None,
            "cohort_id": cohort_id,
            "sync_type": sync_type,
            "export": "trial_users",
            "claimed_at": hours_ago(24),
        }
    )
    return Summary(
        target="host/flag",
        field="flag",
        dag_id=DAG if last else None,
        claim=claim if last else None,
        last=last,
        stops={DAG: stop} if stop else {},
    )
