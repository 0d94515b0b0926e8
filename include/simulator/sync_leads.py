"""Sync leads in a simulation: each request has its place in the limits and its call in the budget."""

import math
from contextlib import AbstractContextManager

from include.simulator.assumptions import Assumptions
from include.simulator.clock import VirtualClock
from include.simulator.cohort import Sent
from include.simulator.marketo import Marketo
from marketo_provider.marketo.limits import CallLimits
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.budget import Budget


class SyncLeads:
    """Requests of 300 records each, as many in flight as are allowed."""

    def __init__(self, assumed: Assumptions, clock: VirtualClock, marketo: Marketo, limits: CallLimits) -> None:
        self._assumed = assumed
        self._clock = clock
        self._marketo = marketo
        self._limits = limits
        self._in_flight = 0
        self._out_of_calls = False

    def send(self, records: int, budget: Budget, *, exits: bool) -> Sent:
        """Send records until all are answered or the calls are spent; return when how many were."""
        sent: Sent = []
        for first in range(0, records, MOST_RECORDS):
            while self._in_flight == self._assumed.concurrent_calls:
                self._clock.next()
            if self._out_of_calls or not budget.allows(exits=exits):
                break
            slot = self._limits.slot(math.inf)
            slot.__enter__()  # left when the call ends, which is not here
            self._in_flight += 1
            self._begin(slot, min(MOST_RECORDS, records - first), sent)
        while self._in_flight:
            self._clock.next()
        return sent

    def _begin(self, slot: AbstractContextManager[None], records: int, sent: Sent) -> None:
        def end() -> None:
            slot.__exit__(None, None, None)
            self._in_flight -= 1
            if self._marketo.call():
                sent.append((self._clock.seconds, records))
            else:
                self._out_of_calls = True

        self._clock.later(self._assumed.call_seconds, end)
