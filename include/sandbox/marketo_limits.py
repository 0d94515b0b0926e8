"""What an instance allows: calls in a window of 20 seconds, calls in a day, calls at once; and what was used.

All three are shared by everybody on the instance. A call that is refused for a limit counts all the same, so
that who hammers on 606 never gets out of it; only the codes in `marketo_answers.FREE` cost nothing.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/marketo-integration-best-practices
"""

from collections import Counter, deque
from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from include.sandbox.clock import Clock
from include.sandbox.marketo_answers import Refused

_RESET_ZONE = ZoneInfo("America/Chicago")
"""The quota starts anew at midnight "CST"; that it follows daylight saving is our reading."""
Whole = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


class Limits(BaseModel, frozen=True, extra="forbid"):
    """The limits of an instance. A megabyte and 8 KB are taken in their smaller, decimal sense.

    The 10 MB of a bulk import are 10 x 1024 x 1024 bytes of body, for clients that others publish send that much.
    """

    daily_quota: Whole = 50_000
    calls_per_window: Whole = 100
    window_seconds: Seconds = 20.0
    concurrent_calls: Whole = 10
    token_seconds: Seconds = 3600.0
    max_records: Whole = 300
    max_values: Whole = 300
    max_matches: Whole = 1000
    max_custom_fields: Whole = 100
    max_body_bytes: Whole = 1_000_000
    max_target_bytes: Whole = 8_000
    max_import_bytes: Whole = 10 * 1024 * 1024
    running_imports: Whole = 2
    queued_imports: Whole = 10
    import_id_seconds: Seconds = 7 * 86_400.0


class Gate:
    """Counts the calls of an instance and turns away those beyond its limits."""

    def __init__(self, limits: Limits, clock: Clock, *, user: str) -> None:
        self.limits = limits
        self.in_flight = 0
        self._clock = clock
        self._user = user
        self._window: deque[float] = deque()
        self._calls: dict[date, Counter[str]] = {}
        self._errors: dict[date, Counter[str]] = {}

    def count(self) -> None:
        """Count a call."""
        self._calls_today()[self._user] += 1
        self._window.append(self._clock.monotonic())

    def enter(self) -> None:
        """Count a call; it is in flight until `leave`.

        Raises:
            Refused: 606, 607 or 615; the call is counted but not in flight.
        """
        self.count()
        if self.in_window() > self.limits.calls_per_window:
            seconds = f"{self.limits.window_seconds:g}"
            raise Refused(
                "606", f"Max rate limit '{self.limits.calls_per_window}' exceeded with in '{seconds}' secs"
            )
        if self.used() > self.limits.daily_quota:
            raise Refused("607", f"Daily quota '{self.limits.daily_quota}' reached")
        if self.in_flight >= self.limits.concurrent_calls:
            raise Refused("615", f"Concurrent access limit '{self.limits.concurrent_calls}' reached")
        self.in_flight += 1

    def leave(self) -> None:
        """End a call that entered."""
        self.in_flight -= 1

    def note_error(self, code: str) -> None:
        """Count an error for the error statistics."""
        self._errors.setdefault(self._today(), Counter())[code] += 1

    def used(self) -> int:
        """Return how many calls the whole subscription has made today."""
        return self._calls_today().total()

    def set_used(self, calls: int) -> None:
        """Have the subscription's calls of today be `calls`, those of other users making up the difference."""
        self._calls[self._today()] = Counter({"other.integration@sandbox.invalid": calls})

    def in_window(self) -> int:
        """Return how many calls the last window holds."""
        oldest = self._clock.monotonic() - self.limits.window_seconds
        while self._window and self._window[0] <= oldest:
            self._window.popleft()
        return len(self._window)

    def usage(self, *, days: int) -> list[dict[str, Any]]:
        """Return the result of the usage statistics, today first."""
        return [
            {
                "date": day.isoformat(),
                "total": calls.total(),
                "users": [{"userId": user, "count": count} for user, count in calls.items()],
            }
            for day in self._days(days)
            for calls in [self._calls.get(day, Counter[str]())]
        ]

    def errors(self, *, days: int) -> list[dict[str, Any]]:
        """Return the result of the error statistics, today first."""
        return [
            {
                "date": day.isoformat(),
                "total": errors.total(),
                "errors": [{"errorCode": code, "count": count} for code, count in errors.items()],
            }
            for day in self._days(days)
            for errors in [self._errors.get(day, Counter[str]())]
        ]

    def _days(self, days: int) -> list[date]:
        return [self._today() - timedelta(days=back) for back in range(days)]

    def _today(self) -> date:
        return self._clock.now().astimezone(_RESET_ZONE).date()

    def _calls_today(self) -> Counter[str]:
        return self._calls.setdefault(self._today(), Counter())
