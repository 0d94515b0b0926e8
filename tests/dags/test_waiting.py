"""The operator alone: it does all three steps, waits without a worker, and goes on where it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred

from marketo_provider.operators.marketo import CohortToMarketoOperator, MarketoFieldCheckOperator
from tests.dags.deployment import COHORT, FIELD, Deployment
from tests.operators.support import context, execute

pytestmark = pytest.mark.airflow

ANN, BOB = "ann@example.com", "bob@example.com"
OWN_DAG = f"""
from airflow.sdk import DAG
from marketo_provider.operators.marketo import CohortToMarketoOperator

with DAG("somebodys_own", params={{"cohort": {COHORT}, "dry_run": False}}):
    CohortToMarketoOperator(
        task_id="sync",
        cohort_id="{{{{ params.cohort }}}}",
        marketo_field="{{{{ 'mixpanel' ~ 'TrialUsers' }}}}",
        options={{"create_leads": False}},
    )
"""


def operator(**arguments: Any) -> CohortToMarketoOperator:
    """Return the operator as it stands alone."""
    return CohortToMarketoOperator(task_id="sync", cohort_id=COHORT, marketo_field=FIELD, **arguments)


def test_alone_in_somebody_s_own_dag_it_does_all_three_steps(deployment: Deployment) -> None:
    """Check, snapshot and export, with templates and options; the result is the report."""
    deployment.write_dag("own", OWN_DAG)
    deployment.add_lead(ANN)
    deployment.set_cohort([ANN, BOB])

    outcome = deployment.run_dag("somebodys_own")

    assert (outcome.state, outcome.report["set_true"], outcome.report["not_in_marketo"]) == ("success", 1, 1)
    assert deployment.flags() == {ANN: True}


def test_alone_it_checks_the_field_before_it_reads(deployment: Deployment) -> None:
    """As the DAGs that are made of exports do."""
    deployment.write_dag("own", OWN_DAG)
    deployment.add_field(FIELD, crm_managed=True)

    outcome = deployment.run_dag("somebodys_own")

    assert "managed by a CRM" in outcome.failure
    assert deployment.asked_mixpanel() == []


def test_alone_it_takes_the_params_of_its_dag(deployment: Deployment) -> None:
    """Those that are called like run parameters."""
    deployment.write_dag("own", OWN_DAG)
    deployment.set_cohort([ANN])

    outcome = deployment.run_dag("somebodys_own", dry_run=True)

    assert outcome.report["dry_run"] is True
    assert deployment.writes() == []


def test_while_another_run_writes_it_waits_and_then_goes_on(deployment: Deployment) -> None:
    """It looks again within a minute, and does not read the cohort a second time."""
    deployment.set_cohort([ANN])
    lease = deployment.lease("another run")
    lease.take()
    task = operator()
    with pytest.raises(TaskDeferred) as caught:
        execute(task, context())
    lease.give_back()

    report = getattr(task, caught.value.method_name)(context(), event=None, **(caught.value.kwargs or {}))

    assert isinstance(caught.value.trigger, DateTimeTrigger)
    assert caught.value.trigger.moment <= datetime.now(UTC) + timedelta(seconds=60)
    assert report["set_true"] == 1
    assert deployment.asked_mixpanel().count("/api/query/engage") == 1


def test_without_calls_left_a_one_time_export_waits_for_the_next_day(deployment: Deployment) -> None:
    """Neither read nor written is anything until Marketo's quota is new."""
    deployment.set_cohort([ANN])
    deployment.marketo.instance.gate.set_used(45_000)

    with pytest.raises(TaskDeferred) as caught:
        execute(operator(sync_type="one_time"), context())

    assert isinstance(caught.value.trigger, DateTimeTrigger)
    assert caught.value.trigger.moment > datetime.now(UTC)
    assert deployment.asked_mixpanel() == []
    assert deployment.writes() == []


def test_without_calls_left_a_dynamic_run_is_skipped(deployment: Deployment) -> None:
    """Its schedule looks again by itself."""
    deployment.declare()
    deployment.set_cohort([ANN])
    deployment.marketo.instance.gate.set_used(45_000)

    outcome = deployment.run()

    assert outcome.tasks == dict.fromkeys(("check_field", "snapshot_cohort", "export_to_marketo"), "skipped")
    assert deployment.asked_mixpanel() == []
    assert deployment.writes() == []


def test_alone_without_calls_left_it_is_skipped(deployment: Deployment) -> None:
    """Before the cohort is read; nothing is half done."""
    deployment.set_cohort([ANN])
    deployment.marketo.instance.gate.set_used(45_000)

    with pytest.raises(AirflowSkipException, match="our share of Marketo's calls of today is spent"):
        execute(operator(), context())

    assert deployment.asked_mixpanel() == []
    assert deployment.writes() == []


def test_mixpanel_s_long_pause_is_waited_for(deployment: Deployment) -> None:
    """When the queries of the hour are spent by others the task defers until there are some again."""
    deployment.set_cohort([ANN])
    limits = deployment.mixpanel.state.limits
    deployment.mixpanel.state.limits = limits.model_copy(update={"queries_per_hour": 1})
    task = operator()
    execute(task, context(params={"dry_run": True}))

    with pytest.raises(TaskDeferred) as caught:
        execute(task, context())

    assert isinstance(caught.value.trigger, DateTimeTrigger)
    assert caught.value.trigger.moment > datetime.now(UTC) + timedelta(seconds=60)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_run_of_an_older_interval_is_skipped(deployment: Deployment, run_type: str) -> None:
    """A newer snapshot was delivered meanwhile, and the field never moves back."""
    deployment.declare()
    deployment.set_cohort([ANN])
    deployment.run()
    deployment.mixpanel.wire.log.clear()
    check = MarketoFieldCheckOperator(task_id="check", cohort_id=COHORT, marketo_field=FIELD)
    yesterday: Any = datetime.now(UTC) - timedelta(days=1)

    with pytest.raises(AirflowSkipException, match="The field never moves back"):
        execute(check, context(run_type=run_type, data_interval_end=yesterday))

    assert deployment.asked_mixpanel() == []


def test_a_run_by_hand_means_now(deployment: Deployment) -> None:
    """Whatever data interval Airflow works out for it."""
    deployment.declare()
    deployment.set_cohort([ANN])
    deployment.run()
    check = MarketoFieldCheckOperator(task_id="check", cohort_id=COHORT, marketo_field=FIELD)
    yesterday: Any = datetime.now(UTC) - timedelta(days=1)

    assert execute(check, context(data_interval_end=yesterday)) is None
