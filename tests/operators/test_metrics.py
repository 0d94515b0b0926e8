"""What the operators count among Airflow's metrics."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk.observability import stats

from marketo_provider.errors import GuardStopped
from marketo_provider.operators.metrics import count_delivery, count_notice, stops_counted
from tests.pages import read
from tests.sync.standings import a_settle

pytestmark = pytest.mark.airflow

DAG = {"dag_id": "some_dag"}
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Recorder:
    """A backend of Airflow's metrics that remembers."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[Any, dict[str, str]]] = {}

    def incr(self, stat: str, count: int = 1, *, tags: dict[str, str]) -> None:
        """Remember a counter."""
        self.sent[stat] = count, tags

    def timing(self, stat: str, dt: timedelta, *, tags: dict[str, str]) -> None:
        """Remember a timer."""
        self.sent[stat] = dt, tags


@pytest.fixture
def sent() -> Iterator[dict[str, tuple[Any, dict[str, str]]]]:
    """Return what is sent, by name."""
    recorder: Any = Recorder()
    stats.initialize(factory=lambda: recorder, export_legacy_names=False)
    yield recorder.sent
    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def everything() -> None:
    """Count one of each."""
    report = a_settle().report.model_copy(
        update={"set_true": 7, "refused": 2, "started_at": NOW, "finished_at": NOW + timedelta(seconds=90)}
    )
    count_delivery("some_dag", report)
    count_notice("some_dag", "stale", told=True)
    count_notice("some_dag", "stale", told=False)
    with pytest.raises(GuardStopped), stops_counted("some_dag"):
        raise GuardStopped("Why.")


def test_a_delivery_is_counted_by_its_report(sent: dict[str, tuple[Any, dict[str, str]]]) -> None:
    """And timed; the tag tells the exports apart."""
    everything()

    assert sent["cohort_export.delivered"] == (1, DAG)
    assert sent["cohort_export.set_true"] == (7, DAG)
    assert sent["cohort_export.refused"] == (2, DAG)
    assert sent["cohort_export.set_false"] == (0, DAG)
    assert sent["cohort_export.duration"] == (timedelta(seconds=90), DAG)


def test_a_stop_and_a_notice_say_which(sent: dict[str, tuple[Any, dict[str, str]]]) -> None:
    """By another tag."""
    everything()

    assert sent["cohort_export.stopped"] == (1, {**DAG, "error": "GuardStopped"})
    assert sent["cohort_export.told"] == (1, {**DAG, "kind": "stale"})
    assert sent["cohort_export.not_told"] == (1, {**DAG, "kind": "stale"})


def test_every_metric_is_documented(sent: dict[str, tuple[Any, dict[str, str]]]) -> None:
    """And no other."""
    everything()

    _, _, table = read("docs/being-told.md").partition("## Metrics")
    assert {name for name in table.replace("`", " ").replace(",", " ").split() if "cohort_export." in name} == set(
        sent
    )
