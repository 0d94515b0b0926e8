"""Mixpanel's query slots, shared out between the snapshots that are read at a time. Rule 13 of the sync.

Mixpanel runs 5 queries of a project at once, whoever asks; ours together are at most 4. Each record of the
project's log says who reads and how many slots each has, so that one record is the state, and no append can hand
out a slot twice. Who comes is written down, with none at first where none is free: the others see him, and give up
what goes beyond their part as their pages end. Where more than 4 read, the later ones wait.
Vendor page: https://docs.mixpanel.com/reference/rate-limits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Condition
from typing import Literal

from pydantic import TypeAdapter

from marketo_provider.clock import Clock
from marketo_provider.errors import RateLimited
from marketo_provider.state.numbered_log import NumberedLog
from marketo_provider.state.records import Frozen, LogRecord, Moment, decode_as
from marketo_provider.state.senders import Part
from marketo_provider.state.store import Store

SLOTS = 4
_LOOK_SECONDS = 5.0
_RENEW = timedelta(seconds=40)
# Longer than a query takes that was begun just before the next renewal: Mixpanel ends it after 488 seconds.
_GONE_AFTER = timedelta(seconds=600)
_PATIENCE_SECONDS = 120.0
_AWAY = timedelta(seconds=60)
_HINT_EVERY_RECORDS = 20


class Reader(Frozen):
    """Who reads a cohort, with how many slots; `last_at`: when he was heard of last."""

    holder: str
    slots: int
    last_at: Moment


class Readers(LogRecord):
    """All who read from a project from here on, in the order in which they came."""

    kind: Literal["readers"] = "readers"
    readers: tuple[Reader, ...]


class Project(Frozen):
    """The state of a project after its record `number`."""

    number: int = 0
    readers: tuple[Reader, ...] = ()

    def after(self, number: int, record: Readers) -> "Project":
        """Return the state after `record`, which has that number."""
        return Project(number=number, readers=record.readers)


_RECORD: TypeAdapter[Readers] = TypeAdapter(Readers)
decode_record = partial(decode_as, _RECORD)


class SlotLog(NumberedLog[Project, Readers]):
    """The log of one Mixpanel project.

    Args:
        store: where it lies.
        folder: the project's own folder, `mixpanel/<project>`.
        clock: paces the repetition of an append that the storage failed.
    """

    def __init__(self, store: Store, folder: str, clock: Clock) -> None:
        super().__init__(store, folder, clock, empty=Project(), decode=decode_record, checkpoint=Readers)


class _NotNow(Exception):
    """Somebody else's record came in between."""


class Slots:
    """The slots of one snapshot that is read; safe to share between threads.

    Args:
        log: the project's log.
        holder: names this try of the task, and no other.
        wanted: how many it takes where nobody else reads.
        clock: time.
    """

    def __init__(self, log: SlotLog, holder: str, *, wanted: int, clock: Clock) -> None:
        self._log = log
        self._holder = holder
        self._wanted = wanted
        self._clock = clock
        self._changed = Condition()
        self._in_use = 0
        self._held = self._part = 0
        self._looked = float("-inf")

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot for one query, when one is free.

        Raises:
            RateLimited: the others have had all slots for two minutes.
        """
        self._enter()
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= 1
                self._changed.notify_all()

    def leave(self) -> None:
        """Give all slots back; no query is under way."""
        with self._changed:
            self._log.refresh()
            while any(one.holder == self._holder for one in self._log.state.readers):
                self._write(self._others())
            self._held = 0

    def _enter(self) -> None:
        ends_at = self._clock.monotonic() + _PATIENCE_SECONDS
        while True:
            with self._changed:
                self._look()
                if self._in_use < min(self._held, self._part):
                    self._in_use += 1
                    return
                if self._held:
                    self._changed.wait(_LOOK_SECONDS)
                    continue
            if self._clock.monotonic() >= ends_at:
                raise RateLimited(
                    f"The {SLOTS} queries that exports may run at once in the Mixpanel project are all taken by "
                    "other snapshots. The task goes on when one of them has ended.",
                    resume_at=self._clock.now() + _AWAY,
                )
            self._clock.sleep(_LOOK_SECONDS)

    def _look(self) -> None:
        """See who else reads, and take or give up slots by that."""
        began = self._clock.monotonic()
        if began - self._looked < _LOOK_SECONDS:
            return
        self._log.refresh()
        while not self._adjust():
            pass
        self._looked = began

    def _adjust(self) -> bool:
        now, others, readers = self._clock.now(), self._others(), self._log.state.readers
        before = next((one for one in readers if one.holder == self._holder), None)
        rank = sum(one in others for one in readers[: readers.index(before)]) if before else len(others)
        self._part = min(self._wanted, Part(rank, len(others) + 1).of(SLOTS))
        free = SLOTS - sum(one.slots for one in others)
        slots = max(self._in_use, min(self._part, free))
        if before is None or before.slots != slots or now >= before.last_at + _RENEW:
            mine = Reader(holder=self._holder, slots=slots, last_at=now)
            if not self._write((*others[:rank], mine, *others[rank:])):
                return False
        self._held = slots
        return True

    def _others(self) -> tuple[Reader, ...]:
        oldest = self._clock.now() - _GONE_AFTER
        return tuple(one for one in self._log.state.readers if one.holder != self._holder and one.last_at > oldest)

    def _write(self, readers: tuple[Reader, ...]) -> bool:
        """Append who reads now; False where somebody else's record came first."""
        based_on = self._log.state.number

        def allowed(project: Project) -> None:
            if project.number != based_on:
                raise _NotNow

        record = Readers(at=self._clock.now(), by=self._holder, readers=readers)
        try:
            number = self._log.append(record, allowed=allowed)
        except _NotNow:
            return False
        if number % _HINT_EVERY_RECORDS == 0:
            self._log.hint(number)
        return True
