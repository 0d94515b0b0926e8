"""The right of one try of one run to write to a target, for a short time, renewed while it works.

Airflow does not give this: a backfill, `dags test` and a second deployment all ignore `max_active_runs`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from marketo_provider.clock import Clock
from marketo_provider.errors import LeaseHeld, LeaseLost, MarketoProviderError
from marketo_provider.state.log import TargetLog
from marketo_provider.state.numbered_log import NumberedLog
from marketo_provider.state.records import LeaseGivenBack, LeaseRenewed, LeaseTaken, LogRecord, Record
from marketo_provider.state.target import Target

# Beyond a request's own limit: how far workers' clocks may be apart, both ways.
_CLOCK_MARGIN_SECONDS = 20
L = TypeVar("L", bound=NumberedLog[Any, Any])


class Holder(Generic[L]):
    """What one holder's appends to a log are worth: each carries for a time, then others may go on without him.

    Args:
        log: the log.
        holder: names this try of the task, and no other.
        lease_seconds: how long an acknowledged append carries.
        replay_after_seconds: how long after its start a request may still take effect in Marketo.
        clock: time.
    """

    def __init__(
        self, log: L, holder: str, *, lease_seconds: float, replay_after_seconds: float, clock: Clock
    ) -> None:
        self.log = log
        self.holder = holder
        self._lease_seconds = lease_seconds
        self.takeover_seconds = lease_seconds + replay_after_seconds + _CLOCK_MARGIN_SECONDS
        self._clock = clock
        self._renewed = float("-inf")

    @property
    def deadline(self) -> float:
        """Until when the last append carries, on the monotonic clock."""
        return self._renewed + self._lease_seconds

    def now(self) -> datetime:
        """Return the time that a record of the holder bears."""
        return self._clock.now()

    def _due(self, at_least: float) -> bool:
        """Whether to renew: after a third of the time, or where less than `at_least` seconds are left."""
        silence = self._clock.monotonic() - self._renewed
        return silence > self._lease_seconds / 3 or self._lease_seconds - silence < at_least

    def _append(self, record: LogRecord, allowed: Callable[[Any], None]) -> int:
        began = self._clock.monotonic()
        number = self.log.append(record, allowed=allowed)
        self._renewed = began
        return number


class Lease(Holder[TargetLog]):
    """The lease of `holder` on the target of `log`."""

    def take(self) -> None:
        """Take the lease.

        Raises:
            LeaseHeld: another run has it; says when it could be taken over.
        """
        self.log.refresh()
        record = LeaseTaken(at=self._clock.now(), by=self.holder, takeover_seconds=self.takeover_seconds)
        self._append(record, self._free)

    def append(self, record: Record) -> int:
        """Append a record of the holder, which renews the lease.

        Raises:
            LeaseLost: another run has taken it over.
        """
        return self._append(record, self._held)

    def keep(self, *, at_least: float = 0.0) -> None:
        """Renew the lease after a third of it has passed, or where less than `at_least` seconds are left."""
        if self._due(at_least):
            self.append(LeaseRenewed(at=self._clock.now(), by=self.holder))

    def give_back(self) -> None:
        """Let the next run begin at once."""
        self.append(LeaseGivenBack(at=self._clock.now(), by=self.holder))

    @contextmanager
    def given_back(self, *, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Give it back after a block, or after an error in it `unless` a request may still take effect."""
        try:
            yield
        except LeaseLost:
            raise
        except MarketoProviderError:
            if not unless():
                self.give_back()
            raise
        self.give_back()

    def _held(self, target: Target) -> None:
        if target.lease is None or target.lease.holder != self.holder:
            raise LeaseLost(
                f"Another run took over the writing to {self.log.folder}. This try stops; what it sent "
                "without an answer will be sent again by the run that goes on. Nothing needs to be done."
            )

    def _free(self, target: Target) -> None:
        if target.lease is None:
            return
        free_at = target.lease.last_at + timedelta(seconds=target.lease.takeover_seconds)
        if self._clock.now() < free_at:
            raise LeaseHeld(
                f"Another run is writing to {self.log.folder}; "
                f"waiting for it until {free_at:%H:%M:%S} UTC at most.",
                resume_at=free_at,
            )
