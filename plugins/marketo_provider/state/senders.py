"""Who else sends to a Marketo instance, as the instance's log tells it, and what part of the limits that leaves.

Why no 20 seconds see more than the limit. Marketo counts the calls that it receives in any 20 seconds. A client
begins a call only while those of its last 20 seconds are fewer than its part, so that of one client a window
holds no more than its part at its last call in that window. A part is ceil((limit - rank) / count): it falls
with the count, and with the rank, which is the place in the order of joining. So all together keep to the limit
if everybody who sends in a window is counted by everybody else who does, at his last call there. He is:

- Who *joins* sends nothing for 30 seconds after his record is there. A part is at most 5 seconds old when a call
  begins, and a call is given 5 seconds to reach Marketo. So what arrives within the 20 seconds before his first
  call was sent by those who had read that he is there.
- Who *leaves* says so after his last call has ended, and how many calls of his last 20 seconds there were. For 20
  seconds more he is counted by whoever reads it; who is alone by then takes the calls off the limit instead. The
  same holds for who has nothing to send but waits for the turn.
- Who is *silent* has sent nothing since `lease_seconds` after his last record, for no request begins or lasts
  beyond that, and is counted until `takeover_seconds` after it.
- Who finds himself *alone* sends at once, unless those who left have made more than half of the calls: whoever
  comes later finds him there. Who left before he came is counted for 10 seconds more, for clocks that differ.

The same parts share the calls in flight out; a call that takes longer than a newcomer waits may meet his. Where
more deliver than the limit has calls, each still has one.
"""

from dataclasses import dataclass
from datetime import datetime

from marketo_provider.state.instance import Deliverer, Instance, Stopped

WINDOW_SECONDS = 20.0
READ_EVERY_SECONDS = 5.0
_ON_THE_WAY_SECONDS = 5.0
NEWCOMER_SECONDS = WINDOW_SECONDS + READ_EVERY_SECONDS + _ON_THE_WAY_SECONDS
_CLOCKS_DIFFER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a limit that belongs to one of `count`, the one at place `rank`.

    `taken`: calls of the last 20 seconds, of those who have left, that come off the limit before.
    """

    rank: int
    count: int
    taken: int = 0

    def of(self, limit: int) -> int:
        """Return the part, at least 1; the parts of all ranks add up to the limit."""
        return max(1, -((self.rank - limit) // self.count))


@dataclass(frozen=True, slots=True)
class _Gone:
    """One who sends no more: counted until then, with the calls that he told of."""

    until: float
    calls: int | None


class Senders:
    """The others who send, and those who did a moment ago."""

    def __init__(self) -> None:
        self._me: Deliverer | None = None
        self._numbers: set[int] = set()
        self._gone: dict[int, _Gone] = {}
        self._stopped: tuple[Stopped, ...] | None = None

    def note(self, state: Instance, holder: str, *, now: datetime, monotonic: float) -> None:
        """Take in what the log says.

        Who had stopped before it was read first is known by the time in his record only.

        Args:
            state: the instance's.
            holder: this run, which is none of the others.
            now: the time.
            monotonic: the same on the clock that measures.
        """
        self._me = state.find(holder)
        numbers = {one.number for one in state.deliverers if one.sending and not one.silent(now)}
        until = monotonic + WINDOW_SECONDS
        self._gone |= dict.fromkeys(self._numbers - numbers, _Gone(until, None))
        for one in state.stopped:
            if self._stopped is None:
                left = (one.at - now).total_seconds() + WINDOW_SECONDS + _CLOCKS_DIFFER_SECONDS
                self._gone[one.number] = _Gone(monotonic + min(left, NEWCOMER_SECONDS), one.calls)
            elif one not in self._stopped:
                self._gone[one.number] = _Gone(until, one.calls)
        self._stopped = state.stopped
        self._numbers = numbers

    def part(self, monotonic: float) -> Part:
        """Return which part of the limits belongs to this run."""
        taken = self._taken(monotonic)
        if not self._others and taken is not None:
            return Part(0, 1, taken)
        others = self._others | self._counted(monotonic).keys()
        rank = sum(number < self._me.number for number in others) if self._me else len(others)
        return Part(rank, len(others) + 1)

    def ready_at(self, monotonic: float) -> float:
        """Return when this run, which has just said that it sends, is to begin, unless `has_room` says sooner."""
        if self._others:
            return monotonic + NEWCOMER_SECONDS
        return max([monotonic, *(gone.until for gone in self._counted(monotonic).values())])

    def has_room(self, monotonic: float, most_calls: int) -> bool:
        """Whether this run is the one that sends, and those who left have not made too many of `most_calls`."""
        taken = self._taken(monotonic)
        alone = self._me is not None and self._me.sending and not self._others
        return alone and taken is not None and 2 * taken <= most_calls

    @property
    def _others(self) -> set[int]:
        return self._numbers - ({self._me.number} if self._me else set())

    def _counted(self, monotonic: float) -> dict[int, _Gone]:
        """Return the others who have left and are counted still."""
        me = self._me.number if self._me else None
        return {number: gone for number, gone in self._gone.items() if number != me and monotonic < gone.until}

    def _taken(self, monotonic: float) -> int | None:
        """Return how many calls those have made, if all of them told."""
        calls = [gone.calls for gone in self._counted(monotonic).values()]
        told = [one for one in calls if one is not None]
        return sum(told) if len(told) == len(calls) else None
