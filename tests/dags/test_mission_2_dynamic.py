"""Mission line 2: a dynamic sync every two hours; in is True, out is False, and no change is no write.

That the scheduler itself makes such a run is shown by the demo and by the tests under `tests/system`; here the
interval is read from what the scheduler is given, the serialized DAG.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction

from tests.dags.deployment import FIELD, Deployment

pytestmark = pytest.mark.airflow

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"


@pytest.fixture
def synced(deployment: Deployment) -> Deployment:
    """Return a deployment whose cohort of two has been synced once."""
    deployment.export_once([ANN, BOB])
    return deployment


def intervals(serialized: Any, count: int) -> list[DataInterval]:
    """Return the data intervals that the scheduler makes runs for, from the schedule's first day."""
    dag: Any = DagSerialization.from_dict(serialized)
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)
    found: list[DataInterval] = []
    last = None
    for _ in range(count):
        last = dag.timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=restriction
        ).data_interval
        found.append(last)
    return found


def test_the_scheduler_runs_it_every_two_hours(deployment: Deployment) -> None:
    """The serialized DAG gives intervals of two hours, one after the other, on even hours of UTC."""
    deployment.declare()

    found = intervals(DagSerialization.to_dict(deployment.dag("cohort_export__trial_users")), 13)

    assert all(interval.end - interval.start == timedelta(hours=2) for interval in found)
    assert all(first.end == second.start for first, second in pairwise(found))
    assert found[0].start == datetime(2025, 1, 1, tzinfo=UTC)


def test_who_is_in_is_true(synced: Deployment) -> None:
    """The members hold True, and so does who enters later."""
    synced.set_cohort([ANN, BOB, CLEO])

    outcome = synced.run()

    assert synced.flags() == {ANN: True, BOB: True, CLEO: True}
    assert (outcome.report["entered"], outcome.report["exited"]) == (1, 0)
    assert synced.written() == [{"email": CLEO, FIELD: True}]


def test_who_is_out_is_false(synced: Deployment) -> None:
    """Whoever has left gets an explicit False, and nobody else hears of it."""
    synced.set_cohort([ANN])

    outcome = synced.run()

    assert synced.flags() == {ANN: True, BOB: False}
    assert (outcome.report["entered"], outcome.report["exited"], outcome.report["set_false"]) == (0, 1, 1)
    assert [record[FIELD] for record in synced.written()] == [False]


def test_who_comes_back_is_true_again(synced: Deployment) -> None:
    """Out and in again ends as in."""
    synced.set_cohort([ANN])
    synced.run()
    synced.set_cohort([ANN, BOB])

    synced.run()

    assert synced.flags() == {ANN: True, BOB: True}


def test_no_change_makes_no_write(synced: Deployment) -> None:
    """A second run of the same cohort reads it and sends nothing."""
    outcome = synced.run()

    assert outcome.state == "success"
    assert synced.writes() == []
    assert "/api/query/engage" in synced.asked_mixpanel()
    assert (outcome.report["route"], outcome.report["set_true"], outcome.report["set_false"]) == ("none", 0, 0)


def test_requests_carry_nothing_but_address_or_id_and_the_field(synced: Deployment) -> None:
    """Also those that set False, by Marketo's request log; a lead of one who left has another address by now."""
    leads = synced.marketo.instance.leads
    (ann,) = leads.find("email", [ANN])
    leads.update(ann, {"email": "moved@example.com"})
    synced.set_cohort([CLEO])

    synced.run()

    assert {frozenset(record) for record in synced.written()} == {
        frozenset({"email", FIELD}),
        frozenset({"id", FIELD}),
    }
