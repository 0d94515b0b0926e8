"""Notifiers of an export are told once when something is wrong, and once when it is well again."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from tests.dags.deployment import OTHER_COHORT, OTHER_FIELD, Deployment, Outcome
from tests.dags.recorder import RecordingNotifier

pytestmark = pytest.mark.airflow

ANN, BOB = "ann@example.com", "bob@example.com"
WATCH = "cohort_exports__watch"
NO_COHORT = 4004
RECORDER = "tests.dags.recorder.RecordingNotifier"


@pytest.fixture(autouse=True)
def told() -> list[tuple[str, str]]:
    """Return what is told, none of it yet."""
    for one in (RecordingNotifier.told, RecordingNotifier.failed):
        one.clear()
    return RecordingNotifier.told


def recorder(who: str = "team", *, tell_of: list[str] | None = None, **arguments: Any) -> dict[str, Any]:
    """Return a notifier as YAML declares it."""
    what = {"tell_of": tell_of} if tell_of else {}
    return {"notifier": RECORDER, "arguments": {"who": who, **arguments}, **what}


def watch(deployment: Deployment) -> Outcome:
    """Look at all exports once."""
    return deployment.run_dag(WATCH)


def in_seven_hours() -> datetime:
    """Return the time of a later look."""
    return datetime.now(UTC) + timedelta(hours=7)


def take(told: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return who was told what, in its first line, and forget it."""
    taken = [(who, text.partition("\n")[0]) for who, text in told]
    told.clear()
    return taken


def test_a_stop_is_told_once_and_its_end_once(deployment: Deployment, told: list[tuple[str, str]]) -> None:
    """However often the run is repeated or looked at; the message says what happened, to whom, what to do."""
    deployment.declare(notify=[recorder()])
    deployment.set_cohort([ANN, BOB])
    deployment.run()
    watch(deployment)
    assert told == []
    deployment.set_cohort([])

    for _ in range(2):
        assert deployment.run().state == "failed"
        assert watch(deployment).state == "success"

    ((who, text),) = told
    assert who == "team"
    assert text.startswith("Cohort export trial_users: stopped, and a person must decide\nExport 'trial_users' (")
    assert "allow_exits = 3" in text
    told.clear()
    assert deployment.run(allow_exits=3).state == "success"
    watch(deployment)
    watch(deployment)
    assert take(told) == [("team", "Cohort export trial_users: well again, a run has ended well after the stop")]


def test_each_export_and_each_notifier_is_told_its_own(
    deployment: Deployment, told: list[tuple[str, str]]
) -> None:
    """One export stops, the other leaves changes over; a notifier that does not tell of that stays silent."""
    deployment.declare(cohort_id=NO_COHORT, notify=[recorder("a"), recorder("b", tell_of=["left_over"])])
    deployment.declare(
        "launch",
        cohort_id=OTHER_COHORT,
        marketo_field=OTHER_FIELD,
        max_changes_per_run=1,
        notify=[recorder("c"), recorder("d", tell_of=["stopped"])],
    )
    deployment.set_cohort([ANN, BOB], OTHER_COHORT)
    deployment.run()
    deployment.run("launch")

    watch(deployment)

    assert sorted(take(told)) == [
        ("a", "Cohort export trial_users: stopped, and a person must decide"),
        ("c", "Cohort export launch: 1 changes are left over"),
    ]
    deployment.run("launch")
    watch(deployment)
    assert take(told) == [("c", "Cohort export launch: well again, nothing is left over")]


def test_a_run_that_leaves_no_word_is_told(deployment: Deployment, told: list[tuple[str, str]]) -> None:
    """It fails before it begins, as one that is killed does: Airflow says that it has failed."""
    deployment.declare(notify=[recorder()])
    deployment.set_cohort([ANN])
    watch(deployment)
    assert deployment.run(marketo_field="another").state == "failed"

    watch(deployment)
    watch(deployment)

    assert take(told) == [("team", "Cohort export trial_users: a run failed")]
    deployment.run()
    watch(deployment)
    assert take(told) == [
        ("team", "Cohort export trial_users: well again, a run has ended well after the failure")
    ]


