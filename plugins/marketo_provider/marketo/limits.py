"""Marketo's limits: the rate and concurrency of one client with all its threads, and when the day's quota ends.

Written here because no kept library takes our clock: pyrate-limiter waits with the machine's own `sleep`, and
`limits` reads the machine's wall clock.

A call keeps its place from before it is sent until 20 seconds after it ended. The instant that counts is when
Marketo received it, which lies between the two, so that no window of Marketo's holds more than ours. How many
places there are may change from call to call: others on the instance come and go.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Condition, Lock
from zoneinfo import ZoneInfo

from marketo_provider.clock import Clock
from marketo_provider.errors import VendorUnavailable

WINDOW_SECONDS = 20.0
_LOOK_SECONDS = 1.0
_CATCH_UP_SECONDS = 5.0
_MARKETO_TIME = ZoneInfo("America/Chicago")
_AFTER_MIDNIGHT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Share:
    """At most `calls` in any 20 seconds, and `concurrent` at once.

    `even`: one by one from the first call on. Who begins with a burst has an empty window after it, which the
    others cannot fill.
    """

    calls: int
    concurrent: int
    even: bool = False


class CallLimits:
    """Lets calls begin while they keep to the share of the moment.

    A burst is let through; but once there are more calls than places they come one by one, evenly, so that each
    window has its full number.

    Args:
        share: asked whenever a call is about to begin.
        clock: measures the window and waits for it.
    """

    def __init__(self, share: Callable[[], Share], clock: Clock) -> None:
        self.share = share
        self._clock = clock
        self._first = Lock()
        self._changed = Condition()
        self._in_flight = 0
        self._free_at: deque[float] = deque()  # of the calls that have ended, in order
        self._even_until = self._paced_at = -math.inf

    @contextmanager
    def slot(self, deadline: float) -> Iterator[None]:
        """Hold a place for one call.

        Raises:
            VendorUnavailable: no place is free before `deadline`.
        """
        # Only the first in the queue looks at the clock; that many threads wake at once would cost time.
        with self._first:
            self._enter(deadline)
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._free_at.append(self._clock.monotonic() + WINDOW_SECONDS)
                self._changed.notify_all()

    def held(self) -> int:
        """Return how many places are held: by the calls under way, and those of the last 20 seconds."""
        with self._changed:
            now = self._clock.monotonic()
            return self._in_flight + sum(free_at > now for free_at in self._free_at)

    def _enter(self, deadline: float) -> None:
        while True:
            with self._changed:
                share = self.share()
                while self._in_flight >= min(share.calls, share.concurrent):
                    self._changed.wait()
                    share = self.share()
                now = self._clock.monotonic()
                pace = WINDOW_SECONDS / share.calls
                due = self._paced_at + pace
                free_at = self._free(share.calls, now)
                if share.even or free_at > now:
                    self._even_until = now + 2 * WINDOW_SECONDS
                if now < self._even_until:
                    free_at = max(free_at, due)
                if free_at <= now:
                    # Calls that begin a little late do not delay those after them.
                    self._paced_at = due if due <= now < due + _CATCH_UP_SECONDS else now
                    self._in_flight += 1
                    return
            if free_at >= deadline:
                raise VendorUnavailable("Marketo's limit of calls in 20 seconds leaves no time for this request.")
            self._clock.sleep(min(free_at - now, _LOOK_SECONDS))

    def _free(self, calls: int, now: float) -> float:
        """Return when there are fewer than `calls` in the window."""
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        surplus = len(self._free_at) + self._in_flight - calls
        # Those in flight are fewer than `calls`, so that enough of the others can be waited for.
        return self._free_at[surplus] if surplus >= 0 else -math.inf


def next_quota_reset(now: datetime) -> datetime:
    """Return when to ask again once the calls of the day are spent, in UTC.

    Marketo counts from midnight in Central Time (https://experienceleague.adobe.com/en/docs/marketo-developer/
    marketo/rest/rest-api); five minutes more are for clocks that differ.
    """
    since_midnight = now.astimezone(_MARKETO_TIME) - _AFTER_MIDNIGHT
    midnight = datetime.combine(since_midnight.date() + timedelta(days=1), datetime.min.time(), _MARKETO_TIME)
    return (midnight + _AFTER_MIDNIGHT).astimezone(UTC)
