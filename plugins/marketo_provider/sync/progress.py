"""Progress in the task's log: counts and a rate, every ten seconds, never an address."""

import logging

from marketo_provider.clock import Clock

_EVERY_SECONDS = 10
logger = logging.getLogger("marketo_provider.sync")


class Progress:
    """Counts things done out of `total`."""

    def __init__(self, title: str, total: int, clock: Clock) -> None:
        self._title = title
        self._total = total
        self._clock = clock
        self._done = 0
        self._began = self._told = clock.monotonic()

    def add(self, count: int) -> None:
        """Count, and tell where ten seconds have passed."""
        self._done += count
        now = self._clock.monotonic()
        if now - self._told >= _EVERY_SECONDS:
            self._told = now
            rate = self._done / (now - self._began)
            logger.info("%s: %s of %s, %.0f a second", self._title, f"{self._done:,}", f"{self._total:,}", rate)
