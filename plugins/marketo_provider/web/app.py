"""The page's routes. Airflow does not authenticate a plugin's, so each of these asks for Airflow's own user.

Nothing is written here (but a field that somebody wants, see `setup`), no address can be shown (the summaries hold
none), and whoever has no right to a DAG's runs does not see its export.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import HTMLResponse

from marketo_provider.errors import MarketoProviderError
from marketo_provider.hooks.state import provider_settings, state_store
from marketo_provider.sync.summary import History, RunFigures, Summary
from marketo_provider.web import charts, setup
from marketo_provider.web.buttons import buttons_of, through_the_guard
from marketo_provider.web.deployment import ExportDag, read_dags
from marketo_provider.web.overview import Export, Orphan, Overview, bring_together
from marketo_provider.web.pages import page
from marketo_provider.web.setup_rights import may_set_up
from marketo_provider.web.stored import StoredSummaries

_SINGLE_RUNS: Final = 84

app = FastAPI(title="Cohort exports", docs_url=None, redoc_url=None, openapi_url=None)
app.include_router(setup.router)
User = Annotated[BaseUser, Depends(get_user)]


@app.get("/", response_class=HTMLResponse)
def overview(user: User) -> str:
    """List the exports that the user may see, and the fields that none declares any more."""
    everything, problem = _overview()
    permitted = get_auth_manager().get_authorized_dag_ids(user=user)
    exports = [export for export in everything.exports if export.dag.dag_id in permitted]
    orphans = _permitted(everything.orphans, user)
    states = Counter(export.state for export in exports).most_common()
    told = {"exports": exports, "states": states, "orphans": orphans, "problem": problem}
    return page("overview.html", "../", may_set_up=may_set_up(user), **told)


@app.get(
    "/dags/{dag_id}",
    response_class=HTMLResponse,
    dependencies=[Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))],
)
def export(dag_id: str, user: User, field: Annotated[str | None, Query()] = None) -> str:
    """Show one export; of a one-time export, the target of one field."""
    everything, problem = _overview()
    own = [one for one in everything.exports if one.dag.dag_id == dag_id]
    shown = next((one for one in own if field is None or one.field == field), None)
    if shown is None:
        raise HTTPException(404, "There is no such export. It may have been removed, or its DAG not parsed yet.")
    history = History()
    if shown.folder and shown.last and not problem:
        history, problem = _history(shown.folder)
    may_trigger = _may_trigger(dag_id, user)
    return page(
        "export.html",
        "../../",
        export=shown,
        others=own,
        problem=problem,
        may_trigger=may_trigger,
        buttons=buttons_of(shown) if may_trigger else [],
        through=through_the_guard(shown) if may_trigger else None,
        **_figures(shown, history),
    )


@app.get("/fields/{host}/{field}", response_class=HTMLResponse)
def field_without_export(host: str, field: str, user: User) -> str:
    """Show a field that no export declares any more, and what to do about it."""
    everything, problem = _overview()
    target = f"{host}/{field}"
    orphan = next((one for one in _permitted(everything.orphans, user) if one.summary.target == target), None)
    if orphan is None:
        raise HTTPException(404, problem or "There is no such field, or an export declares it.")
    history, problem = _history(f"marketo/{target}")
    return page("orphan.html", "../../../", orphan=orphan, problem=problem, **_members(history.runs))


def _permitted(orphans: Iterable[Orphan], user: BaseUser) -> list[Orphan]:
    """Return those that the user may see: the DAG may be gone, which Airflow's own list does not name then."""
    orphans = list(orphans)
    gone = {orphan.summary.dag_id or "" for orphan in orphans}
    shown = get_auth_manager().filter_authorized_dag_ids(dag_ids=gone, user=user)
    return [orphan for orphan in orphans if (orphan.summary.dag_id or "") in shown]


def _history(folder: str) -> tuple[History, str | None]:
    """Return the runs of a target, and what is wrong with the store, if they cannot be read."""
    try:
        return _stored().history(folder), None
    except MarketoProviderError as error:
        return History(), str(error)


def _may_trigger(dag_id: str, user: BaseUser) -> bool:
    """Whether Airflow would let the user begin a run; it asks again when he does."""
    return get_auth_manager().is_authorized_dag(
        method="POST",
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )


def _figures(export: Export, history: History) -> dict[str, Any]:
    runs = history.runs
    if export.last is None:
        return {"runs": ()}
    newest = RunFigures.of(export.last)
    day = [run.api_calls for run in runs if run.at > newest.at - timedelta(days=1)]
    single = [run for run in runs if run.run_id is not None][-_SINGLE_RUNS:]
    return {
        **_members(runs or (newest,)),
        "single": single or [newest],
        "moved": charts.moved(single or [newest], width=640, half=70),
        "waterfall": charts.waterfall(newest, export.last.standing),
        "calls_of_a_day": sum(day) or newest.api_calls,
    }


def _members(runs: Sequence[RunFigures]) -> dict[str, Any]:
    return {"runs": runs, "members_line": charts.line_in_time(runs, width=640, height=150)}


def _overview() -> tuple[Overview, str | None]:
    """Return what there is to show, and what is wrong with the store, if it cannot be read."""
    summaries: dict[str, Summary] = {}
    problem = None
    try:
        summaries = _stored().read()
    except MarketoProviderError as error:
        problem = str(error)
    with create_session() as session:
        dags = read_dags(session, {one.dag_id for one in summaries.values() if one.dag_id})
    if not problem:
        try:
            summaries = _stored().caught_up(summaries, _ended(dags))
        except MarketoProviderError as error:
            problem = str(error)
    return bring_together(dags, summaries), problem


def _ended(dags: list[ExportDag]) -> dict[str, str]:
    return {dag.dag_id: f"{dag.dag_id}/{dag.newest.run_id}" for dag in dags if dag.newest and dag.newest.ended}


@cache
def _stored() -> StoredSummaries:
    return StoredSummaries(state_store(provider_settings()))
