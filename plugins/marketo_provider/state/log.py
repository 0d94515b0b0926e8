"""One append-only, numbered log a target, written with the storage's exclusive create.

There is one place to race, to recover from and to test: whoever creates record n+1, having read n, goes on;
whoever finds it taken reads it and decides anew.
"""

import json
import logging
from collections.abc import Callable, Iterator

from marketo_provider.clock import Clock
from marketo_provider.errors import StoreUnavailable, StoreUnusable
from marketo_provider.state.records import Record, Settled, decode, encode
from marketo_provider.state.store import Store
from marketo_provider.state.target import Target

_APPEND_TRIES = 5
logger = logging.getLogger(__name__)


class TargetLog:
    """The log of one target, and the state that it folds to.

    Args:
        store: where it lies.
        folder: the target's own folder, `marketo/<host>/<field>`.
        clock: paces the repetition of an append that the storage failed.
    """

    def __init__(self, store: Store, folder: str, clock: Clock) -> None:
        self.store = store
        self.folder = folder
        self.target = Target()
        self._clock = clock
        self._open()

    def refresh(self) -> Target:
        """Read what others have appended, and return the state."""
        for number, record in self.records(self.target.number + 1):
            self.target = self.target.after(number, record)
        return self.target

    def records(self, first: int) -> Iterator[tuple[int, Record]]:
        """Yield the records from number `first` upward."""
        number = first
        while (record := self._read(number)) is not None:
            yield number, record
            number += 1

    def append(self, record: Record, *, allowed: Callable[[Target], None]) -> int:
        """Append `record` and return its number.

        `allowed` looks at the state that the record would follow and raises where it must not; it is asked
        again whenever somebody else's record came in between.
        """
        failures = 0
        while True:
            allowed(self.target)
            number = self.target.number + 1
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
                self.target = self.target.after(number, record)
                return number

    def hint(self, settled: int) -> None:
        """Write at which settle the next reader may begin. An old hint costs time, not truth."""
        self.store.write(f"{self.folder}/head.json", json.dumps({"settled": settled}).encode())

    def settled_snapshot(self, snapshot: int) -> Settled | None:
        """Return the last settle of a snapshot, if there is one."""
        if self.target.delivered < snapshot:
            return None
        found = None
        for _, record in self.records(snapshot + 1):
            if isinstance(record, Settled) and record.snapshot == snapshot:
                found = record
        return found

    def _open(self) -> None:
        try:
            head = int(json.loads(self.store.read(f"{self.folder}/head.json"))["settled"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            head = 0
        record = self._read(head) if head > 0 else None
        if isinstance(record, Settled):
            self.target = self.target.after(head, record)
        elif head > 0 and record is None:
            raise StoreUnusable(
                f"The state store's record {self._path(head)} is missing, though head.json names it. "
                "Nothing was sent. Restore the state store from its backup."
            )
        self.refresh()

    def _read(self, number: int) -> Record | None:
        path = self._path(number)
        try:
            data = self.store.read(path)
        except FileNotFoundError:
            return None
        return decode(data, path)

    def _is_own(self, number: int, record: Record) -> bool:
        there = self._read(number)
        return there is not None and there.record_id == record.record_id

    def _path(self, number: int) -> str:
        return f"{self.folder}/log/{number:08d}.json"
