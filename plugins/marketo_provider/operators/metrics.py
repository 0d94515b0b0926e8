"""Counters and a timer of the exports, among Airflow's own metrics.

No gauges: plain StatsD drops the tag that tells the exports apart, and what they count then still adds up.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from airflow.sdk.observability import stats

from marketo_provider.errors import MarketoProviderError
from marketo_provider.sync.report import Report

_PREFIX: Final = "cohort_export"
_COUNTED: Final = (
    "entered",
    "exited",
    "set_true",
    "set_false",
    "refused",
    "not_in_marketo",
    "left_over",
    "api_calls",
)


def count_delivery(dag_id: str, report: Report) -> None:
    """Count what a delivery that has ended did, and time it.

    :param dag_id: the export's DAG.
    :param report: the delivery's report.
    """
    tags = {"dag_id": dag_id}
    stats.incr(f"{_PREFIX}.delivered", tags=tags)
    for name in _COUNTED:
        stats.incr(f"{_PREFIX}.{name}", getattr(report, name), tags=tags)
    if report.finished_at:
        stats.timing(f"{_PREFIX}.duration", report.finished_at - report.started_at, tags=tags)


def count_notice(dag_id: str, kind: str, *, told: bool) -> None:
    """Count a notice.

    :param dag_id: the export's DAG.
    :param kind: what it tells of.
    :param told: whether its notifier has sent it.
    """
    stats.incr(f"{_PREFIX}.{'told' if told else 'not_told'}", tags={"dag_id": dag_id, "kind": kind})


@contextmanager
def stops_counted(dag_id: str) -> Iterator[None]:
    """Count why a task stops, waits or has nothing to do.

    :param dag_id: the export's DAG.
    """
    try:
        yield
    except MarketoProviderError as error:
        stats.incr(f"{_PREFIX}.stopped", tags={"dag_id": dag_id, "error": type(error).__name__})
        raise
