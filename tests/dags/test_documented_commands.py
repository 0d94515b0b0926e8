"""Each `airflow` command that a page shows runs, as it stands there, in Airflow's own command line."""

import os
import shlex

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.models import DagModel, Pool
from airflow.models.connection import Connection
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID, _AIRFLOW_PARSING_CONTEXT_TASK_ID
from airflow.utils.session import create_session
from sqlalchemy import select

from tests.dags.deployment import OTHER_COHORT, OTHER_FIELD, Deployment
from tests.pages import commands

SHOWN = sorted({one.partition(" |")[0] for one in commands() if one.startswith("airflow ")})
ANN, BOB = "ann@example.com", "bob@example.com"


def run(command: str) -> None:
    """Run a command line in this process."""
    _airflow, *words = shlex.split(command)
    arguments = get_parser().parse_args(words)
    try:
        arguments.func(arguments)
    finally:
        # A command leaves them behind, since its process ends with it: no other DAG would be parsed any more.
        for name in (_AIRFLOW_PARSING_CONTEXT_DAG_ID, _AIRFLOW_PARSING_CONTEXT_TASK_ID):
            os.environ.pop(name, None)


@pytest.fixture
def two_exports(deployment: Deployment) -> Deployment:
    """Return a deployment with the exports of the pages, which Airflow has read, and their cohorts."""
    deployment.declare()
    deployment.declare(
        "newsletter_launch", cohort_id=OTHER_COHORT, marketo_field=OTHER_FIELD, sync_type="one_time"
    )
    deployment.set_cohort([ANN, BOB])
    run("airflow dags reserialize")
    return deployment


def test_there_are_commands() -> None:
    """The test below is about some."""
    assert len(SHOWN) > 4


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_runs(two_exports: Deployment, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And does what the page says of it."""
    run(command)

    shown = capsys.readouterr().out
    with create_session() as session:
        match shlex.split(command)[1:3]:
            case ["providers", "list"]:
                assert "mixpanel-cohorts" in shown
            case ["dags", "list"]:
                assert "cohort_export__trial_users" in shown
            case ["dags", "test"]:
                assert two_exports.writes() == []
                assert "/api/query/engage" in two_exports.asked_mixpanel()
            case ["dags", "unpause"]:
                paused = session.scalar(
                    select(DagModel.is_paused).where(DagModel.dag_id == shlex.split(command)[3])
                )
                assert paused is False
            case ["dags", "trigger"]:
                assert "manual__" in shown
            case ["connections", "add"]:
                name = shlex.split(command)[3]
                stored = session.scalars(select(Connection).where(Connection.conn_id == name)).one()
                assert (stored.conn_type, stored.password) == ("marketo", "<client secret>")
                session.delete(stored)
            case ["pools", "set"]:
                assert session.scalar(select(Pool.slots).where(Pool.pool == "marketo_north")) == 4
            case other:
                pytest.fail(f"what comes of {other} is not looked at")
