"""One run's presence among those who deliver to a Marketo instance: its part of the limits, and the create turn.

How the limits are shared is told in `senders`.
"""

from collections.abc import Callable
from threading import RLock

from marketo_provider.clock import Clock
from marketo_provider.errors import LeaseLost
from marketo_provider.state.instance import (
    FileAnnounced,
    FileEnded,
    FileQueued,
    ImportUnderWay,
    Instance,
    InstanceLog,
    InstanceRecord,
    Joined,
    Left,
    Stayed,
    Summed,
    TurnGivenBack,
    TurnTaken,
    TurnWanted,
)
from marketo_provider.state.lease import Holder
from marketo_provider.state.records import LogRecord
from marketo_provider.state.senders import READ_EVERY_SECONDS, Part, Senders

_LOOK_SECONDS = 1.0
_SUM_EVERY_RECORDS = 100


class _NotNow(Exception):
    """The state has changed, and the record is not to follow it."""


class Presence(Holder[InstanceLog]):
    """One try of one run on an instance; safe to share between threads.

    Args:
        log: the instance's log.
        holder: names this try of the task, and no other.
        target: what the run writes to.
        run: names the run, for all its tries: its place in the queue is kept while it waits elsewhere.
        lease_seconds: how long an acknowledged append carries.
        replay_after_seconds: how long after its start a request may still take effect in Marketo.
        most_calls: the limit of calls in 20 seconds that all have together.
        calls: tells how many calls of the last 20 seconds were this try's.
        clock: time.
    """

    def __init__(  # noqa: PLR0913 - its parent's, and the run
        self,
        log: InstanceLog,
        holder: str,
        *,
        target: str,
        run: str,
        lease_seconds: float,
        replay_after_seconds: float,
        most_calls: int,
        calls: Callable[[], int],
        clock: Clock,
    ) -> None:
        super().__init__(
            log, holder, lease_seconds=lease_seconds, replay_after_seconds=replay_after_seconds, clock=clock
        )
        self.joined = False
        self.has_turn = False
        self.ready_at = float("inf")
        self._target = target
        self._run = run
        self._lock = RLock()
        self._looked = float("-inf")
        self._senders = Senders()
        self._most_calls = most_calls
        self._calls = calls

    @property
    def ready(self) -> bool:
        """Whether to send, which who has just come must not yet."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self.ready_at and self.joined:
                self._look(_LOOK_SECONDS)
                if self._senders.has_room(now, self._most_calls):
                    self.ready_at = now
            return now >= self.ready_at

    def join(self) -> None:
        """Be counted from now on."""
        with self._lock:
            self._look()
            self._say(Joined(at=self.now(), by=self.holder, takeover_seconds=self.takeover_seconds))
            self.joined = True
            self._begin()

    def keep(self, *, at_least: float = 0.0) -> None:
        """Say that the run is still there, where it is time to.

        Raises:
            LeaseLost: another run has taken the turn over.
        """
        with self._lock:
            if self._clock.monotonic() >= self.deadline:
                # Others may not have counted on this one any more.
                self._say(Stayed(at=self.now(), by=self.holder))
                self.join()
            elif self._due(at_least) and not self._sum_up():
                self._say(Stayed(at=self.now(), by=self.holder))

    def leave(self) -> None:
        """Be counted no longer; all calls must have ended."""
        with self._lock:
            self._sum_up()
            self._say(Left(at=self.now(), by=self.holder, calls=self._calls()))
            self.joined = False

    def part(self) -> Part:
        """Return which part of the limits belongs to this run."""
        with self._lock:
            self._look(READ_EVERY_SECONDS)
            return self._senders.part(self._clock.monotonic())

    def want_turn(self, *, sending: bool) -> None:
        """Queue for the turn; `sending` says whether there is other work meanwhile."""
        with self._lock:
            wanted = TurnWanted(at=self.now(), by=self.holder, run=self._run, sending=sending, calls=self._calls())
            self._say(wanted)

    def take_turn(self) -> bool:
        """Take the turn, if it is free and this run's."""
        with self._lock:
            if not self.has_turn:
                self._look(_LOOK_SECONDS)
                me = self.log.state.find(self.holder)
                record = TurnTaken(
                    at=self.now(), by=self.holder, run=self._run, takeover_seconds=self.takeover_seconds
                )
                try:
                    self._append(record, self._turn_is_free)
                except _NotNow:
                    return False
                self.has_turn = True
                if me and not me.sending:
                    self._begin()
            return True

    def others_want_turn(self) -> bool:
        """Whether somebody is there who waits for the turn."""
        with self._lock:
            self._look(READ_EVERY_SECONDS)
            return self.log.state.next_in_turn(self.now()) is not None

    def give_turn_back(self) -> None:
        """Let the next one create leads; nothing of this run may still do so."""
        with self._lock:
            self._say(TurnGivenBack(at=self.now(), by=self.holder))
            self.has_turn = False

    def imports_in_the_way(self) -> list[ImportUnderWay]:
        """Return the import jobs of others that the turn waits for."""
        with self._lock:
            self._look(READ_EVERY_SECONDS)
            return self.log.state.imports_of_others(self._target, self.now())

    def announce_file(self, name: str) -> None:
        """Say, in the turn, that a file is about to be handed to bulk import."""
        with self._lock:
            self._say(FileAnnounced(at=self.now(), by=self.holder, target=self._target, name=name))

    def note_queued(self, name: str, batch_id: int) -> None:
        """Say which job an announced file has become."""
        with self._lock:
            self._say(FileQueued(at=self.now(), by=self.holder, name=name, batch_id=batch_id))

    def note_ended(self, name: str) -> None:
        """Say that an announced file creates no lead any more, its own or another's."""
        with self._lock:
            self._look()
            if any(one.name == name for one in self.log.state.imports):
                self._say(FileEnded(at=self.now(), by=self.holder, name=name))

    def _say(self, record: InstanceRecord) -> None:
        self._append(record, self._turn_is_kept)

    def _append(self, record: LogRecord, allowed: Callable[[Instance], None]) -> int:
        try:
            return super()._append(record, allowed)
        finally:
            self._note()

    def _look(self, most_seconds: float = 0.0) -> None:
        """Read what is new, unless that was done within so many seconds."""
        began = self._clock.monotonic()
        if began - self._looked >= most_seconds:
            self.log.refresh()
            self._looked = began
            self._note()

    def _note(self) -> None:
        monotonic = self._clock.monotonic()
        self._senders.note(self.log.state, self.holder, now=self.now(), monotonic=monotonic)

    def _begin(self) -> None:
        """Find out when to send first, having said that this run does."""
        self.ready_at = self._senders.ready_at(self._clock.monotonic())

    def _sum_up(self) -> bool:
        """Append a sum of the many records since the last one; False where they are few, or another came first."""
        state = self.log.state
        if state.number - state.summed < _SUM_EVERY_RECORDS:
            return False

        def allowed(after: Instance) -> None:
            self._turn_is_kept(after)
            if after.number != state.number:
                raise _NotNow

        try:
            self.log.hint(self._append(Summed(at=self.now(), by=self.holder, instance=state), allowed))
        except _NotNow:
            return False
        return True

    def _turn_is_kept(self, instance: Instance) -> None:
        if self.has_turn and (instance.turn is None or instance.turn.holder != self.holder):
            self.has_turn = False
            raise LeaseLost(
                f"Another run took over the creating of leads in {self.log.folder}. This try stops; what it sent "
                "without an answer will be sent again by the next one. Nothing needs to be done."
            )

    def _turn_is_free(self, instance: Instance) -> None:
        now = self.now()
        held = instance.turn is not None and not instance.turn.silent(now)
        if held or instance.imports_of_others(self._target, now) or instance.next_in_turn(now) != self.holder:
            raise _NotNow
