import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

from marketo_provider.dag_factory import build_dag
from marketo_provider.exports import CohortExport

pytestmark = pytest.mark.airflow

DYNAMIC = {"name": "trial_users", "cohort_id": 1001, "marketo_field": "mixpanelTrialUsers", "sync_type": "dynamic"}
ONE_TIME = {"name": "launch", "cohort_id": 1002, "marketo_field": "mixpanelLaunch", "sync_type": "one_time"}


def build(declared: dict[str, Any] = DYNAMIC, **keys: Any) -> DAG:
    """Return the DAG of an export."""
    return build_dag(CohortExport.model_validate({**declared, **keys}))


def serialized(dag: DAG) -> Any:
    """Return a DAG as the scheduler gets it, through JSON and back."""
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


def test_an_export_is_three_tasks_in_a_row() -> None:
    """Check, snapshot, export, each after the other, also for the scheduler."""
    dag = serialized(build())

    assert dag.dag_id == "cohort_export__trial_users"
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {
        "check_field": {"snapshot_cohort"},
        "snapshot_cohort": {"export_to_marketo"},
        "export_to_marketo": set(),
    }


def test_a_dynamic_export_runs_on_even_hours() -> None:
    """The serialized DAG makes a data interval of two hours, and unpausing runs the last one at once."""
    dag = serialized(build())
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=dag.catchup)

    info = dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)

    assert dag.timetable.summary == "0 */2 * * *"
    assert info.data_interval.end - info.data_interval.start == timedelta(hours=2)
    assert info.data_interval.end == info.run_after <= datetime.now(UTC)
    assert datetime.now(UTC) - info.run_after < timedelta(hours=2)
    assert (info.run_after.hour % 2, info.run_after.minute) == (0, 0)


def test_the_schedule_can_be_another() -> None:
    """The export's own, still in UTC and in data intervals."""
    dag = serialized(build(schedule="30 6 * * *", start_date="2026-03-01"))
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)

    info = dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)

    assert info.data_interval.start == datetime(2026, 3, 1, 6, 30, tzinfo=UTC)
    assert info.data_interval.end == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def test_a_one_time_export_has_no_schedule() -> None:
    """It is triggered by hand."""
    dag = serialized(build(ONE_TIME))
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)

    assert dag.timetable.can_be_scheduled is False
    assert dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction) is None


@pytest.mark.parametrize("declared", [DYNAMIC, ONE_TIME])
def test_nothing_is_made_up_for_and_one_run_goes_at_a_time(declared: dict[str, Any]) -> None:
    """A sync makes the present true; the past is of no use."""
    dag = serialized(build(declared))

    assert (dag.catchup, dag.max_active_runs) == (False, 1)


def test_keys_of_the_export_reach_dag_and_tasks() -> None:
    """Retries, delay, pool and owner are the tasks', the rest is the DAG's."""
    dag = serialized(
        build(
            retries=4,
            retry_delay_seconds=60,
            pool="marketo",
            owner="growth",
            tags=["mixpanel"],
            start_date="2026-03-01",
            description="Trials",
        )
    )

    assert {(task.retries, task.retry_delay, task.pool, task.owner) for task in dag.tasks} == {
        (4, timedelta(seconds=60), "marketo", "growth")
    }
    assert (dag.tags, dag.description) == ({"mixpanel"}, "Trials")
    assert dag.start_date == datetime(2026, 3, 1, tzinfo=UTC)


def test_defaults_are_those_of_the_design() -> None:
    """Two retries after five minutes, the default pool, and a description that says what goes where."""
    dag = serialized(build())

    assert {(task.retries, task.retry_delay, task.pool) for task in dag.tasks} == {
        (2, timedelta(seconds=300), "default_pool")
    }
    assert dag.description == "Mixpanel cohort 1001 to mixpanelTrialUsers in Marketo"


def test_the_sync_s_keys_reach_every_task() -> None:
    """Only those that were declared, so that the rendered fields stay short."""
    tasks: list[Any] = build(create_leads=False, max_exit_share=0.1, marketo_conn_id="marketo_eu", retries=1).tasks

    assert [task.options for task in tasks] == [{"create_leads": False, "max_exit_share": 0.1}] * 3
    assert {task.marketo_conn_id for task in tasks} == {"marketo_eu"}


def test_the_form_asks_what_a_run_may_be_asked() -> None:
    """Typed, explained, and off or empty unless somebody asks."""
    params = build().params

    schemas = {name: params.get_param(name).schema for name in params}
    assert params.dump() == {
        "dry_run": False,
        "full_refresh": False,
        "allow_exits": None,
        "allow_entries": None,
        "retry_refused": False,
        "adopt": False,
    }
    assert {name: schema["type"] for name, schema in schemas.items()} == {
        "dry_run": "boolean",
        "full_refresh": "boolean",
        "allow_exits": ["integer", "null"],
        "allow_entries": ["integer", "null"],
        "retry_refused": "boolean",
        "adopt": "boolean",
    }
    assert all(schema["title"] and params.get_param(name).description for name, schema in schemas.items())


def test_only_a_one_time_export_asks_for_another_field() -> None:
    """A text, or nothing."""
    one_time, dynamic = build(ONE_TIME).params, build().params

    assert one_time.get_param("marketo_field").schema["type"] == ["string", "null"]
    assert "marketo_field" not in dynamic


@pytest.mark.parametrize("conf", [{"dry_run": "perhaps"}, {"allow_exits": 0}, {"allow_exits": 1.5}])
def test_the_form_refuses_what_is_wrong(conf: dict[str, Any]) -> None:
    """Before a run is made of it, by what the scheduler's DAG knows."""
    params = serialized(build()).params.deep_merge(conf)

    with pytest.raises(ValueError, match="Invalid input for param"):
        params.validate()


@pytest.mark.parametrize(
    ("declared", "words"),
    [(DYNAMIC, "False for those who left"), (ONE_TIME, "as the run parameter `marketo_field`")],
)
def test_the_docs_say_what_goes_where_and_how_to_read_a_report(declared: dict[str, Any], words: str) -> None:
    """Cohort, field, both Connections, the kind of sync, and what the figures mean."""
    text = serialized(build(declared)).doc_md

    named = [str(declared["cohort_id"]), declared["marketo_field"], "marketo_default", "mixpanel_default", words]
    assert [each for each in named if each not in text] == []
    assert [
        figure for figure in ("set_true", "set_false", "refused", "left_over") if f"`{figure}`" not in text
    ] == []
