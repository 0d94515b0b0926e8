"""What Airflow's own database knows of the exports: their DAGs, what these declare, and their newest runs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketo_provider.exports import DAG_PREFIX

_EXPORTS: Final = "CohortToMarketoOperator"
_ENDED: Final = frozenset({"success", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a DAG's task declares; what a template fills in is not known here.

    `parameters` are those that the task takes from the DAG's trigger form.
    """

    task_id: str
    cohort_id: str
    field: str
    sync_type: str
    marketo_conn_id: str
    parameters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestRun:
    """A DAG's newest run."""

    run_id: str
    state: str
    at: datetime

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in _ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportDag:
    """A DAG that exports a cohort."""

    dag_id: str
    paused: bool
    next_run: datetime | None
    declared: Declared
    newest: NewestRun | None

    @property
    def name(self) -> str:
        """The export's name."""
        return self.dag_id.removeprefix(DAG_PREFIX)


def read_dags(session: Session, also: Collection[str] = ()) -> list[ExportDag]:
    """Return the DAGs that export cohorts, by name: those made of YAML, and others of the ids in `also`.

    Args:
        session: of Airflow's database.
        also: ids of DAGs that somebody wrote.
    """
    of_ours = DagModel.dag_id.startswith(DAG_PREFIX, autoescape=True)
    wanted = select(DagModel).where(of_ours | DagModel.dag_id.in_(also), DagModel.is_stale.is_(False))
    models = {model.dag_id: model for model in session.scalars(wanted)}
    declared, newest = _declared(session, models), _newest_runs(session, models)
    dags = [
        ExportDag(
            dag_id=dag_id,
            paused=model.is_paused,
            next_run=None if model.is_paused else model.next_dagrun_create_after,
            declared=declared[dag_id],
            newest=newest.get(dag_id),
        )
        for dag_id, model in models.items()
        if dag_id in declared
    ]
    return sorted(dags, key=lambda dag: dag.name)


def _declared(session: Session, dag_ids: Collection[str]) -> dict[str, Declared]:
    latest = (
        select(SerializedDagModel.dag_id, func.max(SerializedDagModel.created_at).label("created_at"))
        .where(SerializedDagModel.dag_id.in_(dag_ids))
        .group_by(SerializedDagModel.dag_id)
        .subquery()
    )
    newest = select(SerializedDagModel).join(
        latest,
        (SerializedDagModel.dag_id == latest.c.dag_id) & (SerializedDagModel.created_at == latest.c.created_at),
    )
    found = ((model.dag_id, _export_task(model.data or {})) for model in session.scalars(newest))
    return {dag_id: declared for dag_id, declared in found if declared}


def _export_task(data: Mapping[str, Any]) -> Declared | None:
    """Return what the first task that exports a cohort declares, if there is one."""
    dag = data.get("dag", {})
    for task in (task.get("__var", task) for task in dag.get("tasks", ())):
        if task.get("task_type") == _EXPORTS:
            of_the_form = frozenset(name for name, _ in dag.get("params", ()))
            return Declared(
                task_id=task["task_id"],
                cohort_id=str(task.get("cohort_id", "")),
                field=str(task.get("marketo_field", "")),
                sync_type=str(task.get("sync_type", "dynamic")),
                marketo_conn_id=str(task.get("marketo_conn_id", "")),
                parameters=frozenset() if task.get("parameters") else of_the_form,
            )
    return None


def _newest_runs(session: Session, dag_ids: Collection[str]) -> dict[str, NewestRun]:
    # One look into the index each, however many runs there are.
    newest = (
        select(DagRun.id).where(DagRun.dag_id == DagModel.dag_id).order_by(DagRun.id.desc()).limit(1)
    ).scalar_subquery()
    ids = select(newest).where(DagModel.dag_id.in_(dag_ids))
    runs = session.execute(
        select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.run_after).where(
            DagRun.id.in_([found for (found,) in session.execute(ids) if found is not None])
        )
    )
    return {
        dag_id: NewestRun(run_id=run_id, state=str(state), at=started or run_after)
        for dag_id, run_id, state, started, run_after in runs
    }
