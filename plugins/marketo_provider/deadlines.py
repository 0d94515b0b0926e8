"""Ends what hangs at its deadline, by one thread for all that is under way."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadlines:
    """Watches over blocks of code in any number of threads. A timer for each would cost as much as a call."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way: dict[object, tuple[float, Callable[[], None]]] = {}
        self._looks_at = math.inf  # when the thread will look again
        self._thread: threading.Thread | None = None

    @contextmanager
    def ending(self, action: Callable[[], None], *, after: float) -> Iterator[None]:
        """Call `action` from another thread if the block has not ended after so many seconds."""
        at, block = time.monotonic() + after, object()
        with self._changed:
            self._under_way[block] = at, action
            if at < self._looks_at:
                self._look_by(at)
        try:
            yield
        finally:
            with self._changed:
                self._under_way.pop(block, None)

    def _look_by(self, at: float) -> None:
        self._looks_at = at
        # A fork leaves the thread behind.
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _watch(self) -> None:
        """Look at each deadline, until nothing is under way."""
        with self._changed:
            while self._under_way:
                now = time.monotonic()
                for block, (at, action) in list(self._under_way.items()):
                    if at <= now:
                        del self._under_way[block]
                        action()
                self._looks_at = min((at for at, _ in self._under_way.values()), default=math.inf)
                if self._under_way:
                    self._changed.wait(self._looks_at - now)
            self._looks_at = math.inf
            self._thread = None
