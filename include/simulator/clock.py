"""A clock on which days pass in seconds: a pause only lets happen what is due in it."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

HOUR = 3600.0
DAY = 24 * HOUR
# Midnight in Chicago, when Marketo begins to count calls anew.
START = datetime(2026, 1, 5, 6, tzinfo=UTC)


class VirtualClock:
    """Time for the provider's code, and for what happens at the vendors meanwhile."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        self.sleep_until(self.seconds + seconds)

    def sleep_until(self, end: float) -> None:
        """Let time pass up to an instant, if it is still ahead."""
        while self._due and self._due[0][0] <= end:
            self.next()
        self.seconds = max(self.seconds, end)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Have something happen after a while."""
        heapq.heappush(self._due, (self.seconds + seconds, next(self._order), action))

    def next(self) -> None:
        """Let time pass to the next thing that is due, and that happen."""
        at, _, action = heapq.heappop(self._due)
        self.seconds = max(self.seconds, at)
        action()
