"""The report: counts that add up, free of addresses, the same after a round through the store."""

from datetime import UTC, datetime

from marketo_provider.state.snapshots import Snapshot
from marketo_provider.sync.report import FailedCall, Report

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SNAPSHOT = Snapshot(
    name="00000001",
    number=1,
    project_id=7,
    workspace_id=None,
    cohort_id=1001,
    begun_at=NOW,
    completed_at=NOW,
    profiles=10,
    missing_profiles=1,
    without_email=2,
    invalid_email=1,
    duplicate_email=3,
    members=4,
)


def begun() -> Report:
    """Return a report at its start."""
    return Report.begin(export="trial_users", field="aField", run_id="run", snapshot=SNAPSHOT, started_at=NOW)


def test_a_report_begins_with_the_numbers_of_its_snapshot() -> None:
    """And nothing sent."""
    report = begun()

    assert (report.profiles, report.missing_profiles, report.members, report.snapshot) == (10, 1, 4, "00000001")
    assert (report.without_email, report.invalid_email, report.duplicate_email) == (2, 1, 3)
    assert (report.set_true, report.set_false, report.route) == (0, 0, "none")


def test_refusals_are_counted_by_code() -> None:
    """Each report on its own."""
    report, other = begun(), begun()

    for code in ("1003", "1008", "1003"):
        report.refuse(code)

    assert (report.refused, report.refused_by_code) == (3, {"1003": 2, "1008": 1})
    assert (other.refused, other.refused_by_code) == (0, {})


def test_a_report_survives_the_store() -> None:
    """As JSON, the times too."""
    report = begun()
    report.refuse("1003")
    report.failed_calls = [FailedCall(code="608", request_id="a#1")]
    report.finished_at = NOW

    assert Report.model_validate(report.model_dump(mode="json")) == report


def test_the_parts_of_a_one_time_export_add_up() -> None:
    """What the first part left over is what the second one entered, so that is not counted twice."""
    first, second = begun(), begun()
    first.entered, first.set_true, first.created, first.api_calls, first.left_over = 10, 6, 5, 3, 4
    first.failed_calls = [FailedCall(code="607", request_id=None)]
    second.entered, second.set_true, second.updated, second.api_calls = 4, 4, 4, 2
    second.started_at = datetime(2026, 11, 25, tzinfo=UTC)

    second.add_earlier(first)

    assert (second.entered, second.set_true, second.left_over) == (10, 10, 0)
    assert (second.created, second.updated, second.api_calls) == (5, 4, 5)
    assert (second.started_at, len(second.failed_calls)) == (NOW, 1)


def test_the_line_for_the_log_gives_the_numbers() -> None:
    """With separators."""
    report = begun()
    report.entered = report.set_true = 12345

    assert "entered 12,345" in report.line()
    assert "set True 12,345" in report.line()


def test_a_report_in_short_says_what_was_done() -> None:
    """Refused and left over only where there are some; a dry run says that nothing was sent."""
    report = begun()
    report.set_true, report.set_false = 1204, 311
    assert report.in_short() == "+1,204 -311"

    report.refuse("1003", 12)
    report.left_over = 3000
    assert report.in_short() == "+1,204 -311, 12 refused, 3,000 left over"

    dry = report.model_copy(update={"dry_run": True, "entered": 7, "exited": 0, "planned_calls": 1})
    assert dry.in_short() == "dry run: would be +7 -0 (calls: 1)"
