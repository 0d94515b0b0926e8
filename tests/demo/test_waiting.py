"""Waiting with a deadline."""

from itertools import count

import pytest

from include.demo.failure import DemoFailed
from include.demo.waiting import wait_for


def test_what_is_found_is_returned() -> None:
    """Something that is there at the third look is returned then."""
    looks = iter([None, None, "there"])
    pauses: list[float] = []

    found = wait_for(lambda: next(looks), seconds=60, otherwise=str, now=lambda: 0.0, sleep=pauses.append)

    assert (found, len(pauses)) == ("there", 2)


def test_what_never_comes_is_a_failure_that_says_why() -> None:
    """After the deadline the caller's words tell what was waited for."""
    clock = count()

    with pytest.raises(DemoFailed, match="no DAG"):
        wait_for(
            lambda: None, seconds=3, otherwise=lambda: "no DAG", now=lambda: next(clock), sleep=lambda _: None
        )
