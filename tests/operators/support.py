"""What the operators' tests share: Connections that lead nowhere, a task's context, and the task runner's part."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.bases.operator import BaseOperator, ExecutorSafeguard
from airflow.sdk.execution_time.context import OutletEventAccessors

NOWHERE = "http://127.0.0.1:1"


def connect_nowhere(environment: pytest.MonkeyPatch) -> None:
    """Set both Connections; a request to either would fail at once."""
    parts = {"host": NOWHERE, "login": "robot", "password": "hush"}
    environment.setenv("AIRFLOW_CONN_MARKETO_DEFAULT", json.dumps({"conn_type": "marketo", **parts}))
    mixpanel = {"conn_type": "mixpanel", **parts, "extra": {"project_id": 7}}
    environment.setenv("AIRFLOW_CONN_MIXPANEL_DEFAULT", json.dumps(mixpanel))


def context(*, run_type: str = "manual", clear_number: int = 0, map_index: int = -1, **more: Any) -> Any:
    """Return the context of a task's first try."""
    instance = SimpleNamespace(
        dag_id="some_dag",
        run_id="run-1",
        map_index=map_index,
        try_number=1,
        xcom_push=lambda *_: None,
    )
    return {
        "dag": DAG("some_dag", schedule=None),
        "params": {},
        "outlet_events": OutletEventAccessors(),
        "ti": instance,
        "dag_run": SimpleNamespace(run_type=run_type, clear_number=clear_number),
        **more,
    }


def execute(operator: BaseOperator, context: Any) -> Any:
    """Execute an operator as the task runner does, who alone may."""
    sentinel = {f"{type(operator).__name__}__sentinel": ExecutorSafeguard.sentinel_value}
    return operator.execute(context, **sentinel)
