"""Several runs at the same virtual time: each is a thread, and while one sleeps the others go on."""

from collections.abc import Callable, Sequence
from threading import Condition, Thread, get_ident

from tests.sync.world import VirtualClock


class SideBySide(VirtualClock):
    """A clock whose sleepers wake in the order of time; one of them works at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.ended_at: list[float] = []
        self._wakes: dict[int, float] = {}
        self._turn = 0
        self._changed = Condition()
        self._failures: list[BaseException] = []

    def run(self, tasks: Sequence[tuple[float, Callable[[], object]]]) -> None:
        """Run tasks, each from a time on, to their ends; `ended_at` says when each of them ended."""
        self.ended_at = [0.0] * len(tasks)
        threads = [Thread(target=self._work, args=(place, *task)) for place, task in enumerate(tasks)]
        for thread in threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: len(self._wakes) == len(tasks))
            self._wake_next()
        for thread in threads:
            thread.join()
        for failure in self._failures:
            raise failure

    def sleep(self, seconds: float) -> None:
        """Let the others work until it is time to go on."""
        if get_ident() not in self._wakes:
            super().sleep(seconds)
            return
        with self._changed:
            self._wakes[get_ident()] = self.seconds + seconds
            self._wake_next()
            self._await()

    def _work(self, place: int, begins_at: float, task: Callable[[], object]) -> None:
        with self._changed:
            self._wakes[get_ident()] = begins_at
            self._changed.notify_all()
            self._await()
        try:
            task()
        except BaseException as failure:  # noqa: BLE001 - raised again by the thread that waits for this one
            self._failures.append(failure)
        with self._changed:
            self.ended_at[place] = self.seconds
            del self._wakes[get_ident()]
            self._wake_next()

    def _wake_next(self) -> None:
        if self._wakes:
            self._turn = min(self._wakes, key=lambda one: self._wakes[one])
            super().sleep(max(0.0, self._wakes[self._turn] - self.seconds))
        self._changed.notify_all()

    def _await(self) -> None:
        self._changed.wait_for(lambda: self._turn == get_ident())
