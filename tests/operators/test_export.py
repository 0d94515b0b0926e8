import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from inspect import Parameter, signature
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    TaskDeferred,
)
from airflow.sdk.serde import deserialize, serialize

from marketo_provider import errors
from marketo_provider.operators.export import ExportOperator
from marketo_provider.operators.marketo import CohortToMarketoOperator, MarketoFieldCheckOperator
from marketo_provider.operators.mixpanel import MixpanelCohortSnapshotOperator
from marketo_provider.sync.run import Run
from tests.operators.support import connect_nowhere, context, execute

pytestmark = pytest.mark.airflow

OPERATORS = [MarketoFieldCheckOperator, MixpanelCohortSnapshotOperator, CohortToMarketoOperator]
LATER = datetime(2126, 11, 24, 6, 5, tzinfo=UTC)

# How a message names the export of a task whose DAG has no other name.
LABEL = re.escape("Export 'adhoc_airflow' (cohort 1001 to field flag)")


class Probe(ExportOperator):
    """Raises what it is given, or keeps the run that it gets and what it goes on with."""

    def __init__(self, *, error: Exception | None = None, **arguments: Any) -> None:
        defaults: dict[str, Any] = {"task_id": "probe", "cohort_id": 1001, "marketo_field": "flag"}
        super().__init__(**defaults | arguments)
        self.error = error
        self.seen: list[tuple[Run, dict[str, Any]]] = []

    def _work(self, run: Run, context: Context, state: dict[str, Any]) -> str:  # noqa: ARG002 - the base's
        self.seen.append((run, dict(state)))
        state["read"] = "00000007"
        if self.error:
            raise self.error
        return "done"

    @property
    def run(self) -> Run:
        """Return the run that it got."""
        return self.seen[-1][0]


def every(root: type[errors.MarketoProviderError]) -> Iterator[type[errors.MarketoProviderError]]:
    """Yield an exception class and all below it."""
    yield root
    for below in root.__subclasses__():
        yield from every(below)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set Connections that lead nowhere."""
    connect_nowhere(monkeypatch)


@pytest.mark.parametrize("kind", list(every(errors.StopAndAsk)))
def test_what_a_person_must_change_is_not_tried_again(kind: type[errors.MarketoProviderError]) -> None:
    """Airflow's own exception for that carries our text, and nothing of what caused it."""
    with pytest.raises(AirflowFailException, match=rf"^{LABEL}: Change this\.$") as caught:
        execute(Probe(error=kind("Change this.")), context())

    assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", [kind for kind in every(errors.TryAgain) if kind is not errors.VendorUnavailable])
def test_what_may_pass_is_tried_again(kind: type[errors.MarketoProviderError]) -> None:
    """An exception that Airflow retries."""
    with pytest.raises(AirflowException, match=rf"^{LABEL}: Later\.$") as caught:
        execute(Probe(error=kind("Later.")), context())

    assert not isinstance(caught.value, AirflowFailException | AirflowSkipException)


@pytest.mark.parametrize("kind", list(every(errors.NothingToDo)))
def test_where_there_is_nothing_to_do_the_task_is_skipped(kind: type[errors.MarketoProviderError]) -> None:
    """And with it those that follow."""
    with pytest.raises(AirflowSkipException, match=rf"^{LABEL}: Nothing to do\.$"):
        execute(Probe(error=kind("Nothing to do.")), context())


def test_a_message_that_names_the_export_names_it_once() -> None:
    """As those of the sync do."""
    operator = Probe()
    execute(operator, context())
    operator.error = errors.GuardStopped(f"{operator.run.label} stopped and asks.")

    with pytest.raises(AirflowFailException, match=rf"^{LABEL} stopped and asks\.$"):
        execute(operator, context())


def test_a_wrong_connection_is_told_with_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message knows the Connection only."""
    monkeypatch.setenv("AIRFLOW_CONN_MARKETO_DEFAULT", '{"conn_type": "marketo", "host": "app-ab12.marketo.com"}')

    with pytest.raises(AirflowFailException, match=r"^Export 'adhoc_airflow': Connection `marketo_default`: "):
        execute(Probe(), context())


@pytest.mark.parametrize("kind", [errors.RateLimited, errors.QuotaExhausted])
def test_a_wait_holds_no_worker(kind: type[errors.WaitUntil]) -> None:
    """The task defers to the standard provider's trigger, until the very time."""
    with pytest.raises(TaskDeferred) as caught:
        execute(Probe(error=kind("Wait.", resume_at=LATER)), context())

    assert type(caught.value.trigger) is DateTimeTrigger
    assert caught.value.trigger.moment == LATER


