"""A clock whose pauses take no time: whoever sleeps moves everybody's time on."""

from datetime import datetime, timedelta

from marketo_provider.clock import SystemClock


class QuickClock(SystemClock):
    """The machine's clock, ahead by all that has been slept."""

    def __init__(self) -> None:
        self._slept = 0.0

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return super().now() + timedelta(seconds=self._slept)

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return super().monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        """Let so many seconds have passed."""
        self._slept += seconds
