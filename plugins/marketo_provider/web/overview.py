"""What the page says of each export: DAGs and stored summaries brought together. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from marketo_provider.state.records import Claim
from marketo_provider.sync.summary import LastRun, Stop, Summary
from marketo_provider.web.deployment import ExportDag, NewestRun


class State(StrEnum):
    """How an export stands; the value is what the page says."""

    UP_TO_DATE = "up to date"
    LEFT_OVER = "partly up to date"
    FINISHED = "finished"
    RUNNING = "running"
    WAITING = "waiting"
    STOPPED = "stopped"
    FAILED = "failed"
    RETIRED = "retired"
    NEVER_RUN = "never run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export with its target, as far as both are known."""

    dag: ExportDag
    folder: str | None = None
    summary: Summary | None = None

    @property
    def field(self) -> str:
        """The field of the run, which may be another than a one-time export declares."""
        return self.summary.field if self.summary and self._claim else self.dag.declared.field

    @property
    def last(self) -> LastRun | None:
        """The last settle, if it was this export's, and the field was not retired since."""
        return self.summary.last if self.summary and self._claim and not self.retired_at else None

    @property
    def retired_at(self) -> datetime | None:
        """When every lead that the export held True was set False for good."""
        return self._claim.retired_at if self._claim else None

    @property
    def _claim(self) -> Claim | None:
        """The target's claim, if it is this export's."""
        claim = self.summary.claim if self.summary else None
        if self.summary is None or claim is None:
            return None
        return claim if self.summary.dag_id == self.dag.dag_id or _same(self.dag, claim) else None

    @property
    def stop(self) -> Stop | None:
        """Why the newest run stopped or waits, if it did; or what a guard asked, until a run settles.

        So a dry run, which leaves nothing, does not hide that.
        """
        newest = self.dag.newest
        stop = self.summary.stops.get(self.dag.dag_id) if self.summary else None
        if stop is None or newest is None:
            return None
        stands = stop.change is not None and newest.ended
        return stop if stands or self._is_of(newest, stop) else None

    def _is_of(self, run: NewestRun, stop: Stop) -> bool:
        name = f"{self.dag.dag_id}/{run.run_id}"
        return stop.run_id == name or stop.run_id.startswith(f"{name}/")

    @property
    def state(self) -> State:
        """How it stands."""
        newest, stop = self.dag.newest, self.stop
        if newest and not newest.ended:
            return State.WAITING if stop and stop.kind == "waits" else State.RUNNING
        if self.retired_at:
            return State.RETIRED
        if stop and stop.kind == "asks":
            return State.STOPPED
        return State.FAILED if newest and newest.state == "failed" else self._settled

    @property
    def _settled(self) -> State:
        if self.last is None:
            return State.NEVER_RUN
        if self._claim and self._claim.finished_at:
            return State.FINISHED
        return State.LEFT_OVER if self.last.report.left_over or self.last.goes_on else State.UP_TO_DATE

    @property
    def message(self) -> str | None:
        """What more there is to say of its state."""
        newest, stop = self.dag.newest, self.stop
        if self.state is State.RETIRED:
            return (
                f"The field was retired on {self.retired_at:%Y-%m-%d %H:%M} UTC: every lead that was True because "
                "of it was set False, and no export writes to it any more. Remove the export from its YAML file."
            )
        if stop and newest and newest.state == "failed" and not self._is_of(newest, stop):
            return f"{stop.message} A run after that one failed, too: look at the log of its red task."
        if stop:
            return stop.message
        if self.state is State.FAILED:
            return "The newest run failed without leaving a reason here: look at the log of its red task."
        if self.state is State.NEVER_RUN and newest:
            return (
                "Runs have ended, and none of them has exported: they were dry runs, or there was nothing to do."
            )
        return None

    def age(self, now: datetime) -> float | None:
        """Return how old the field's truth is, in seconds."""
        return (now - self.last.snapshot_begun_at).total_seconds() if self.last else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A claimed field that no export declares any more."""

    summary: Summary
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the page lists."""

    exports: tuple[Export, ...]
    orphans: tuple[Orphan, ...]


def bring_together(dags: Iterable[ExportDag], summaries: Mapping[str, Summary]) -> Overview:
    """Give each DAG its target, and find the targets that have none.

    A renamed export keeps its target, by cohort, field and sync type. A one-time export has one target for every
    field that it was given.

    Args:
        dags: those that export cohorts.
        summaries: by the target's folder.
    """
    dags = list(dags)
    free = dict(summaries)
    exports: list[Export] = []
    for dag in dags:
        own = _own(dag, free)
        exports += [Export(dag=dag, folder=folder, summary=free.pop(folder)) for folder in own]
    found = {export.dag.dag_id for export in exports}
    for dag in dags:
        if dag.dag_id not in found:
            renamed = next((one for one, summary in free.items() if _is_of_other_name(dag, summary)), None)
            if renamed:
                exports.append(Export(dag=dag, folder=renamed, summary=free.pop(renamed)))
            else:
                exports.append(_refused(dag, summaries))
    orphans = [
        Orphan(summary=summary, claim=summary.claim)
        for summary in free.values()
        if summary.claim and not summary.claim.retired_at
    ]
    return Overview(
        exports=tuple(sorted(exports, key=lambda export: (export.dag.name, export.field))),
        orphans=tuple(sorted(orphans, key=lambda orphan: orphan.summary.target)),
    )


def _own(dag: ExportDag, summaries: Mapping[str, Summary]) -> list[str]:
    """Return the targets that a DAG has settled: every one of a one-time export, else the newest of its field.

    A Connection that was pointed at another instance has left an older one behind, which nobody keeps true.
    """
    mine = {folder: summary for folder, summary in summaries.items() if summary.dag_id == dag.dag_id}
    once = [folder for folder, one in mine.items() if one.claim and one.claim.sync_type == "one_time"]
    kept = [folder for folder, one in mine.items() if folder not in once and one.claim and _same_field(dag, one)]
    return [*once, *sorted(kept, key=lambda folder: _settled_at(mine[folder]))[-1:]]


def _settled_at(summary: Summary) -> float:
    return summary.last.settled_at.timestamp() if summary.last else 0.0


def _is_of_other_name(dag: ExportDag, summary: Summary) -> bool:
    return summary.claim is not None and _same(dag, summary.claim) and _same_field(dag, summary)


def _refused(dag: ExportDag, summaries: Mapping[str, Summary]) -> Export:
    """Return an export without a target of its own, with what a stop of it has left at another's or a new one."""
    for folder, summary in summaries.items():
        if dag.dag_id in summary.stops and _same_field(dag, summary):
            return Export(dag=dag, folder=folder, summary=summary)
    return Export(dag=dag)


def _same(dag: ExportDag, claim: Claim) -> bool:
    return (dag.declared.cohort_id, dag.declared.sync_type) == (str(claim.cohort_id), claim.sync_type)


def _same_field(dag: ExportDag, summary: Summary) -> bool:
    # What a template fills in is not known before the run.
    return "{{" in dag.declared.field or summary.field.lower() == dag.declared.field.lower()
