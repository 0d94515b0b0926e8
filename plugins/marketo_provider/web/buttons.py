"""What a user may begin on an export's view: runs of its DAG, by Airflow's own API and with the user's own rights.

Here is only said what the buttons ask for; `templates/buttons.js` asks, and Airflow decides. Pure.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.summary import LastRun
from marketo_provider.web.overview import Export
from marketo_provider.web.wordings import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A run that can be asked for: its `conf`, and the note that it will have in Airflow.

    `costs` is what is to be confirmed first; None where nothing is.
    """

    label: str
    conf: Mapping[str, bool | int | str]
    note: str
    costs: str | None = None


def buttons_of(export: Export) -> list[Button]:
    """Return the runs that may be asked for.

    A one-time export has none: which field it goes to is for the trigger form to ask. Nor has one whose field was
    retired, since no run may write to it. Nor is a parameter used that the DAG does not take: Airflow would begin
    a run all the same, and it would not be a dry one.

    Args:
        export: the export.
    """
    if export.dag.declared.sync_type == "one_time" or export.retired_at:
        return []
    known = export.dag.declared.parameters
    offered = [Button(label="Run now", conf={}, note="Asked for on the page Cohort exports")]
    if "dry_run" in known:
        offered.append(
            Button(
                label="Dry run",
                conf={"dry_run": True},
                note="Dry run, asked for on the page Cohort exports: nothing is sent",
            )
        )
    if "full_refresh" in known and export.last:
        offered.append(
            Button(
                label="Full refresh",
                conf={"full_refresh": True},
                note="Full refresh, asked for on the page Cohort exports",
                costs=_costs_of_a_refresh(export.last),
            )
        )
    return offered


def through_the_guard(export: Export) -> Button | None:
    """Return the same run with the number that lets it through; None where it did not stop at a guard.

    Args:
        export: the export.
    """
    stop = export.stop
    if stop is None or stop.change is None or stop.let_through is None:
        return None
    if not stop.let_through.keys() <= export.dag.declared.parameters:
        return None
    change = stop.change
    most = number(change.proposed)
    if change.parameter == "allow_exits":
        label = f"Run again, and let up to {most} leave"
        costs = f"The leads of {number(change.count)} people who have left the cohort are set False."
    else:
        label = f"Run again, and let up to {most} enter"
        costs = (
            f"The leads of {number(change.count)} people are set True; whom Marketo does not know becomes a new "
            "lead, unless the export creates none. New leads are billed, and cannot be taken back."
        )
    return Button(
        label=label,
        conf=stop.let_through,
        note=f"{change.parameter} = {change.proposed}, let through on the page Cohort exports",
        costs=f"{costs} Look at the cohort in Mixpanel first. The number holds for this run only.",
    )


def _costs_of_a_refresh(last: LastRun) -> str:
    members, left = last.report.members, last.standing.false
    calls = math.ceil(members / MOST_RECORDS) + math.ceil(left / MOST_RECORDS)
    return (
        f"{number(members)} members are sent True again and {number(left)} who have left False, changed or not: "
        f"about {number(calls)} of Marketo's calls, of {number(last.calls_a_day)} a day for all exports. Nobody "
        "who was deleted in Marketo is created again."
    )
