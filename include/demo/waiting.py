"""Waiting for something to come true, with a deadline and a reason for giving up."""

import time
from collections.abc import Callable
from typing import TypeVar

from include.demo.failure import DemoFailed

_Found = TypeVar("_Found")


def wait_for(
    probe: Callable[[], _Found | None],
    *,
    seconds: float,
    otherwise: Callable[[], str],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> _Found:
    """Return what `probe` finds, asking twice a second.

    Raises:
        DemoFailed: with the text of `otherwise`, when it has found nothing for so many `seconds`.
    """
    deadline = now() + seconds
    while (found := probe()) is None:
        if now() > deadline:
            raise DemoFailed(otherwise())
        sleep(0.5)
    return found
