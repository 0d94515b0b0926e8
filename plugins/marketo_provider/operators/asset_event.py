"""The asset event of a run: a DAG that mails the field's leads can be scheduled on it.

Which instance a field is of stands in the Connection, which nobody reads while DAGs are parsed. So the operator
declares an alias, and names the asset when it has delivered.
"""

from datetime import datetime
from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import DAG, Asset, AssetAlias, Context, CronDataIntervalTimetable, CronTriggerTimetable
from croniter import croniter  # type: ignore[import-untyped]  # it ships no types

from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run

if TYPE_CHECKING:
    from pydantic import JsonValue

MARKETO_FIELDS = AssetAlias("marketo_fields")


def announce(context: Context, run: Run, report: Report) -> None:
    """Add the event ``marketo://<REST host>/leads/<field>`` to what the task has brought about.

    Its extra holds the `report`, and `fresh_until`: when the next run by a cron schedule begins; null where the
    DAG has none.
    """
    extra: dict[str, JsonValue] = {
        "report": report.model_dump(mode="json"),
        "fresh_until": _fresh_until(context["dag"], report.started_at),
    }
    context["outlet_events"][MARKETO_FIELDS].add(field_asset(run.marketo.host, run.field), extra=extra)


def field_asset(host: str, field: str) -> Asset:
    """Return the asset that the leads' field is, in an instance."""
    return Asset(uri=f"marketo://{host}/leads/{field}")


def _fresh_until(dag: DAG, began_at: datetime) -> str | None:
    # Not from the data interval: a run by hand has none, and one that is cleared later exports the cohort of then.
    timetable = dag.timetable
    if not isinstance(timetable, CronDataIntervalTimetable | CronTriggerTimetable):
        return None
    local = pendulum.instance(began_at).in_timezone(timetable.timezone)
    following: datetime = croniter(timetable.expression, local).get_next(datetime)
    return following.isoformat()
