"""Deployments to look at: none, one and a hundred exports, with each state that an export can be in."""

from datetime import timedelta
from random import Random
from typing import Any, Final

from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from sqlalchemy import update

from marketo_provider.errors import GuardedChange
from marketo_provider.exports import CohortExport
from marketo_provider.state.store import Store
from marketo_provider.sync.summary import History, Stop, write_history, write_summary
from tests.web.scenery import (
    NOW,
    a_year,
    add_runs,
    an_export,
    claim_of,
    declare,
    folder_of,
    settled,
    stop_of,
    summary_of,
)

_AUDIENCES: Final = (
    "churn_risk", "dormant_90_days", "enterprise_evaluators", "newsletter_launch", "onboarding", "power_users",
    "renewal_due", "trial_users", "upsell_candidates", "webinar_guests",
)  # fmt: skip
_REGIONS: Final = ("anz", "apac", "benelux", "dach", "france", "iberia", "japan", "nordics", "uk", "us")
_DAYS: Final = 90
_NO_MEMBERS: Final = {"without_email": 9_800, "invalid_email": 412, "duplicate_email": 1_276}


def _a_hundred() -> list[CohortExport]:
    names = [f"{audience}_{region}" for audience in _AUDIENCES for region in _REGIONS]
    return [
        an_export(name, number, sync_type="one_time" if name.startswith("newsletter") else "dynamic")
        for number, name in enumerate(names, 1)
    ]


HUNDRED: Final = {export.name: export for export in _a_hundred()}
TYPICAL: Final = HUNDRED["trial_users_dach"]
STOPPED: Final = HUNDRED["churn_risk_anz"]
NEW: Final = HUNDRED["churn_risk_nordics"]
FINISHED: Final = HUNDRED["newsletter_launch_uk"]
GONE: Final = an_export("beta_testers", 999)
_PARTLY, _RUNNING, _FAILED = (HUNDRED[name] for name in ("churn_risk_apac", "churn_risk_dach", "churn_risk_uk"))


def empty(_: Store) -> None:
    """Declare nothing."""
    declare([])


def one(store: Store) -> None:
    """Declare one export that is up to date."""
    _declare([TYPICAL])
    _keep(store, TYPICAL, ["success"])


def hundred(store: Store) -> None:
    """Declare a hundred, most of them up to date, and leave a field that none declares."""
    _declare(list(HUNDRED.values()))
    for export in HUNDRED.values():
        if export is _RUNNING:
            _keep(store, export, ["success", "running"])
        elif export in (STOPPED, _FAILED):
            _keep(store, export, ["success", "failed"])
        elif export is not NEW:
            _keep(store, export, ["success"], left_over=4_000 if export is _PARTLY else 0)
    write_summary(store, folder_of(GONE), summary_of(GONE, settled(GONE, "run")))


def _declare(exports: list[CohortExport]) -> None:
    declare(exports)
    soon = NOW + timedelta(hours=2)  # there is no scheduler, who would say so
    with create_session() as session:
        scheduled = update(DagModel).where(DagModel.next_dagrun_create_after.is_not(None))
        session.execute(scheduled.values(next_dagrun_create_after=soon))


def _keep(store: Store, export: CohortExport, states: list[str], **report: Any) -> None:
    """Leave runs in Airflow, and in the store what the first of them has left there."""
    draw = Random(export.cohort_id)  # noqa: S311 - made-up figures
    members = draw.randrange(8_000, 90_000)
    moved = {"entered": draw.randrange(300), "exited": draw.randrange(200)}
    runs = add_runs(export, states)
    profiles = members + sum(_NO_MEMBERS.values())
    last = settled(export, runs[0], profiles=profiles, members=members, **_NO_MEMBERS, **moved, **report)
    history = _lively(a_year(last, export.dag_id), draw)
    days = [run.members for run in history.runs if run.run_id is None][-_DAYS:]
    stops = {export.dag_id: _stop(export, runs[-1], held=last.standing.accepted)} if export is STOPPED else {}
    claim = claim_of(export, finished_at=NOW if export.sync_type == "one_time" else None)
    shown = summary_of(export, last, members=(*days, members), stops=stops, claim=claim)
    write_summary(store, folder_of(export), shown)
    write_history(store, folder_of(export), history)


def _lively(history: History, draw: Random) -> History:
    """Return a history with other figures before its last run, as a cohort comes to have that people move in."""
    *before, last = history.runs
    members, runs = last.members, [last]
    for run in reversed(before):
        most = members // (40 if run.run_id is None else 200)
        entered, exited = draw.randrange(most), round(draw.randrange(most) * 0.9)
        members += exited - entered
        runs.append(run.model_copy(update={"members": members, "entered": entered, "exited": exited}))
    return History(runs=tuple(reversed(runs)))


def _stop(export: CohortExport, run_id: str, *, held: int) -> Stop:
    change = GuardedChange(parameter="allow_exits", count=held * 4 // 7, held=held, proposed=held * 3 // 5)
    message = (
        f"Export {export.name!r} (cohort {export.cohort_id} to field {export.marketo_field}) stopped and asks: "
        f"{change.count:,} of {held:,} left the cohort, more than max_exit_share (0.5) of them. Nothing was sent. "
        f"If this is right, trigger the DAG with allow_exits = {change.proposed}; if not, look at the cohort in "
        "Mixpanel."
    )
    return stop_of(export, run_id, message=message, change=change)
