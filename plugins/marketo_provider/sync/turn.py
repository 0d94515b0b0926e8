"""The create turn of a delivery: when to ask for it, and when to give it back. Rule 11 of the sync.

Two upserts of one new address at the same moment make two leads, whoever sends them; so of all exports of an
instance one at a time sends what may create leads, for a minute, then the next.
"""

from collections.abc import Callable

from marketo_provider.clock import Clock
from marketo_provider.state.presence import Presence
from marketo_provider.sync.import_wait import IDS_ARE_VALID_FOR, POLL_SECONDS

_MOST_SECONDS = 60.0
# Longer than another's minute and what it may take to end; beyond it a worker is not held.
_PATIENCE_SECONDS = 120.0


class CreateTurn:
    """When a delivery may create leads.

    Args:
        presence: the run's on the instance.
        clock: measures the minute.
        has_ended: asks Marketo whether an import job has ended, given its id and whether it may be `forgotten`.
    """

    def __init__(self, presence: Presence, clock: Clock, has_ended: Callable[..., bool]) -> None:
        self._presence = presence
        self._clock = clock
        self._has_ended = has_ended
        self._asked_marketo_at = float("-inf")
        self._asked_at: float | None = None
        self._taken_at = float("-inf")
        self._resting = False

    def open(self) -> bool:
        """Whether to send what may create leads; asks for the turn, and takes it when it is there."""
        now = self._clock.monotonic()
        if not self._presence.has_turn:
            if self._asked_at is None:
                self._ask(sending=True)
            if not self._presence.take_turn():
                self._look_after_imports(now)
                return False
            self._asked_at, self._resting = None, False
            self._taken_at = now
        ends_at = max(self._taken_at, self._presence.ready_at) + _MOST_SECONDS
        return now < ends_at or not self._presence.others_want_turn()

    @property
    def waited_long(self) -> bool:
        """Whether to wait for the turn without a worker."""
        return self._asked_at is not None and self._clock.monotonic() - self._asked_at > _PATIENCE_SECONDS

    def rest(self, *, idle: bool) -> None:
        """Leave the run's part of the limits to others while it waits; `idle`: for nothing but the turn."""
        if idle and self._asked_at is not None and not self._resting:
            self._ask(sending=False)
            self._resting = True

    def pass_on(self, *, idle: bool) -> None:
        """Let the next have the turn after a minute, and queue for another; nothing sent may still create a lead.

        Args:
            idle: there is nothing else to send.
        """
        if self._presence.has_turn and not self.open():
            self._ask(sending=not idle)
            self._resting = idle
            self._presence.give_turn_back()

    def _look_after_imports(self, now: float) -> None:
        """See whether the imports that the turn waits for have ended: who uploaded them may be gone for good."""
        if now - self._asked_marketo_at < POLL_SECONDS:
            return
        for one in self._presence.imports_in_the_way():
            self._asked_marketo_at = now
            forgotten = self._clock.now() >= one.announced_at + IDS_ARE_VALID_FOR
            if one.batch_id is not None and self._has_ended(one.batch_id, forgotten=forgotten):
                self._presence.note_ended(one.name)

    def _ask(self, *, sending: bool) -> None:
        self._presence.want_turn(sending=sending)
        if self._asked_at is None:
            self._asked_at = self._clock.monotonic()
