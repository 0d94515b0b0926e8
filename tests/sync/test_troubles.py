"""What is wrong with an export, as a look from outside its runs finds it."""

from typing import Any

import pytest

from marketo_provider.sync.summary import Standing, Summary
from marketo_provider.sync.troubles import find_troubles, newest_summary
from tests.sync.standings import NOW, a_settle, a_stop, a_summary, an_export, hours_ago

REFUSED = Standing(accepted=985, refused={"1003": 10}, leavers_refused={"1003": 2, "1018": 3})


FAILED = hours_ago(0.4)


def kinds(summary: Summary | None, *, export: dict[str, Any] | None = None, **known: Any) -> set[str]:
    """Return the kinds of what is wrong."""
    return set(find_troubles(an_export(**(export or {})), summary, now=NOW, **known))


def test_an_export_that_delivers_is_well() -> None:
    """Nothing is wrong with it, nor with one that has never run."""
    assert kinds(a_summary(a_settle()), export={"stale_after": "6h"}) == set()
    assert kinds(None, export={"stale_after": "6h"}) == set()


@pytest.mark.parametrize("last", [None, a_settle()])
def test_a_run_that_asks_has_stopped(last: Any) -> None:
    """At once, whether or not the export has ever delivered; its message is what is told."""
    troubles = find_troubles(an_export(), a_summary(last, a_stop("asks")), failed_at=FAILED, now=NOW)

    assert list(troubles) == ["stopped"]
    assert (troubles["stopped"].cause, troubles["stopped"].since) == ("GuardStopped", hours_ago(0.5))
    assert troubles["stopped"].text == "Export 'trial_users' (cohort 1001 to field flag): What and why."


def test_a_settled_run_that_asks_has_stopped() -> None:
    """Too many were refused, or too many leads differ: it settles first."""
    summary = a_summary(a_settle(hours=0.5, run="run-2", failure="drift"), a_stop("asks", hours=0.5))

    assert kinds(summary, failed_at=FAILED) == {"stopped"}


@pytest.mark.parametrize("kind", ["tries_again", "waits", "idle"])
def test_a_run_that_tries_again_waits_or_skips_is_no_trouble(kind: str) -> None:
    """While Airflow has not given it up."""
    assert kinds(a_summary(a_settle(), a_stop(kind))) == set()


def test_a_run_that_was_given_up_has_failed() -> None:
    """With what it said last."""
    troubles = find_troubles(an_export(), a_summary(a_settle(), a_stop("tries_again")), failed_at=FAILED, now=NOW)

    assert list(troubles) == ["failure"]
    assert "DAG cohort_export__trial_users has failed" in troubles["failure"].text
    assert "It said: What and why. The next run" in troubles["failure"].text


@pytest.mark.parametrize("summary", [None, a_summary(a_settle()), a_summary(a_settle(), a_stop("waits"))])
def test_a_run_that_was_killed_has_failed(summary: Summary | None) -> None:
    """It has left no reason, and that another run waits is none."""
    troubles = find_troubles(an_export(), summary, failed_at=FAILED, now=NOW)

    assert list(troubles) == ["failure"]
    assert "It left no reason" in troubles["failure"].text


def test_a_failure_is_made_good_by_a_later_delivery() -> None:
    """Not by an earlier one."""
    assert kinds(a_summary(a_settle(hours=0.3)), failed_at=FAILED) == set()
    assert kinds(a_summary(a_settle(hours=0.5)), failed_at=FAILED) == {"failure"}


def test_a_one_time_export_s_failure_says_that_no_schedule_goes_on() -> None:
    """Somebody has to trigger it."""
    text = find_troubles(an_export(sync_type="one_time"), None, failed_at=FAILED, now=NOW)["failure"].text

    assert text.endswith("Trigger the DAG again: a run goes on from what is recorded.")


def test_refusals_count_above_a_share_of_the_members() -> None:
    """Members and leavers together: what a leaver still holds is no less wrong."""
    summary = a_summary(a_settle(standing=REFUSED))

    assert kinds(summary, export={"notify_refused_share": 0.015}) == set()
    troubles = find_troubles(an_export(notify_refused_share=0.0149), summary, now=NOW)
    assert list(troubles) == ["refused"]
    assert "15 addresses (12 by code 1003, 3 by code 1018)" in troubles["refused"].text


def test_left_over_is_what_an_ended_run_left() -> None:
    """While a run goes on it is that run's own business."""
    assert kinds(a_summary(a_settle(left_over=5))) == {"left_over"}
    assert kinds(a_summary(a_settle(left_over=5, goes_on=True))) == set()


def test_what_a_one_time_export_left_over_no_schedule_sends() -> None:
    """The message says what will."""
    export = an_export(sync_type="one_time")
    summary = a_summary(a_settle(left_over=5), sync_type="one_time")

    text = find_troubles(export, summary, now=NOW)["left_over"].text

    assert "trigger the DAG again" in text
    assert "The next run" not in text


@pytest.mark.parametrize(
    ("hours", "stale_after", "found"),
    [(5.7, "6h", set()), (5.8, "6h", {"stale"}), (5.8, None, set()), (5.8, "361m", {"stale"}), (5.8, "1d", set())],
)
def test_stale_is_the_age_of_the_snapshot(hours: float, stale_after: str | None, found: set[str]) -> None:
    """Not of the settle, which may come long after; the snapshots here are a quarter of an hour older."""
    assert kinds(a_summary(a_settle(hours=hours)), export={"stale_after": stale_after}) == found


def test_what_is_stale_says_what_a_run_said_last() -> None:
    """A run that waits is the likeliest cause."""
    summary = a_summary(a_settle(hours=8), a_stop("waits"))

    assert "What and why." in find_troubles(an_export(stale_after="6h"), summary, now=NOW)["stale"].text


def test_another_export_s_deliveries_are_not_its_own() -> None:
    """It was refused the field, and knows nothing of what the owner left over."""
    summary = a_summary(a_settle(left_over=5), a_stop("asks", hours=2, error="TargetClaimed"), cohort_id=1002)

    assert kinds(summary, export={"stale_after": "1h"}) == {"stopped"}


def test_a_one_time_export_is_where_it_was_last() -> None:
    """Each of its runs may be given another field."""
    export = an_export(sync_type="one_time")
    first, second = a_summary(a_settle(hours=5)), a_summary(None, a_stop("asks", hours=1))
    other = a_summary(a_settle(hours=0)).model_copy(update={"dag_id": "another"})

    assert newest_summary(export, [first, second, other]) is second
    assert newest_summary(export, [other]) is None
