"""What a delivery still has to send: requests that wait for their time, and changes of which none was made yet."""

from collections.abc import Iterator

from marketo_provider.sync.batches import Batch, Batches
from marketo_provider.sync.changes import Change, ChangeColumns
from marketo_provider.sync.course import Course


class Outbox:
    """The requests to come.

    Args:
        changes: what is to be sent; those that may create leads come last.
    """

    def __init__(self, changes: Iterator[Change | ChangeColumns]) -> None:
        self._batches = Batches(changes)
        self._delayed: list[tuple[float, Batch]] = []

    @property
    def empty(self) -> bool:
        """Whether nothing is left, but what was not full when it was last asked for."""
        return not self._delayed and not self._batches.may_create

    @property
    def creates(self) -> bool:
        """Whether there is anything to be sent now or next that may create leads."""
        return self._batches.may_create or any(batch.create for _, batch in self._delayed)

    @property
    def only_creates(self) -> bool:
        """Whether all that is left may create leads."""
        return self.creates and all(batch.create for _, batch in self._delayed)

    def add(self, course: Course) -> None:
        """Take a course's next step."""
        self._batches.add(course)

    def delay(self, batch: Batch, until: float) -> None:
        """Keep a request until a time on the monotonic clock."""
        self._delayed.append((until, batch))

    def next(self, now: float, *, create: bool, idle: bool) -> Batch | None:
        """Return a request whose time has come.

        Args:
            now: the time on the monotonic clock.
            create: whether it may be one that may create leads.
            idle: nothing is under way that could add to a request that is not full.
        """
        delayed = [entry for entry in self._delayed if create or not entry[1].create]
        for entry in delayed:
            if entry[0] <= now:
                self._delayed.remove(entry)
                return entry[1]
        return self._batches.next(last=idle and not delayed, create=create)

    def unsent(self) -> Iterator[Course | ChangeColumns]:
        """Take everything out, and yield its courses and changes, once each."""
        held_back = [batch for _, batch in self._delayed]
        # A half that was refused waits for its twin, which is among these.
        held_back += [half for batch in held_back if batch.halving for half, _ in batch.halving.refused]
        self._delayed = []
        courses = {id(item.course): item.course for batch in held_back for item in batch.items}
        yield from courses.values()
        for course in self._batches.unsent():
            if id(course) not in courses:
                yield course