def test_a_connection_that_is_wrong_is_told(deployment: Deployment, told: list[tuple[str, str]]) -> None:
    """Without it nobody knows which instance is meant, and its runs leave no word: no failure beside."""
    deployment.declare(notify=[recorder(text="{{ notice.text }}")], marketo_conn_id="marketo_gone")
    deployment.set_cohort([ANN])
    watch(deployment)
    deployment.run()
    watch(deployment)
    assert [text for _, text in take(told) if "Airflow knows no Connection `marketo_gone`" in text]

    deployment.declare(notify=[recorder()])
    deployment.connect_mixpanel(region="mars")
    watch(deployment)
    assert take(told) == []
    deployment.connect_mixpanel()
    deployment.run()
    watch(deployment)
    assert take(told) == [("team", "Cohort export trial_users: well again, a run has ended well after the stop")]


def test_a_field_that_grows_stale_is_told(
    deployment: Deployment, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs, and nothing fails."""
    deployment.declare(notify=[recorder()], stale_after="6h")
    deployment.set_cohort([ANN])
    deployment.run()
    watch(deployment)
    assert told == []

    monkeypatch.setattr("marketo_provider.operators.look.SystemClock", lambda: SimpleNamespace(now=in_seven_hours))
    watch(deployment)
    watch(deployment)

    assert take(told) == [("team", "Cohort export trial_users: the field is 7.0 hours behind")]


def test_a_notifier_that_fails_is_tried_again(deployment: Deployment, told: list[tuple[str, str]]) -> None:
    """At the next look. It holds up no other, and what it raised is not shown; nobody is told twice."""
    ailing = recorder("a", fails=True)
    deployment.declare(cohort_id=NO_COHORT, notify=[ailing, recorder("b")])
    deployment.declare("launch", marketo_field=OTHER_FIELD, cohort_id=NO_COHORT, notify=[ailing])
    deployment.run()
    deployment.run("launch")

    outcome = watch(deployment)

    assert outcome.state == "failed"
    assert "stopped: tests.dags.recorder.RecordingNotifier has failed (ConnectionRefusedError)" in outcome.failure
    assert RecordingNotifier.failed == ["a"]
    assert take(told) == [("b", "Cohort export trial_users: stopped, and a person must decide")]
    deployment.withdraw("launch")
    deployment.declare(cohort_id=NO_COHORT, notify=[recorder("a"), recorder("b")])
    assert watch(deployment).state == "success"
    assert take(told) == [("a", "Cohort export trial_users: stopped, and a person must decide")]


@pytest.mark.parametrize(
    ("notifier", "words"),
    [
        ({"notifier": "no.such.Notifier"}, "notify[0].notifier: cannot be imported (ModuleNotFoundError)"),
        ({"notifier": "tests.dags.recorder.Any"}, "notify[0].notifier: is no class of Airflow notifiers"),
        ({"notifier": RECORDER}, "notify[0].arguments: it needs who"),
        ({"notifier": RECORDER, "arguments": {"whom": "x"}}, "notify[0].arguments: whom is no argument of it"),
    ],
)
def test_a_wrong_notifier_is_an_import_error(deployment: Deployment, notifier: dict[str, Any], words: str) -> None:
    """Which costs neither the export nor the other notifiers."""
    deployment.declare(notify=[notifier, recorder()])

    bag = DagBag(deployment.folder / "dags")

    ((_, error),) = bag.import_errors.items()
    assert f"exports/trial_users.yaml, line 1: export trial_users: {words}" in error
    assert set(bag.dags) == {"cohort_export__trial_users", WATCH}


def test_without_notifiers_nobody_watches(deployment: Deployment) -> None:
    """No DAG without a purpose."""
    deployment.declare()

    assert deployment.dag_ids() == {"cohort_export__trial_users"}


def test_the_watch_is_unpaused_and_holds_no_arguments(deployment: Deployment) -> None:
    """Whoever may read a DAG does not read what a notifier is given."""
    deployment.declare(notify=[recorder("hush-hush")], stale_after="6h")
    deployment.set_cohort([ANN])

    log = deployment.run().log + watch(deployment).log

    watching, exporting = deployment.dag(WATCH), deployment.dag("cohort_export__trial_users")
    assert watching.is_paused_upon_creation is False
    serialized = json.dumps([DagSerialization.serialize_dag(dag) for dag in (watching, exporting)], default=str)
    assert "hush-hush" not in serialized + log
