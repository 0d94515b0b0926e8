"""Marketo's calls of the day, which all integrations of the instance share.

The quota itself is returned by no endpoint, so it is set in the Connection; what is used of it is read before
the first call and every 250 calls. The last tenth of our share is for exits: who has left must not be mailed.

Vendor page: help/rest-api/usage.md (AdobeDocs/marketo-developer.en).
"""

import math
from datetime import datetime, timedelta
from typing import Protocol

from marketo_provider.errors import QuotaExhausted
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.marketo.limits import next_quota_reset

_READ_EVERY_CALLS = 250
_KEPT_FOR_EXITS = 0.1
_HOURS_AFTER_RESET = 3


class Usage(Protocol):
    """What a budget asks of Marketo's client."""

    @property
    def calls(self) -> int:
        """How many calls of this client counted against the quota."""

    def calls_today(self) -> int:
        """Return the calls that all integrations of the instance have made today."""


class Budget:
    """What of the day's calls is left to one run.

    Args:
        client: asks Marketo for the usage, and counts our own calls since.
        limits: `daily_quota` and `quota_share`.
    """

    def __init__(self, client: Usage, limits: MarketoConnection) -> None:
        self._client = client
        self._share = int(limits.quota_share * limits.daily_quota)
        self._used = 0
        self._read_at_call: int | None = None

    def left(self) -> int:
        """Return how many calls are left."""
        since = 0 if self._read_at_call is None else self._client.calls - self._read_at_call
        if self._read_at_call is None or since >= _READ_EVERY_CALLS:
            try:
                self._used = self._client.calls_today()
            except QuotaExhausted:
                self._used = self._share
            self._read_at_call = self._client.calls
            since = 0
        return self._share - self._used - since

    def left_for_entries(self) -> int:
        """Return how many calls are left but those that are kept for exits."""
        return self.left() - int(self._share * _KEPT_FOR_EXITS)

    def days_for_entries(self, calls: int) -> int:
        """Return how many days, today among them, so many calls take, if nobody else makes any."""
        a_day = max(1, self._share - int(self._share * _KEPT_FOR_EXITS))
        return 1 + max(0, math.ceil((calls - max(0, self.left_for_entries())) / a_day))

    def allows(self, *, exits: bool) -> bool:
        """Whether another call may be made, for exits or for entries."""
        return (self.left() if exits else self.left_for_entries()) > 0


def calls_again_at(now: datetime) -> datetime:
    """Return when to look for new calls: five minutes after Chicago's midnight, then every hour.

    Adobe gives the reset as midnight "CST" and does not say whether that follows daylight saving time, so for
    some hours after it the usage is asked again.
    """
    reset = next_quota_reset(now)
    if reset - now > timedelta(hours=24 - _HOURS_AFTER_RESET):
        return now + timedelta(hours=1)
    return reset
