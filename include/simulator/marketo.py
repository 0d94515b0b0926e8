"""Marketo in a simulation: it counts calls against the day's quota, which others use too, and imports files."""

from include.simulator.assumptions import Assumptions
from include.simulator.clock import DAY, VirtualClock
from marketo_provider.errors import QuotaExhausted
from marketo_provider.marketo.limits import next_quota_reset


class Marketo:
    """One instance, as a client of it sees it: with `calls` and `calls_today` it stands in for the real client."""

    def __init__(self, assumed: Assumptions, clock: VirtualClock) -> None:
        self.calls = 0
        self.calls_by_day: dict[int, int] = {}
        self._assumed = assumed
        self._clock = clock
        self._free_at = [0.0] * assumed.import_jobs

    def call(self) -> bool:
        """Count a call; return whether it was carried out, or refused since the quota is spent (607)."""
        if self._used() >= self._assumed.quota:
            return False
        self.calls += 1
        day = int(self._clock.seconds // DAY)
        self.calls_by_day[day] = self.calls_by_day.get(day, 0) + 1
        return True

    def calls_today(self) -> int:
        """Return the calls of all integrations today, which is a call itself.

        Raises:
            QuotaExhausted: there are none left.
        """
        if not self.call():
            raise QuotaExhausted("none left", resume_at=next_quota_reset(self._clock.now()))
        return int(self._used())

    def import_file(self, rows: int) -> float:
        """Queue an import; return when it will have ended."""
        place = self._free_at.index(min(self._free_at))
        begins_at = max(self._clock.seconds, self._free_at[place])
        self._free_at[place] = begins_at + rows / self._assumed.import_rows_per_second
        return self._free_at[place]

    def _used(self) -> float:
        day, seconds = divmod(self._clock.seconds, DAY)
        others = self._assumed.others * self._assumed.quota * seconds / DAY
        return others + self.calls_by_day.get(int(day), 0)
