"""An append-only, numbered log, written with the storage's exclusive create, and the state that it folds to.

There is one place to race, to recover from and to test: whoever creates record n+1, having read n, goes on;
whoever finds it taken reads it and decides anew.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic import Field, ValidationError

from marketo_provider.clock import Clock
from marketo_provider.errors import StoreUnavailable, StoreUnusable
from marketo_provider.state.records import Frozen, LogRecord, encode
from marketo_provider.state.store import Store

_APPEND_TRIES = 5


class Hint(Frozen):
    """At which checkpoint the reading of a log may begin."""

    checkpoint: int = Field(ge=0, lt=10**18)


def read_hint(store: Store, folder: str) -> int | None:
    """Return the checkpoint that a log's hint names; None where there is none.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return Hint.model_validate_json(store.read(f"{folder}/head.json")).checkpoint
    except FileNotFoundError:
        return None


class Folded(Protocol):
    """The state after record `number`."""

    @property
    def number(self) -> int:
        """The last record's number; 0 where there is none."""

    def after(self, number: int, record: Any, /) -> Self:
        """Return the state after `record`, which has that number."""


S = TypeVar("S", bound=Folded)
R = TypeVar("R", bound=LogRecord)


class NumberedLog(Generic[S, R]):
    """A log, read to its end.

    Args:
        store: where it lies.
        folder: the folder that its own, `log`, is in.
        clock: paces the repetition of an append that the storage failed.
        empty: the state before the first record.
        decode: reads a record, given its path for the message where it cannot.
        checkpoint: the kind of record at which folding may begin.
    """

    def __init__(  # noqa: PLR0913 - what makes it this log and no other
        self,
        store: Store,
        folder: str,
        clock: Clock,
        *,
        empty: S,
        decode: Callable[[bytes, str], R],
        checkpoint: type[R],
    ) -> None:
        self.store = store
        self.folder = folder
        self.state = empty
        self._clock = clock
        self._decode = decode
        self._checkpoint = checkpoint
        self._open()

    def refresh(self) -> S:
        """Read what others have appended, and return the state."""
        for number, record in self.records(self.state.number + 1):
            self.state = self.state.after(number, record)
        return self.state

    def records(self, first: int) -> Iterator[tuple[int, R]]:
        """Yield the records from number `first` upward.

        Raises:
            StoreUnusable: one is missing though others follow it.
        """
        number = first
        while (record := self._read(number)) is not None:
            yield number, record
            number += 1
        if number <= self.state.number:
            raise self._missing(number)

    def record(self, number: int) -> R | None:
        """Return one record, if it is there."""
        return self._read(number)

    def append(self, record: R, *, allowed: Callable[[S], None]) -> int:
        """Append `record` and return its number.

        `allowed` looks at the state that the record would follow and raises where it must not; it is asked
        again whenever somebody else's record came in between.
        """
        failures = 0
        while True:
            allowed(self.state)
            number = self.state.number + 1
            try:
                self.store.create(self._path(number), encode(record))
            except FileExistsError:
                self.refresh()
                if self._is_own(number, record):
                    return number
            except (OSError, StoreUnavailable):
                # The answer may be lost though the record is there: the next attempt finds it by its id.
                failures += 1
                if failures == _APPEND_TRIES:
                    raise
                self._clock.sleep(failures)
            else:
                self.state = self.state.after(number, record)
                return number

    def hint(self, number: int) -> None:
        """Write at which checkpoint the next reader may begin. An old hint costs time, not truth."""
        self.store.write(f"{self.folder}/head.json", Hint(checkpoint=number).model_dump_json().encode())

    def _open(self) -> None:
        try:
            head = read_hint(self.store, self.folder) or 0
        except ValidationError:
            head = 0
        record = self._read(head) if head > 0 else None
        if isinstance(record, self._checkpoint):
            self.state = self.state.after(head, record)
        elif head > 0 and record is None:
            raise self._missing(head)
        self.refresh()
        # A hole would be taken for the end. (Two records may also have come since the last read.)
        while self._read(self.state.number + 2) is not None:
            if self._read(self.state.number + 1) is None:
                raise self._missing(self.state.number + 1)
            self.refresh()

    def _missing(self, number: int) -> StoreUnusable:
        return StoreUnusable(
            f"The state store's record {self._path(number)} is missing, though there are later ones. "
            "Nothing was sent. Restore the state store from its backup."
        )

    def _read(self, number: int) -> R | None:
        path = self._path(number)
        try:
            data = self.store.read(path)
        except FileNotFoundError:
            return None
        return self._decode(data, path)

    def _is_own(self, number: int, record: R) -> bool:
        there = self._read(number)
        return there is not None and there.record_id == record.record_id

    def _path(self, number: int) -> str:
        return f"{self.folder}/log/{number:08d}.json"
