from threading import Event

import pytest

from marketo_provider.deadlines import Deadlines

LONG = 60.0


def test_a_block_that_hangs_is_ended() -> None:
    """From another thread, since its own hangs."""
    deadlines, ended = Deadlines(), Event()

    with deadlines.ending(ended.set, after=0.01):
        assert ended.wait(timeout=LONG)


def test_a_block_that_ends_in_time_is_left_alone() -> None:
    """Its action is not called, not even when another's is."""
    deadlines, early, late = Deadlines(), Event(), Event()
    with deadlines.ending(early.set, after=0.05):
        pass

    with deadlines.ending(late.set, after=0.1):
        assert late.wait(timeout=LONG)

    assert not early.is_set()


def test_a_nearer_deadline_is_met_while_a_farther_one_is_waited_for() -> None:
    """Whichever came first."""
    deadlines, near, far = Deadlines(), Event(), Event()

    with deadlines.ending(far.set, after=LONG), deadlines.ending(near.set, after=0.01):
        assert near.wait(timeout=LONG / 2)

    assert not far.is_set()


def test_each_of_several_blocks_is_ended() -> None:
    """By the one thread."""
    deadlines, first, second = Deadlines(), Event(), Event()

    with deadlines.ending(first.set, after=0.01), deadlines.ending(second.set, after=0.02):
        assert first.wait(timeout=LONG)
        assert second.wait(timeout=LONG)


def test_after_all_is_quiet_it_begins_anew() -> None:
    """The thread ends when nothing is under way, and the next block has one again."""
    deadlines = Deadlines()

    for _ in range(3):
        ended = Event()
        with deadlines.ending(ended.set, after=0.0):
            assert ended.wait(timeout=LONG)


def test_an_error_of_the_block_goes_through() -> None:
    """And its deadline is forgotten."""
    deadlines, ended = Deadlines(), Event()

    with pytest.raises(KeyError), deadlines.ending(ended.set, after=LONG):
        raise KeyError

    assert not ended.is_set()