def test_a_held_lease_is_looked_at_again_within_a_minute() -> None:
    """Its holder may give it back long before it could be taken over."""
    with pytest.raises(TaskDeferred) as caught:
        execute(Probe(error=errors.LeaseHeld("Wait.", resume_at=LATER)), context())

    assert isinstance(caught.value.trigger, DateTimeTrigger)
    assert caught.value.trigger.moment <= datetime.now(UTC) + timedelta(seconds=60)


def test_a_lease_that_is_free_sooner_is_looked_at_then() -> None:
    """Not only after the minute."""
    soon = datetime.now(UTC) + timedelta(seconds=5)

    with pytest.raises(TaskDeferred) as caught:
        execute(Probe(error=errors.LeaseHeld("Wait.", resume_at=soon)), context())

    assert isinstance(caught.value.trigger, DateTimeTrigger)
    assert caught.value.trigger.moment == soon


def test_after_a_wait_it_goes_on_with_its_state() -> None:
    """What was done before the wait comes back through Airflow, as it serializes it."""
    operator = Probe(error=errors.QuotaExhausted("Wait.", resume_at=LATER))
    with pytest.raises(TaskDeferred) as caught:
        execute(operator, context())
    operator.error = None
    kwargs: Any = deserialize(json.loads(json.dumps(serialize(caught.value.kwargs))))

    result = getattr(operator, caught.value.method_name)(context(), event=LATER, **kwargs)

    assert result == "done"
    assert [state for _, state in operator.seen] == [{}, {"read": "00000007"}]


def test_a_second_wait_keeps_the_state() -> None:
    """However often it waits."""
    operator = Probe(error=errors.QuotaExhausted("Wait.", resume_at=LATER))

    with pytest.raises(TaskDeferred) as caught:
        operator.resume(context(), event=LATER, read="00000007", other=1)

    assert caught.value.kwargs == {"read": "00000007", "other": 1}


def test_a_vendor_that_is_down_costs_no_try() -> None:
    """The task is parked without a worker, and looks again after ten minutes."""
    operator = Probe(error=errors.VendorUnavailable("Nobody answers."))
    before = datetime.now(UTC)

    with pytest.raises(TaskDeferred) as caught:
        execute(operator, context())

    assert isinstance(caught.value.trigger, DateTimeTrigger)
    assert before + timedelta(minutes=10) <= caught.value.trigger.moment < before + timedelta(minutes=11)


def test_a_vendor_that_is_down_for_an_hour_is_waited_for() -> None:
    """Each look goes on with the state; the one that succeeds forgets how long it was."""
    operator = Probe(error=errors.VendorUnavailable("Nobody answers."))
    with pytest.raises(TaskDeferred) as caught:
        execute(operator, context())
    for _ in range(5):
        kwargs: Any = deserialize(json.loads(json.dumps(serialize(caught.value.kwargs))))
        with pytest.raises(TaskDeferred) as caught:
            operator.resume(context(), **kwargs)
    operator.error = None

    result = operator.resume(context(), **(caught.value.kwargs or {}))

    assert result == "done"
    assert operator.seen[-1][1] == {"read": "00000007"}


def test_a_vendor_that_stays_down_is_told_in_the_end() -> None:
    """After three hours it is an error, which Airflow's retries and alerts are for."""
    operator = Probe(error=errors.VendorUnavailable("Nobody answers."))

    with pytest.raises(AirflowException, match=rf"^{LABEL}: Nobody answers\.$"):
        operator.resume(context(), down_since=datetime.now(UTC) - timedelta(hours=3, seconds=1))


def test_arguments_make_the_export() -> None:
    """Options are the other keys of its YAML."""
    operator = Probe(cohort_id=5, sync_type="one_time", options={"create_leads": False, "max_exit_share": 0.1})

    execute(operator, context())

    export = operator.run.export
    assert (export.cohort_id, export.marketo_field, export.sync_type) == (5, "flag", "one_time")
    assert (export.create_leads, export.max_exit_share, export.max_entry_share) == (False, 0.1, 1.0)


@pytest.mark.parametrize(
    ("dag_id", "name"),
    [
        ("cohort_export__trial_users", "trial_users"),
        ("Growth.Trial-Users", "growth_trial_users"),
        ("x" * 250, "x" * 200),
    ],
)
def test_the_export_is_called_after_its_dag(dag_id: str, name: str) -> None:
    """In messages and in the claim; any id that Airflow takes will do."""
    operator = Probe(dag=DAG(dag_id, schedule=None))

    execute(operator, context())

    assert operator.run.export.name == name


