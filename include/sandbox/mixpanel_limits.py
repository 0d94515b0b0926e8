"""The limits of the Query API: 60 queries in a rolling hour and 5 at once, for a project.

Documented at https://docs.mixpanel.com/reference/rate-limits; how it counts, and the headers and bodies of a
429, are those of Mixpanel's own client (mixpanel-headless, `pacer` and its tests). Pages that carry a session
are not counted in the hour. That they take one of the five places is our guess, and the stricter one.
"""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, PositiveInt

from include.sandbox.clock import Clock

_HOUR = timedelta(hours=1)
_CONCURRENCY_WAIT = 10


class Limits(BaseModel, frozen=True, extra="forbid"):
    """The numbers a test may change."""

    queries_per_hour: PositiveInt = 60
    concurrent_queries: PositiveInt = 5
    session_seconds: PositiveInt = 3600
    page_size: PositiveInt = 1000
    page_size_cap: PositiveInt = 5000


@dataclass(frozen=True, slots=True)
class TooMany:
    """Why a query is refused with 429, in the vendor's words and headers."""

    reason: str
    headers: dict[str, str]


class RateLimit:
    """Counts a project's queries.

    Attributes:
        running: Queries that have begun and not ended.
    """

    def __init__(self, clock: Clock) -> None:
        self.running = 0
        self._clock = clock
        self._counted: deque[datetime] = deque()

    def counted(self) -> int:
        """Return the number of queries counted in the last hour."""
        while self._counted and self._counted[0] <= self._clock.now() - _HOUR:
            self._counted.popleft()
        return len(self._counted)

    def admit(self, limits: Limits, *, counts: bool) -> TooMany | None:
        """Take a query in, unless it is one too many; who is let in has to `leave`.

        Args:
            limits: The numbers that hold now.
            counts: Whether it is one of those the hour counts.
        """
        used, quota, places = self.counted(), limits.queries_per_hour, limits.concurrent_queries
        if counts and used >= quota:
            free_at = self._counted[used - quota] + _HOUR
            wait = math.ceil((free_at - self._clock.now()).total_seconds())
            state = f'"project";r=0;t={wait}, "project-concurrency";r={max(places - self.running, 0)}'
            reason = f"rate limit ({used + 1}/{quota} queries running in the last hour)"
            return _too_many(limits, reason, wait, state)
        if self.running >= places:
            left = max(quota - used, 0)
            state = f'"project";r={left}, "project-concurrency";r=0;t={_CONCURRENCY_WAIT}'
            reason = f"concurrency limit ({self.running + 1}/{places} queries running concurrently)"
            return _too_many(limits, reason, _CONCURRENCY_WAIT, state)
        if counts:
            self._counted.append(self._clock.now())
        self.running += 1
        return None

    def leave(self) -> None:
        """Give back the place of a query that was let in."""
        self.running -= 1


def _too_many(limits: Limits, reason: str, wait: int, state: str) -> TooMany:
    policy = (
        f'"project";q={limits.queries_per_hour};w=3600, '
        f'"project-concurrency";q={limits.concurrent_queries};qu="concurrent-requests"'
    )
    headers = {"retry-after": str(wait), "ratelimit-policy": policy, "ratelimit": state}
    return TooMany(reason, headers)
