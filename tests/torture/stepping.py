"""Virtual time and the order of steps: several runs at once, of which one works at a time, chosen by a seed."""

from collections.abc import Callable, Sequence
from random import Random
from threading import Condition, Thread, local

from tests.sync.world import VirtualClock


class Stepper(VirtualClock):
    """A clock on which runs sleep side by side, and at whose steps another may go on.

    Args:
        random: chooses who goes on.
    """

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.patience = 3
        self._random = random
        self._own = local()
        self._changed = Condition()
        self._wakes: dict[int, float] = {}
        self._turn = -1
        self._failures: list[BaseException] = []

    def run(self, tasks: Sequence[Callable[[], None]]) -> None:
        """Let tasks work side by side to their ends; one alone works in this thread."""
        if len(tasks) == 1:
            tasks[0]()
            return
        self._wakes = dict.fromkeys(range(len(tasks)), self.seconds)
        threads = [Thread(target=self._work, args=each, daemon=True) for each in enumerate(tasks)]
        with self._changed:
            self._choose()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def step(self) -> None:
        """Let another go on, if the seed says so."""
        if hasattr(self._own, "number") and not self._random.randrange(self.patience):
            self.sleep(0.0)

    def sleep(self, seconds: float) -> None:
        """Let time pass, in which others work."""
        number = getattr(self._own, "number", None)
        if number is None:
            self._advance(self.seconds + seconds)
            return
        with self._changed:
            self._wakes[number] = self.seconds + max(0.0, seconds)
            self._choose()
            self._changed.wait_for(lambda: self._turn == number)

    def _work(self, number: int, task: Callable[[], None]) -> None:
        self._own.number = number
        with self._changed:
            self._changed.wait_for(lambda: self._turn == number)
        try:
            task()
        except BaseException as failure:  # noqa: BLE001 - raised again by the thread that waits for this one
            self._failures.append(failure)
        with self._changed:
            del self._wakes[number]
            self._choose()

    def _choose(self) -> None:
        if self._wakes:
            self._advance(min(self._wakes.values()))
            ready = [number for number, wakes in self._wakes.items() if wakes <= self.seconds]
            self._turn = self._random.choice(ready)
        self._changed.notify_all()

    def _advance(self, until: float) -> None:
        if until > self.seconds:
            super().sleep(until - self.seconds)
            self.seconds = until
