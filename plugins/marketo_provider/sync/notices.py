"""Who has been told of what: each notifier once when something is wrong, and once when it is well again.

One small file an export remembers it, so that it outlives retries, clears and workers. It is written after the
telling: who dies in between tells once more, and nobody is left out.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from marketo_provider.exports import CohortExport
from marketo_provider.notify import NoticeKind, Notifier
from marketo_provider.state.store import Store
from marketo_provider.sync.summary import LastRun, Summary
from marketo_provider.sync.troubles import Trouble, asks, label, own_last, stop_of


class Told(BaseModel):
    """A trouble that a notifier has told of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    since: datetime
    cause: str = ""


class Notices(BaseModel):
    """What each notifier of an export has told of and not taken back, and what was seen of its runs by then.

    Airflow tells a task how many runs of a DAG have failed, not which: one more is a failure at the time of the
    look, unless a run has said why it stopped, or one has delivered since the last look.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    told: dict[str, dict[NoticeKind, Told]] = {}
    failed_runs: int | None = None
    failed_at: datetime | None = None
    settled_at: datetime | None = None

    def after(self, notifier: str, kind: NoticeKind, told: Told | None) -> "Notices":
        """Return what has been told once a notifier has told of a trouble, or (None) of its end."""
        others = {one: known for one, known in self.told.get(notifier, {}).items() if one != kind}
        known = {**others, kind: told} if told else others
        return self.model_copy(update={"told": {**self.told, notifier: known}})

    def only(self, declared: Mapping[str, Collection[NoticeKind]]) -> "Notices":
        """Return it without notifiers that are no longer declared, and without what they no longer tell of."""
        told = {
            name: {kind: known for kind, known in self.told.get(name, {}).items() if kind in kinds}
            for name, kinds in declared.items()
        }
        return self.model_copy(update={"told": told})

    def seen(self, export: CohortExport, summary: Summary | None, *, failed_runs: int, now: datetime) -> "Notices":
        """Return it after a look at the export's runs.

        Args:
            export: the export.
            summary: of its target.
            failed_runs: how many of its runs Airflow counts as failed.
            now: the time.
        """
        last, stop = own_last(export, summary), stop_of(export, summary)
        settled_at = last.settled_at if last else self.settled_at
        explained = asks(export, summary) is not None or (stop is None and settled_at != self.settled_at)
        more = self.failed_runs is not None and failed_runs > self.failed_runs
        failed_at = now if more and not explained else self.failed_at
        return self.model_copy(
            update={"failed_runs": failed_runs, "failed_at": failed_at, "settled_at": settled_at}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is to be told: `subject` in one line, `text` with what happened, to which export, and what to do."""

    kind: NoticeKind
    well: bool
    export: str
    dag_id: str
    subject: str
    text: str


def by_name(notifiers: tuple[Notifier, ...]) -> dict[str, Notifier]:
    """Return notifiers by the names that the file knows them by: class, and number among those of the class.

    What they are given is no part of it: it may be a secret.
    """
    named: dict[str, Notifier] = {}
    for one in notifiers:
        number = sum(earlier.notifier == one.notifier for earlier in named.values()) + 1
        named[f"{one.notifier}#{number}"] = one
    return named


def kinds_of(export: CohortExport, notifier: Notifier) -> tuple[NoticeKind, ...]:
    """Return what a notifier of an export tells of."""
    return tuple(kind for kind in notifier.tell_of if kind != "stale" or export.stale_after)


def to_tell(
    export: CohortExport,
    told: Mapping[NoticeKind, Told],
    troubles: Mapping[NoticeKind, Trouble],
    *,
    last: LastRun | None,
) -> Iterator[tuple[Notice, Told | None]]:
    """Yield what has changed since a notifier told last, with what is told of then.

    Args:
        export: the export.
        told: what the notifier has told of.
        troubles: what is wrong now, of what it tells of.
        last: the export's last settle.
    """
    for kind, trouble in troubles.items():
        if kind not in told or told[kind].cause != trouble.cause:
            since = told[kind].since if kind in told else trouble.since
            yield _wrong(export, kind, trouble), Told(since=since, cause=trouble.cause)
    for kind, known in told.items():
        if kind not in troubles and last and _is_over(kind, known, last):
            yield _well(export, kind, known, last), None


def _is_over(kind: NoticeKind, known: Told, last: LastRun) -> bool:
    """Tell whether what is no longer seen is over: only a settle shows that, not a run that waits or skips."""
    if kind == "stale":
        return True
    if last.goes_on:
        return False
    return kind not in {"failure", "stopped"} or (last.failure is None and last.settled_at > known.since)


def read_notices(store: Store, export: CohortExport) -> Notices:
    """Return what has been told of an export; nothing where that cannot be read."""
    try:
        return Notices.model_validate_json(store.read(_path(export)))
    except (FileNotFoundError, ValidationError):
        return Notices()


def write_notices(store: Store, export: CohortExport, notices: Notices) -> None:
    """Remember what has been told of an export."""
    store.write(_path(export), notices.model_dump_json().encode())


def _path(export: CohortExport) -> str:
    return f"notices/{export.dag_id}.json"


def _wrong(export: CohortExport, kind: NoticeKind, trouble: Trouble) -> Notice:
    return Notice(
        kind=kind,
        well=False,
        export=export.name,
        dag_id=export.dag_id,
        subject=f"Cohort export {export.name}: {trouble.short}",
        text=f"{trouble.text}\n\nYou are told again when it is well.",
    )


_WELL = {
    "failure": "a run has ended well after the failure",
    "stopped": "a run has ended well after the stop",
    "refused": "Marketo refuses no more than notify_refused_share of the members",
    "left_over": "nothing is left over",
    "stale": "the field is no longer behind",
}


def _well(export: CohortExport, kind: NoticeKind, told: Told, last: LastRun) -> Notice:
    return Notice(
        kind=kind,
        well=True,
        export=export.name,
        dag_id=export.dag_id,
        subject=f"Cohort export {export.name}: well again, {_WELL[kind]}",
        text=f"{label(export)} is well again: {_WELL[kind]}. It was not since {told.since:%Y-%m-%d %H:%M} UTC; "
        f"the last delivery ended at {last.settled_at:%Y-%m-%d %H:%M} UTC. There is nothing to do.",
    )
