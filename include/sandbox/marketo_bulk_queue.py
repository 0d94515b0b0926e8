"""The queue of bulk imports: first in, first out, some at a time, and never more than it has places for.

Nothing runs by itself here. Whoever asks the sandbox anything first has `advance` do what was due by now: jobs
begin and end, and each row of a job takes effect at its own moment, in one order with those of the job beside it.
So it makes no difference when, or whether, anybody asks.

Places can be held by imports of others, which only the admin API starts and ends. A stuck job never leaves Queued
and is passed over; it keeps its place until its id expires, seven days after the upload. An id that has expired is
as one that never was: 610, for the vendor does not say.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from include.sandbox.clock import Clock
from include.sandbox.marketo_answers import Refused
from include.sandbox.marketo_bulk_files import BrokenFile, ImportFile
from include.sandbox.marketo_bulk_rows import ImportOptions, RowImport, SeveralMatches
from include.sandbox.marketo_limits import Limits, Seconds, Whole

Status = Literal["Queued", "Importing", "Complete", "Failed"]
Mishap = Literal["stick", "fail", "lag"]


class ImportSettings(BaseModel, frozen=True, extra="forbid"):
    """How imports go, and what others have in the queue; what rows do that match several leads is our guess."""

    seconds_to_start: Annotated[float, Field(ge=0)] = 2.0
    rows_per_second: Seconds = 10_000.0
    several_matches: SeveralMatches = "fail"
    others_importing: Whole = 0
    others_queued: Whole = 0


class NextImports(BaseModel, frozen=True, extra="forbid"):
    """What is to happen to the next uploads; a lagging one, and so who is behind it, begins `seconds` later."""

    then: Mishap
    times: Annotated[int, Field(ge=1)] = 1
    seconds: Annotated[float, Field(ge=0)] = 0.0


@dataclass(slots=True)
class Job:
    """One import job, whose moments are on the monotonic clock; `work` exists from its beginning on."""

    batch_id: int
    file: ImportFile
    options: ImportOptions
    ready_at: float
    expires_at: float
    mishap: Mishap | None = None
    status: Status = "Queued"
    started_at: float = inf
    rows_per_second: float = 1.0
    work: RowImport | None = None

    @property
    def ends_at(self) -> float:
        """When its last row is due."""
        return self._due(self.work.total) if self.work else inf

    def rows_due(self, until: float) -> Iterator[float]:
        """Import the rows that are due, yielding the moment of each before it takes effect."""
        if self.work is None or self.mishap == "fail":
            return
        done = len(self.work.outcomes)
        while done < self.work.total and (moment := self._due(done + 1)) <= until:
            yield moment
            self.work.next_row()
            done += 1

    def _due(self, rows: int) -> float:
        return self.started_at + rows / self.rows_per_second


@dataclass(slots=True)
class ImportQueue:
    """All import jobs of an instance."""

    clock: Clock
    limits: Callable[[], Limits]
    begin: Callable[[Job], RowImport]
    next_id: int
    settings: ImportSettings = field(default_factory=ImportSettings)
    mishaps: list[NextImports] = field(default_factory=list)
    jobs: dict[int, Job] = field(default_factory=dict)
    _running: list[Job] = field(default_factory=list, init=False)
    _time: float = field(default=-inf, init=False)

    def add(self, file: ImportFile, options: ImportOptions) -> Job:
        """Queue a job.

        Raises:
            Refused: the queue is full (1016), or an import to the same list has not ended (1019).
        """
        unfinished = [job for job in self.jobs.values() if job.status in {"Queued", "Importing"}]
        others = self.settings.others_importing + self.settings.others_queued
        if len(unfinished) + others >= self.limits().queued_imports:
            raise Refused("1016")
        if options.list_id is not None and options.list_id in {job.options.list_id for job in unfinished}:
            raise Refused("1019")
        now = self.clock.monotonic()
        mishap = self._next_mishap()
        lag = mishap.seconds if mishap and mishap.then == "lag" else 0.0
        ready_at = now + self.settings.seconds_to_start + lag
        expires_at = now + self.limits().import_id_seconds
        job = Job(self.next_id, file, options, ready_at, expires_at, mishap.then if mishap else None)
        self.jobs[job.batch_id] = job
        self.next_id += 1
        return job

    def get(self, batch_id: int) -> Job:
        """Return a job.

        Raises:
            Refused: there is none of that id, or no more (610).
        """
        job = self.jobs.get(batch_id)
        if job is None:
            raise Refused("610")
        return job

    def release(self) -> None:
        """Let the stuck jobs go on."""
        for job in self.jobs.values():
            if job.mishap == "stick":
                job.mishap = None

    def advance(self) -> None:
        """Do what was due by now."""
        now = self.clock.monotonic()
        while True:
            ending = min(self._running, key=lambda job: job.ends_at, default=None)
            starting = self._next_in_line()
            ends_at = ending.ends_at if ending else inf
            starts_at = self._start_of(starting) if starting else inf
            if min(ends_at, starts_at) > now:
                break
            self._time = min(ends_at, starts_at)
            self._import_rows()
            if ending and ends_at <= starts_at:
                self._end(ending)
            elif starting:
                self._start(starting)
        self._time = now
        self._import_rows()
        for batch_id in [job.batch_id for job in self.jobs.values() if job.expires_at <= now]:
            del self.jobs[batch_id]

    def _next_in_line(self) -> Job | None:
        if len(self._running) + self.settings.others_importing >= self.limits().running_imports:
            return None
        queued = (job for job in self.jobs.values() if job.status == "Queued" and job.mishap != "stick")
        return next((job for job in queued if self._start_of(job) < job.expires_at), None)

    def _start_of(self, job: Job) -> float:
        return max(job.ready_at, self._time)

    def _import_rows(self) -> None:
        for _ in heapq.merge(*(job.rows_due(self._time) for job in self._running)):
            pass

    def _start(self, job: Job) -> None:
        job.started_at = self._time
        job.rows_per_second = self.settings.rows_per_second
        try:
            job.work = self.begin(job)
        except BrokenFile:
            job.status = "Failed"
            return
        job.status = "Importing"
        self._running.append(job)

    def _end(self, job: Job) -> None:
        self._running.remove(job)
        job.status = "Failed" if job.mishap == "fail" else "Complete"

    def _next_mishap(self) -> NextImports | None:
        if not self.mishaps:
            return None
        mishap = self.mishaps.pop(0)
        if mishap.times > 1:
            self.mishaps.insert(0, mishap.model_copy(update={"times": mishap.times - 1}))
        return mishap
