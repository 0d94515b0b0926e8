"""People who move in and out: how many, and how long each waits."""

import pytest

from include.simulator.cohort import Cohort, Delay, median, worst


def test_at_the_start_all_members_wait() -> None:
    """Unless Marketo holds them."""
    assert Cohort(1000, 0.5, 100.0, loaded=False).waiting == 1000
    assert Cohort(1000, 0.5, 100.0, loaded=True).waiting == 0


def test_as_many_enter_as_leave() -> None:
    """Half within an interval, three quarters within two."""
    cohort = Cohort(1000, 0.5, 100.0, loaded=True)

    cohort.move_to(100.0)
    assert (cohort.entered.people, cohort.exited.people) == (500, 500)
    cohort.move_to(200.0)

    assert (cohort.entered.people, cohort.exited.people) == (750, 750)


def test_who_leaves_before_he_was_set_needs_no_call() -> None:
    """Marketo never knew."""
    cohort = Cohort(1000, 0.5, 100.0, loaded=False)

    cohort.move_to(100.0)

    assert (cohort.entered.people, cohort.exited.people) == (1000, 0)


def test_who_was_set_true_leaves_as_an_exit() -> None:
    """Of those that a call was made for."""
    cohort = Cohort(1000, 0.5, 100.0, loaded=False)
    cohort.enter([(0.0, 600)])

    cohort.move_to(100.0)

    assert (cohort.entered.people, cohort.exited.people) == (700, 300)


def test_a_part_is_sent_of_each_age() -> None:
    """A change set knows no age."""
    cohort = Cohort(1000, 0.5, 100.0, loaded=True)
    cohort.move_to(100.0)

    delays = cohort.exit([(150.0, 250)])

    assert cohort.exited.people == 250
    assert sum(delay.people for delay in delays) == pytest.approx(250)
    assert median(delays) == pytest.approx(100.0, abs=5)
    assert worst(delays) == pytest.approx(150.0, abs=5)


def test_nothing_sent_is_no_delay() -> None:
    """And nobody stops waiting."""
    cohort = Cohort(1000, 0.5, 100.0, loaded=False)

    assert cohort.enter([]) == []
    assert cohort.waiting == 1000


def test_the_median_counts_people() -> None:
    """Not delays."""
    delays = [Delay(0.0, 1.0, 10), Delay(0.0, 2.0, 1), Delay(0.0, 3.0, 1)]

    assert (median(delays), worst(delays)) == (1.0, 3.0)
    assert (median([]), worst([])) == (0.0, 0.0)
