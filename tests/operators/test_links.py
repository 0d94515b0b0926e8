"""The link from a task to its export's view."""

from types import SimpleNamespace
from typing import Any

import pytest

from marketo_provider.operators.links import CohortExportLink
from marketo_provider.operators.marketo import CohortToMarketoOperator, MarketoFieldCheckOperator

pytestmark = pytest.mark.airflow


def link(dag_id: str = "cohort_export__trial_users") -> str:
    """Return the link of a task."""
    operator: Any = CohortToMarketoOperator(task_id="export", cohort_id=1001, marketo_field="aField")
    key: Any = SimpleNamespace(dag_id=dag_id)
    return CohortExportLink().get_link(operator, ti_key=key)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("", "/plugin/cohort-exports/cohort-exports/dags/cohort_export__trial_users"),
        ("https://airflow.example.com", "/plugin/cohort-exports/cohort-exports/dags/cohort_export__trial_users"),
        (
            "https://example.com/team/airflow/",
            "/team/airflow/plugin/cohort-exports/team/airflow/cohort-exports/dags/cohort_export__trial_users",
        ),
    ],
)
def test_it_leads_to_the_page_in_airflow_s_frame(
    monkeypatch: pytest.MonkeyPatch, base_url: str, expected: str
) -> None:
    """By whichever name Airflow was reached, and below the path of a reverse proxy."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)

    assert link() == expected


def test_a_dag_s_id_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever letters somebody's own DAG is named with."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "")

    assert link("über/dag").endswith("/dags/%C3%BCber%2Fdag")


def test_every_task_of_an_export_has_it() -> None:
    """The check of the field, too, which is where many runs end."""
    task = MarketoFieldCheckOperator(task_id="check", cohort_id=1001, marketo_field="aField")

    assert [type(each) for each in task.operator_extra_links] == [CohortExportLink]
