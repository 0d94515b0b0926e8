"""Marketo's limits: the rate and concurrency of one client with all its threads, and when the day's quota ends.

Written here because no kept library takes our clock: pyrate-limiter waits with the machine's own `sleep`,
and `limits` reads the machine's wall clock.

A call keeps its place from before it is sent until 20 seconds after it ended. The instant that counts is when
Marketo received it, which lies between the two, so that no window of Marketo's holds more than ours.
"""

import heapq
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore, Lock
from zoneinfo import ZoneInfo

from marketo_provider.clock import Clock
from marketo_provider.errors import VendorUnavailable

WINDOW_SECONDS = 20.0
_MARKETO_TIME = ZoneInfo("America/Chicago")
_AFTER_MIDNIGHT = timedelta(minutes=5)


class CallLimits:
    """At most `calls` in any 20 seconds, and `concurrent` at once.

    Args:
        calls: the limit of a window.
        concurrent: the limit of calls under way.
        clock: measures the window and waits for it.
    """

    def __init__(self, *, calls: int, concurrent: int, clock: Clock) -> None:
        self._clock = clock
        self._in_flight = BoundedSemaphore(min(calls, concurrent))
        self._lock = Lock()
        self._free_at = [-math.inf] * calls  # a heap: when each place is free

    @contextmanager
    def slot(self, deadline: float) -> Iterator[None]:
        """Hold a place for one call.

        Raises:
            VendorUnavailable: no place is free before `deadline`.
        """
        with self._in_flight:
            with self._lock:
                free_at = heapq.heappop(self._free_at)
            try:
                self._wait(free_at, deadline)
                try:
                    yield
                finally:
                    free_at = self._clock.monotonic() + WINDOW_SECONDS
            finally:
                with self._lock:
                    heapq.heappush(self._free_at, free_at)

    def _wait(self, free_at: float, deadline: float) -> None:
        if free_at >= deadline:
            raise VendorUnavailable("Marketo's limit of calls in 20 seconds leaves no time for this request.")
        seconds = free_at - self._clock.monotonic()
        if seconds > 0:
            self._clock.sleep(seconds)


def next_quota_reset(now: datetime) -> datetime:
    """Return when to ask again once the calls of the day are spent, in UTC.

    Marketo counts from midnight in Central Time (https://experienceleague.adobe.com/en/docs/marketo-developer/
    marketo/rest/rest-api); five minutes more are for clocks that differ.
    """
    since_midnight = now.astimezone(_MARKETO_TIME) - _AFTER_MIDNIGHT
    midnight = datetime.combine(since_midnight.date() + timedelta(days=1), datetime.min.time(), _MARKETO_TIME)
    return (midnight + _AFTER_MIDNIGHT).astimezone(UTC)
