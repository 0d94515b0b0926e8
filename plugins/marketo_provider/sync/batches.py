"""Courses grouped into requests: 300 records each, one kind a request, as few requests as can be."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from marketo_provider.sync.changes import Change, ChangeColumns
from marketo_provider.sync.course import Course, Step

# Marketo's limit for Sync Leads and for the values of a filter: help/rest-api/leads.md.
MOST_RECORDS = 300


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a request."""

    course: Course
    lead_id: int | None = None


@dataclass(eq=False, slots=True)
class Batch:
    """One request.

    `create`: it may create leads. `content`: its records; columns become items once they are asked for.
    `not_before`: when its addresses may be sent again after a request without an
    answer. `system_errors` and `alike` count how often it met a 611, and how often its halves failed alike.
    `halving`: the request that this is a half of.
    """

    step: Step
    create: bool
    content: list[Item] | ChangeColumns
    not_before: float = float("-inf")
    system_errors: int = 0
    alike: int = 0
    halving: "Halving | None" = None

    @property
    def columns(self) -> ChangeColumns | None:
        """The records, where they are changes at their start and nothing but that."""
        return self.content if isinstance(self.content, ChangeColumns) else None

    @property
    def items(self) -> list[Item]:
        """The records one by one."""
        if isinstance(self.content, ChangeColumns):
            self.content = [item for change in self.content for item in _items(Course.begin(change))]
        return self.content

    @property
    def value(self) -> bool:
        """What the request sets; one batch never mixes exits and entries."""
        return self.columns.value if self.columns else self.items[0].course.change.value

    def halves(self) -> "tuple[Batch, Batch]":
        """Return the two halves of a request that was refused as a whole."""
        halving = Halving(self)
        middle = len(self.items) // 2
        first, second = self.items[:middle], self.items[middle:]
        return (
            Batch(self.step, self.create, first, not_before=self.not_before, halving=halving),
            Batch(self.step, self.create, second, not_before=self.not_before, halving=halving),
        )


@dataclass(eq=False, slots=True)
class Halving:
    """A request refused as a whole, sent again as two halves.

    Nothing more is done about a refused half before its twin is answered: where both fail alike, the fault is
    not a record's, and the whole goes again.
    """

    whole: Batch
    refused: list[tuple[Batch, str]] = field(default_factory=list)
    answered: int = 0

    def answer(self, half: Batch, code: str | None) -> None:
        """Take the answer to a half; `code` where it was refused."""
        self.answered += 1
        if code:
            self.refused.append((half, code))
            self.whole.not_before = max(self.whole.not_before, half.not_before)

    @property
    def complete(self) -> bool:
        """Whether both halves are answered."""
        return self.answered == 2  # noqa: PLR2004 - two halves

    @property
    def failed_alike(self) -> bool:
        """Whether both halves were refused with one code, and are more than single records."""
        codes = [code for _, code in self.refused]
        return len(codes) == 2 and codes[0] == codes[1] and len(self.whole.items) > 2  # noqa: PLR2004 - two halves


class Batches:
    """Feeds changes into requests.

    A request that is not full is only given out once nothing that is under way may still add to it: then the
    number of requests is the least there can be.
    """

    def __init__(self, changes: Iterator[Change | ChangeColumns]) -> None:
        self._changes = changes
        self._ahead = next(changes, None)
        self._queues: dict[tuple[Step, bool], deque[Item]] = {}
        self._columns: dict[tuple[Step, bool], deque[ChangeColumns]] = {}

    def add(self, course: Course) -> None:
        """Queue a course's present step."""
        create = course.create and course.step is Step.BY_EMAIL
        self._queues.setdefault((course.step, create), deque()).extend(_items(course))

    @property
    def may_create(self) -> bool:
        """Whether what comes next may create leads, or is queued and may."""
        return (self._ahead is not None and self._ahead.create) or any(
            create and waiting for kinds in (self._queues, self._columns) for (_, create), waiting in kinds.items()
        )

    def next(self, *, last: bool, create: bool = True) -> Batch | None:
        """Return a full request, or where `last` says that nothing will be added, one that is not.

        Without `create`, none that may create leads, nor any change from the first that may on.
        """
        while True:
            if batch := self._full_columns(create=create):
                return batch
            kinds = [kind for kind in self._queues if create or not kind[1]]
            fullest = max(kinds, key=lambda kind: len(self._queues[kind]), default=None)
            if fullest and len(self._queues[fullest]) >= MOST_RECORDS:
                return self._take(*fullest)
            if self._ahead is not None and (create or not self._ahead.create):
                self._enqueue(self._ahead)
                self._ahead = next(self._changes, None)
            elif not self._unpack(create=create):
                return self._take(*fullest) if fullest and last and self._queues[fullest] else None

    def unsent(self) -> Iterator[Course | ChangeColumns]:
        """Yield, once each, the courses and changes that no request was made of."""
        seen: set[int] = set()
        for queue in self._queues.values():
            for item in queue:
                if id(item.course) not in seen:
                    seen.add(id(item.course))
                    yield item.course
        for waiting in self._columns.values():
            yield from waiting
        for change in chain([self._ahead], self._changes):
            if change is not None:
                yield change if isinstance(change, ChangeColumns) else Course.begin(change)

    def _enqueue(self, change: Change | ChangeColumns) -> None:
        if isinstance(change, ChangeColumns):
            self._columns.setdefault((Step.BY_EMAIL, change.create), deque()).append(change)
        else:
            self.add(Course.begin(change))

    def _full_columns(self, *, create: bool) -> Batch | None:
        for (step, creates), waiting in self._columns.items():
            if (creates and not create) or sum(map(len, waiting)) < MOST_RECORDS:
                continue
            columns, rest = waiting.popleft().cut(MOST_RECORDS)
            while len(columns) < MOST_RECORDS:
                more, rest = waiting.popleft().cut(MOST_RECORDS - len(columns))
                columns = columns.followed_by(more)
            if rest:
                waiting.appendleft(rest)
            return Batch(step, creates, columns)
        return None

    def _unpack(self, *, create: bool) -> bool:
        """Queue what does not fill a request of its own one by one; return whether there was any."""
        kinds = [kind for kind in self._columns if create or not kind[1]]
        for kind in kinds:
            for columns in self._columns.pop(kind):
                self._add_each(columns)
        return bool(kinds)

    def _add_each(self, changes: ChangeColumns) -> None:
        for change in changes:
            self.add(Course.begin(change))

    def _take(self, step: Step, create: bool) -> Batch:  # noqa: FBT001 - a key of the queues, unpacked
        queue = self._queues[step, create]
        items: list[Item] = []
        leads: set[int] = set()
        while queue and len(items) < MOST_RECORDS:
            lead_id = queue[0].lead_id
            if lead_id is not None:
                if lead_id in leads:
                    break
                leads.add(lead_id)
            items.append(queue.popleft())
        return Batch(step, create, items)


def _items(course: Course) -> list[Item]:
    if course.step.names_leads:
        return [Item(course, lead_id) for lead_id in course.lead_ids]
    return [Item(course)]