def test_templates_are_rendered() -> None:
    """A number that a template makes a text is one again."""
    operator = Probe(
        cohort_id="{{ params.cohort }}",
        marketo_field="{{ params.field }}",
        options={"partition": "{{ params.partition }}"},
        parameters={"dry_run": True},
        dag=DAG("some_dag", schedule=None),
    )
    values = context(params={"cohort": 5, "field": "flagOfFive", "partition": "EU"})

    operator.render_template_fields(values)
    execute(operator, values)

    export = operator.run.export
    assert (export.cohort_id, export.marketo_field, export.partition) == (5, "flagOfFive", "EU")


def test_run_parameters_are_those_of_the_dag_run() -> None:
    """Params of the DAG that are somebody's own are passed over."""
    operator = Probe()

    execute(operator, context(params={"allow_exits": 12, "somebodys_own": "x"}))

    assert (operator.run.parameters.allow_exits, operator.run.parameters.dry_run) == (12, False)


def test_what_lets_a_change_through_is_not_counted_again_when_the_run_is_cleared() -> None:
    """The cohort is another by then, and so is the change; what does no harm is repeated."""
    operator = Probe()
    asked = {"allow_exits": 12, "allow_entries": 12, "adopt": True, "full_refresh": True, "dry_run": True}

    execute(operator, context(params=asked, clear_number=1))

    parameters = operator.run.parameters
    assert (parameters.allow_exits, parameters.allow_entries, parameters.adopt) == (None, None, False)
    assert (parameters.full_refresh, parameters.dry_run) == (True, True)


def test_a_cleared_run_says_which_parameters_are_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Only those that somebody had asked for."""
    execute(Probe(), context(params={"allow_exits": 12, "adopt": False}, clear_number=2))

    assert "The run was cleared, so allow_exits is not counted again. Trigger a new run." in caplog.text


def test_run_parameters_can_be_given_as_an_argument() -> None:
    """Then the DAG's have no say."""
    operator = Probe(parameters={"dry_run": True})

    execute(operator, context(params={"allow_exits": 12}))

    assert (operator.run.parameters.allow_exits, operator.run.parameters.dry_run) == (None, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cohort_id": "many", "sync_type": "sometimes"}, ["cohort_id", "sync_type"]),
        ({"options": {"creat_leads": True}}, ["creat_leads", "create_leads"]),
        ({"parameters": {"dryrun": True}}, ["dryrun", "dry_run"]),
        ({"parameters": {"allow_exits": "ann@example.com"}}, ["allow_exits"]),
    ],
)
def test_wrong_arguments_fail_for_good(arguments: dict[str, Any], words: list[str]) -> None:
    """All are named, with the remedy, and no value that was typed."""
    with pytest.raises(AirflowFailException) as caught:
        execute(Probe(**arguments), context())

    assert [word for word in words if word not in str(caught.value)] == []
    assert "ann@example.com" not in str(caught.value)


def test_each_try_holds_the_lease_for_itself() -> None:
    """The run is that of all tries and tasks, the holder is not: a frozen try must not pass for another."""
    operator = Probe()

    execute(operator, context())
    execute(operator, context())

    first, second = (run for run, _ in operator.seen)
    assert first.run_id == second.run_id == "some_dag/run-1"
    assert first.holder != second.holder


def test_mapped_tasks_are_runs_of_their_own() -> None:
    """One operator expanded over cohorts does not take one for another."""
    operator = Probe()

    execute(operator, context(map_index=0))
    execute(operator, context(map_index=1))

    assert len({run.run_id for run, _ in operator.seen}) == 2


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_argument_is_documented(operator: type[BaseOperator]) -> None:
    """As `:param:`, where people look: in the operator's docstring, or in that of its base, which it names."""
    arguments = {
        parameter.name
        for owner in (operator, ExportOperator)
        for parameter in signature(owner.__init__).parameters.values()
        if parameter.kind is Parameter.KEYWORD_ONLY
    }

    documented = f"{operator.__doc__}{ExportOperator.__doc__}"

    assert len(arguments) >= 7
    assert [name for name in arguments if f":param {name}:" not in documented] == []
    assert ":class:`ExportOperator`" in str(operator.__doc__)


@pytest.mark.parametrize("operator", OPERATORS)
def test_template_fields_are_arguments(operator: type[BaseOperator]) -> None:
    """Airflow sets each from the argument of its name."""
    made = operator(task_id="t", cohort_id=1, marketo_field="f")

    assert {"cohort_id", "marketo_field", "marketo_conn_id", "options", "parameters"} <= set(made.template_fields)
    assert [name for name in made.template_fields if not hasattr(made, name)] == []
