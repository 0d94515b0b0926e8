"""Saying what goes on: one line for each step, with the seconds since the start."""

import sys
import time
from collections.abc import Callable

Say = Callable[[str], None]


def narrator(now: Callable[[], float] = time.monotonic) -> Say:
    """Return a function that prints a line with the time it took to get there."""
    start = now()

    def say(line: str) -> None:
        sys.stdout.write(f"{now() - start:6.1f} s  {line}\n")
        sys.stdout.flush()

    return say
