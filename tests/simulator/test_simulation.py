"""The simulator: answers worked out by hand, the same every time, and never worse for more."""

from dataclasses import replace

import pytest

from include.simulator.__main__ import main
from include.simulator.assumptions import Assumptions
from include.simulator.clock import DAY, HOUR
from include.simulator.simulation import highest_churn, keeps_up, load_once, simulate

# Nothing takes time but what a test is about.
PLAIN = Assumptions(
    members=3000,
    churn=0.0,
    days=1,
    others=0.0,
    calls_per_20_seconds=100,
    concurrent_calls=1,
    call_seconds=0.0,
    page_seconds=0.0,
    first_page_seconds=0.0,
    compare_seconds_per_million=0.0,
)
CHECK, USAGE, READ_BACK = 3, 1, 1


def test_a_load_by_sync_leads_takes_its_calls() -> None:
    """Ten of one second each; eleven more runs find nothing to do."""
    figures = simulate(replace(PLAIN, call_seconds=1.0))

    assert figures.first_load == 10.0
    assert figures.first_load_calls == CHECK + USAGE + 10 + READ_BACK
    assert figures.calls == [12 * CHECK + USAGE + 10 + READ_BACK]
    assert [run.route for run in figures.runs] == ["sync_leads"] + 11 * [""]


def test_calls_at_once_take_the_time_of_one() -> None:
    """Ten calls, five at once."""
    assert simulate(replace(PLAIN, call_seconds=1.0, concurrent_calls=5)).first_load == 2.0


def test_the_rate_is_kept() -> None:
    """Ten calls in 20 seconds: a hundred take nine windows, and end within the tenth."""
    first_load = simulate(replace(PLAIN, members=30_000, calls_per_20_seconds=10)).first_load

    assert first_load is not None
    assert 180.0 <= first_load < 200.0


def test_reading_takes_its_pages() -> None:
    """Page 0 alone, then 9 more, three at once, then the comparison."""
    assumed = replace(
        PLAIN,
        page_size=300,
        first_page_seconds=60.0,
        page_seconds=4.0,
        concurrent_pages=3,
        compare_seconds_per_million=1000.0,
    )

    assert simulate(assumed).first_load == 60 + 3 * 4 + 3


def test_a_load_that_is_too_large_for_the_calls_is_imported() -> None:
    """312,500 rows a file: two files side by side; a look every 30 seconds, and one at each that ended."""
    figures = simulate(replace(PLAIN, members=600_000, quota=1000))

    assert figures.runs[0].route == "bulk_import"
    assert figures.first_load == 3150.0  # 3,125 seconds for the larger file
    uploads, looks, endings = 2, 3150 // 30, 2
    assert figures.calls == [12 * CHECK + USAGE + uploads + looks + endings + READ_BACK]


def test_imports_wait_for_each_other() -> None:
    """Two at once: the third file begins when the first has ended."""
    assert simulate(replace(PLAIN, members=937_500, quota=1000)).first_load == 6270.0


def test_a_one_time_export_imports_in_rounds() -> None:
    """Five files, two at once, are three after each other; the sixth waits for all of them."""
    assert load_once(replace(PLAIN, members=6 * 312_500, quota=1000)) == 9390.0 + 3150.0


def test_what_may_not_create_is_never_imported() -> None:
    """So it is left over when the calls are spent, to the next day."""
    figures = simulate(replace(PLAIN, members=600_000, quota=1000, create_leads=False, days=4))

    assert {run.route for run in figures.runs} <= {"sync_leads", ""}
    assert figures.first_load is not None
    assert 2 * DAY < figures.first_load < 3 * DAY
    assert figures.first_load_calls is not None
    assert figures.first_load_calls < sum(figures.calls)


def test_the_last_tenth_of_the_calls_is_left_to_exits() -> None:
    """Entries stop at 100 of 1,000 calls, and nobody leaves."""
    figures = simulate(replace(PLAIN, members=600_000, quota=1000, quota_share=1.0, create_leads=False))

    (calls,) = figures.calls
    assert calls == 900 + 11 * (CHECK + USAGE)
    assert figures.left_over > 0


def test_without_calls_a_run_is_skipped() -> None:
    """What others have used by then is more than our share; they begin anew at midnight."""
    figures = simulate(replace(PLAIN, others=0.9, quota_share=0.45, days=2, churn=0.01))

    skipped = [run.begun / HOUR for run in figures.runs if run.skipped]
    assert skipped == [12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 36.0, 38.0, 40.0, 42.0, 44.0, 46.0]


def test_a_change_waits_for_the_next_sync() -> None:
    """At any time of the two hours, so one hour in the middle."""
    figures = simulate(replace(PLAIN, members=30_000, churn=0.1, days=2))

    assert figures.first_load == 0.0
    assert figures.median == pytest.approx(HOUR, rel=0.05)
    assert figures.worst == pytest.approx(2 * HOUR, rel=0.05)


def test_a_run_longer_than_the_interval_is_followed_by_one_at_once() -> None:
    """Of the runs that were due meanwhile only the latest is made up for."""
    figures = simulate(replace(PLAIN, first_page_seconds=5 * HOUR))

    assert [run.begun / HOUR for run in figures.runs] == [0.0, 5.0, 10.0, 15.0, 20.0]


def test_a_one_time_export_goes_on_after_the_quota_s_reset() -> None:
    """2,000 calls, of which a day gives some 900: five minutes after the second midnight it ends."""
    ended = load_once(replace(PLAIN, members=600_000, quota=1000, quota_share=1.0, create_leads=False, days=4))

    assert ended is not None
    assert 2 * DAY + 300 <= ended < 2 * DAY + HOUR


def test_a_one_time_export_that_does_not_end_in_time_says_so() -> None:
    """One day is not enough."""
    assert load_once(replace(PLAIN, members=600_000, quota=1000, create_leads=False)) is None


def test_the_highest_churn_keeps_up_and_more_does_not() -> None:
    """By the same measure as the bisection's."""
    assumed = replace(PLAIN, members=300_000, quota=1000)

    churn = highest_churn(assumed)

    assert keeps_up(replace(assumed, churn=churn))
    assert not keeps_up(replace(assumed, churn=churn + 0.01))


def test_the_same_assumptions_give_the_same_figures() -> None:
    """There is no chance in it."""
    assumed = replace(PLAIN, members=300_000, churn=0.05, quota=2000, others=0.2)

    assert simulate(assumed) == simulate(assumed)


def test_more_quota_is_never_staler() -> None:
    """Nor is a higher churn borne with less."""
    quotas = [1000, 2000, 5000, 50_000]
    assumed = replace(PLAIN, members=300_000, churn=0.05, days=3, create_leads=False)

    figures = [simulate(replace(assumed, quota=quota), loaded=True) for quota in quotas]

    worsts = [each.worst for each in figures]
    assert worsts == sorted(worsts, reverse=True)
    assert worsts[0] > worsts[-1]
    churns = [highest_churn(replace(assumed, quota=quota)) for quota in quotas]
    assert churns == sorted(churns)


def test_every_assumption_is_a_flag_and_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """With where it comes from, and the figures after it."""
    assert main(["--members", "3000", "--days", "1", "--no-create-leads"]) == 0

    printed = capsys.readouterr().out
    assert "--create-leads" in printed
    assert "[bulk-lead-import.md]" in printed
    assert "calls of the first load " in printed
    assert "highest churn in 2 hours that keeps up" in printed
