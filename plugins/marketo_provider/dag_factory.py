"""From declared exports to DAGs: three tasks each, because they fail, retry and queue for different reasons."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronDataIntervalTimetable, CronTriggerTimetable, Param, get_parsing_context
from airflow.sdk.exceptions import AirflowException

from marketo_provider.export_files import load_exports
from marketo_provider.export_problems import problems_text
from marketo_provider.exports import CohortExport
from marketo_provider.form_fields import FormField
from marketo_provider.operators.marketo import CohortToMarketoOperator, MarketoFieldCheckOperator
from marketo_provider.operators.mixpanel import MixpanelCohortSnapshotOperator
from marketo_provider.operators.notifiers import notifier_faults
from marketo_provider.operators.watch import ExportWatchOperator
from marketo_provider.run_parameters import parameter_fields

# Keys of an export that are the DAG's; all others are the sync's.
_DAG_KEYS = frozenset(
    {"name", "schedule", "retries", "retry_delay_seconds", "pool", "start_date", "owner", "tags", "description"}
)
# Those of who watches; what a notifier is given is for nobody to read.
_WATCH_KEYS = frozenset({"notify", "notify_refused_share", "stale_after"})
_WATCH = "cohort_exports__watch"
_EVERY_FIVE_MINUTES = "*/5 * * * *"
_ARGUMENTS = frozenset({"cohort_id", "marketo_field", "sync_type", "mixpanel_conn_id", "marketo_conn_id"})
# Empty where the task left none, which the operator tells better than a template that cannot be rendered.
_SNAPSHOT = "{{ (ti.xcom_pull('snapshot_cohort') or {}).get('name', '') }}"
_DOC = """
**Cohort {export.cohort_id}** of Mixpanel (Connection `{export.mixpanel_conn_id}`) goes to the Boolean field
**{export.marketo_field}** of Marketo (Connection `{export.marketo_conn_id}`). {how}

How it stands is on the page *Browse > Cohort exports*, to which each of its tasks links. The task
`export_to_marketo` leaves two XComs: `in_short`, the run in a few words, and `return_value`, its report:

| figure | means |
| --- | --- |
| `profiles`, `without_email`, `invalid_email`, `duplicate_email` | why the cohort is larger in Mixpanel |
| `members` | distinct addresses: those who should hold True |
| `entered`, `exited` | what was to change |
| `set_true`, `set_false` | what Marketo acknowledged; `created` of them are new leads |
| `not_in_marketo` | addresses that Marketo does not know |
| `refused`, `refused_by_code` | records that Marketo refused; docs/errors.md tells what to do about each code |
| `left_over` | what the next run sends |
"""
_WATCH_DOC = """
Looks at every cohort export that declares `notify`, and lets its notifiers tell what is wrong: once when it
begins, and once when it is well again. The task's XCom `return_value` lists what was told. docs/being-told.md
explains more.
"""
_HOW = {
    "dynamic": "Every run sets it True for those who entered the cohort and False for those who left.",
    "one_time": "A run triggered by hand sets it True once for every member. To export the cohort again, create a "
    "new field and give its name as the run parameter `marketo_field`.",
}


class _BrokenExports(DAG):
    """Fails validation with every problem of the folder, and so leaves the other DAGs of the file alone.

    A DAG file that raises would take all its DAGs down; Airflow shows one import error a file.
    """

    def validate(self) -> None:
        """Raise what `description` says."""
        raise AirflowException(self.description)


def build_dags(folder: Path) -> dict[str, DAG]:
    """Return the DAGs of every export in a folder, by id; when a task starts, only its own.

    :param folder: where the YAML files are.
    """
    wanted = get_parsing_context().dag_id
    loaded = load_exports(folder, look=notifier_faults if wanted is None else None)
    dags = {export.dag_id: build_dag(export) for export in loaded.exports if wanted in (None, export.dag_id)}
    if loaded.problems and wanted is None:
        broken = _BrokenExports("cohort_exports", description=problems_text(loaded.problems), schedule=None)
        dags[broken.dag_id] = broken
    watched = [export for export in loaded.exports if export.notify]
    if watched and wanted in {None, _WATCH}:
        dags[_WATCH] = _build_watch(watched)
    return dags


def build_dag(export: CohortExport) -> DAG:
    """Return the DAG of an export.

    :param export: the export.
    """
    schedule = CronDataIntervalTimetable(export.schedule, timezone="UTC") if export.schedule else None
    dag = DAG(
        export.dag_id,
        schedule=schedule,
        start_date=datetime.combine(export.start_date, time(), UTC),
        catchup=False,
        max_active_runs=1,
        params=_params(export),
        default_args={
            "retries": export.retries,
            "retry_delay": timedelta(seconds=export.retry_delay_seconds),
            "pool": export.pool,
            **({"owner": export.owner} if export.owner else {}),
        },
        description=export.description
        or f"Mixpanel cohort {export.cohort_id} to {export.marketo_field} in Marketo",
        doc_md=_DOC.format(export=export, how=_HOW[export.sync_type]),
        tags=list(export.tags),
    )
    declared = export.model_dump(
        mode="json", exclude_defaults=True, exclude={*_DAG_KEYS, *_WATCH_KEYS, *_ARGUMENTS}
    )
    arguments = {key: getattr(export, key) for key in sorted(_ARGUMENTS)} | {"options": declared}
    arguments["default_args"] = dag.default_args
    check = MarketoFieldCheckOperator(task_id="check_field", **arguments)
    snapshot = MixpanelCohortSnapshotOperator(task_id="snapshot_cohort", **arguments)
    deliver = CohortToMarketoOperator(task_id="export_to_marketo", snapshot=_SNAPSHOT, **arguments)
    # Tasks made within the DAG would each carry a copy of its params, which Airflow validates again and again
    # while it serialises them: most of the time that a large folder took.
    dag.add_tasks([check, snapshot, deliver])
    check >> snapshot >> deliver
    return dag


def _build_watch(exports: list[CohortExport]) -> DAG:
    """Return the DAG that tells of exports; not paused at first, for who declares a notifier wants to be told."""
    dag = DAG(
        _WATCH,
        schedule=CronTriggerTimetable(_EVERY_FIVE_MINUTES, timezone="UTC", run_immediately=True),
        start_date=datetime(2025, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        description="Tells the notifiers of the cohort exports what has changed",
        doc_md=_WATCH_DOC,
    )
    # A notifier that hangs must not end all telling.
    dag.add_task(ExportWatchOperator(task_id="tell", exports=exports, execution_timeout=timedelta(minutes=15)))
    return dag


def _params(export: CohortExport) -> dict[str, Param]:
    return {name: _param(field) for name, field in parameter_fields(export.sync_type).items()}


def _param(field: FormField) -> Param:
    schema: dict[str, Any] = dict(field.schema)
    return Param(schema.pop("default"), title=field.label, description=field.description, **schema)
