"""People who enter and leave a cohort of constant size, and how long each change waits for Marketo.

Whoever enters was never in it before. Who leaves before he was set True needs no call. Which of those who wait
are sent first does not depend on how long they have waited, as it does not in a change set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

_SLICES = 24  # of the people who move between two snapshots, by when they did
_INSTANTS = 24  # of a delivery
# When requests were answered, and how many people each was for.
Sent = list[tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Delay:
    """So many changes, made at `since`, reached Marketo, or were still waiting for it, at `until`."""

    since: float
    until: float
    people: float

    @property
    def seconds(self) -> float:
        """How long they waited."""
        return self.until - self.since


@dataclass(slots=True)
class Waiting:
    """People who wait for a call, by when they moved."""

    slices: list[tuple[float, float]] = field(default_factory=list)

    @property
    def people(self) -> int:
        """How many they are."""
        return round(sum(people for _, people in self.slices))

    def add(self, people: float, begin: float, end: float) -> None:
        """Add people who moved evenly between two instants."""
        if not people:
            return
        step = (end - begin) / _SLICES
        self.slices += [(begin + step * (number + 0.5), people / _SLICES) for number in range(_SLICES)]

    def keep(self, share: float) -> None:
        """Keep a share of them, the same of each age."""
        self.slices = [(since, people * share) for since, people in self.slices] if share else []

    def deliver(self, sent: Sent) -> list[Delay]:
        """Take out who was sent: instants, and how many at each; return how long they have waited."""
        waiting, delivered = self.people, sum(people for _, people in sent)
        if not delivered:
            return []
        delays = [
            Delay(since, until, people * share / waiting)
            for until, share in _thinned(sent)
            for since, people in self.slices
        ]
        self.keep((waiting - delivered) / waiting)
        return delays


class Cohort:
    """Who is in the cohort, and what Marketo holds of it.

    Args:
        members: how many are in it at any time.
        churn: the share that leaves within `interval` seconds.
        interval: seconds.
        loaded: whether Marketo holds all of them at the start.
    """

    def __init__(self, members: int, churn: float, interval: float, *, loaded: bool) -> None:
        self.entered = Waiting()
        self.exited = Waiting()
        self._members = members
        self._held: float = members if loaded else 0
        self._stay = 1 - churn
        self._interval = interval
        self._at = 0.0
        if not loaded:
            self.entered.slices = [(0.0, members)]

    @property
    def waiting(self) -> int:
        """How many wait for a call."""
        return self.entered.people + self.exited.people

    def move_to(self, instant: float) -> None:
        """Let people move up to an instant, that of a snapshot."""
        stay = self._stay ** ((instant - self._at) / self._interval)
        self.exited.add(self._held * (1 - stay), self._at, instant)
        self._held *= stay
        self.entered.keep(stay)
        self.entered.add(self._members * (1 - stay), self._at, instant)
        self._at = instant

    def enter(self, sent: Sent) -> list[Delay]:
        """Have people set True."""
        self._held += sum(people for _, people in sent)
        return self.entered.deliver(sent)

    def exit(self, sent: Sent) -> list[Delay]:
        """Have people set False."""
        return self.exited.deliver(sent)


def median(delays: Sequence[Delay]) -> float:
    """Return how long half of the people waited at most, in seconds."""
    half = sum(delay.people for delay in delays) / 2
    for delay in sorted(delays, key=lambda delay: delay.seconds):
        half -= delay.people
        if half <= 0:
            return delay.seconds
    return 0.0


def worst(delays: Sequence[Delay]) -> float:
    """Return the longest that anybody waited, in seconds."""
    return max((delay.seconds for delay in delays), default=0.0)


def _thinned(sent: Sent) -> Sent:
    """Put neighbouring instants together, at the last of them."""
    step = -(-len(sent) // _INSTANTS)
    groups = [sent[first : first + step] for first in range(0, len(sent), step)]
    return [(group[-1][0], sum(people for _, people in group)) for group in groups]
