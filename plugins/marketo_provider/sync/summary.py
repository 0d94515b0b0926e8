"""What a page shows of a target: kept beside its log, so that nobody has to read the log or list folders for it.

Three files: `summary.json` of the target, `history.json` with its runs of a year, and `summaries.json` of the
instance with the summaries of all its targets, which is read in their place. All three are hints: no run relies on
them, and where one is missing, damaged or behind, only a page knows less.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from marketo_provider.errors import GuardedChange
from marketo_provider.state.records import Claim
from marketo_provider.state.store import Store
from marketo_provider.sync.report import Report

_KEPT_SINGLY: Final = timedelta(days=14)
_KEPT: Final = timedelta(days=366)
_DAYS_IN_SMALL: Final = timedelta(days=90)


class _Hint(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Stop(_Hint):
    """Why a run did not end in a settle, or has to wait; `error` is the error's class.

    `parameters` are the run's own, and `change` is what a guard stopped.
    """

    run_id: str
    at: datetime
    error: str
    kind: Literal["asks", "tries_again", "waits", "idle"]
    message: str
    parameters: dict[str, bool | int | str] = {}
    change: GuardedChange | None = None

    @property
    def let_through(self) -> dict[str, bool | int | str] | None:
        """The parameters with which the same run would not stop at the guard; None where it did at none."""
        return {**self.parameters, self.change.parameter: self.change.proposed} if self.change else None


class Standing(_Hint):
    """What Marketo holds after a run.

    `accepted` members hold True. Of the others `absent` have no lead, and `refused` were refused, by code.
    `leavers_refused` have left and may still hold True; `false` addresses are known to hold False.
    """

    accepted: int = 0
    false: int = 0
    absent: int = 0
    refused: dict[str, int] = {}
    leavers_refused: dict[str, int] = {}


class LastRun(_Hint):
    """The last settle: its report (without the single calls that failed), and what the log says beside it."""

    report: Report
    settled_at: datetime
    snapshot_begun_at: datetime
    failure: str | None = None
    goes_on: bool = False
    standing: Standing
    calls_a_day: int


class Summary(_Hint):
    """A target in short.

    `dag_id` is the DAG whose run settled last. `stops` are by DAG: a field that another export tries to write has
    that one's too. `members` at the end of each of the last days that had a run.
    """

    format: Literal[1] = 1
    target: str
    field: str
    dag_id: str | None = None
    claim: Claim | None = None
    last: LastRun | None = None
    stops: dict[str, Stop] = {}
    members: tuple[int, ...] = ()


class RunFigures(_Hint):
    """One run in numbers; of days that are long past, all runs of a day: `run_id` is None then."""

    at: datetime
    run_id: str | None
    runs: int = 1
    failed: int = 0
    profiles: int
    without_email: int
    invalid_email: int
    duplicate_email: int
    members: int
    accepted: int
    entered: int
    exited: int
    set_true: int
    set_false: int
    not_in_marketo: int
    refused: int
    left_over: int
    drift: float
    api_calls: int

    @classmethod
    def of(cls, last: LastRun) -> Self:
        """Return the figures of a settled run."""
        report = last.report
        shared = cls.model_fields.keys() & Report.model_fields.keys()
        return cls(
            at=last.settled_at,
            failed=int(last.failure is not None),
            accepted=last.standing.accepted,
            **{name: getattr(report, name) for name in shared},
        )


# Of a day's runs these add up; of all else the last one counts.
_ADDED = ("runs", "failed", "entered", "exited", "set_true", "set_false", "not_in_marketo", "api_calls")


class History(_Hint):
    """The runs of a year, oldest first."""

    format: Literal[1] = 1
    runs: tuple[RunFigures, ...] = ()

    def with_run(self, run: RunFigures) -> "History":
        """Return the history with one more run, or with a run's newer figures; what is old becomes a row a day."""
        others = self.runs[:-1] if self.runs and self.runs[-1].run_id == run.run_id else self.runs
        kept = [one for one in others if one.at > run.at - _KEPT]
        old = [one for one in kept if one.at <= run.at - _KEPT_SINGLY]
        return History(runs=(*_by_day(old), *kept[len(old) :], run))

    def members_by_day(self) -> tuple[int, ...]:
        """Return how many members there were at the end of each of the last days."""
        if not self.runs:
            return ()
        since = self.runs[-1].at - _DAYS_IN_SMALL
        return tuple({one.at.date(): one.members for one in self.runs if one.at > since}.values())


def _by_day(runs: Iterable[RunFigures]) -> list[RunFigures]:
    days: list[RunFigures] = []
    for one in runs:
        if days and days[-1].at.date() == one.at.date():
            earlier = days.pop()
            sums = {name: getattr(earlier, name) + getattr(one, name) for name in _ADDED}
            days.append(one.model_copy(update={**sums, "run_id": None}))
        else:
            days.append(one)
    return days


T = TypeVar("T")
_SUMMARIES: TypeAdapter[dict[str, Summary]] = TypeAdapter(dict[str, Summary])


def read_summary(store: Store, folder: str) -> Summary | None:
    """Return a target's summary; None where there is none that can be read.

    Args:
        store: where it lies.
        folder: the target's own.
    """
    return _read(store, f"{folder}/summary.json", Summary.model_validate_json)


def read_history(store: Store, folder: str) -> History:
    """Return the runs of a target; none where they cannot be read.

    Args:
        store: where they lie.
        folder: the target's own.
    """
    return _read(store, f"{folder}/history.json", History.model_validate_json) or History()


def read_summaries(store: Store, instance: str) -> dict[str, Summary]:
    """Return what the instance's file has, by field in lower case; it may lack some and be behind with others.

    Args:
        store: where it lies.
        instance: the instance's folder, `marketo/<host>`.
    """
    return _read(store, f"{instance}/summaries.json", _SUMMARIES.validate_json) or {}


def _read(store: Store, path: str, parse: Callable[[bytes], T]) -> T | None:
    try:
        return parse(store.read(path))
    except (FileNotFoundError, ValidationError):
        return None


def write_summary(store: Store, folder: str, summary: Summary) -> None:
    """Write a target's summary, and put it into the instance's file.

    Two runs that do so at once may undo each other's part of the latter: who reads it looks whether it is behind.

    Args:
        store: where they lie.
        folder: the target's own.
        summary: what to write.
    """
    store.write(f"{folder}/summary.json", summary.model_dump_json().encode())
    instance, _, field = folder.rpartition("/")
    summaries = {**read_summaries(store, instance), field: summary}
    store.write(f"{instance}/summaries.json", _SUMMARIES.dump_json(summaries))


def write_history(store: Store, folder: str, history: History) -> None:
    """Write the runs of a target.

    Args:
        store: where they lie.
        folder: the target's own.
        history: the runs.
    """
    store.write(f"{folder}/history.json", history.model_dump_json().encode())
