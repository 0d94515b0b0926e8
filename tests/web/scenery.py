"""Exports with runs behind them, as Airflow's database and a state store keep them, and the page in Airflow's app.

Nothing runs: what runs leave is written directly, so that a year of them takes a moment.
"""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from sqlalchemy import delete, insert, update

from marketo_provider.dag_factory import build_dag
from marketo_provider.exports import CohortExport
from marketo_provider.hooks.state import provider_settings, state_store
from marketo_provider.state.records import Claim
from marketo_provider.state.store import Store
from marketo_provider.sync.report import Report
from marketo_provider.sync.summary import (
    History,
    LastRun,
    RunFigures,
    Standing,
    Stop,
    Summary,
    write_history,
    write_summary,
)
from marketo_provider.web import app as page
from tests.airflow_home import ROOT
from tests.web.rights import MANAGER

HOST: Final = "123-abc-456.mktorest.com"
NOW: Final = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
_BUNDLE: Final = "dags-folder"


def an_export(name: str, number: int = 1, **more: Any) -> CohortExport:
    """Return an export."""
    keys = {"cohort_id": 1000 + number, "marketo_field": f"mixpanel{name.title().replace('_', '')}"}
    return CohortExport.model_validate({"name": name, "sync_type": "dynamic", **keys, **more})


def folder_of(export: CohortExport, host: str = HOST) -> str:
    """Return the folder of an export's target."""
    return f"marketo/{host}/{export.marketo_field.lower()}"


def declare(exports: Sequence[CohortExport]) -> None:
    """Have Airflow know the DAGs of these exports, and no others."""
    with create_session() as session:
        if session.get(DagBundleModel, _BUNDLE) is None:
            session.add(DagBundleModel(name=_BUNDLE))
            session.flush()
        dags = []
        for export in exports:
            dag = build_dag(export)
            dag.fileloc, dag.relative_fileloc = str(ROOT / "dags" / "cohort_exports.py"), "cohort_exports.py"
            dags.append(LazyDeserializedDAG.from_dag(dag))
        session.execute(delete(DagRun))
        session.execute(update(DagModel).values(is_stale=True))
        session.commit()
        update_dag_parsing_results_in_db(_BUNDLE, None, dags, {}, 0.1, set(), session)
        session.execute(update(DagModel).values(is_paused=False))


def add_runs(export: CohortExport, states: Sequence[str], *, hours: float = 2.0) -> list[str]:
    """Have Airflow know runs of an export, oldest first, up to now; return their ids."""
    begun = [NOW - timedelta(hours=hours * back) for back in range(len(states))][::-1]
    rows = [
        {
            "dag_id": export.dag_id,
            "run_id": f"scheduled__{at.isoformat()}",
            "state": state,
            "_state": state,
            "run_type": "scheduled",
            "logical_date": at,
            "run_after": at,
            "start_date": at,
            "end_date": at,
        }
        for at, state in zip(begun, states, strict=True)
    ]
    columns = DagRun.__table__.columns.keys()
    kept = [{name: value for name, value in row.items() if name in columns} for row in rows]
    with create_session() as session:
        session.execute(insert(DagRun.__table__), kept)
    return [str(row["run_id"]) for row in rows]


def newest_run(export: CohortExport) -> str:
    """Return the id of the run of an export that Airflow has known least long."""
    with create_session() as session:
        newest = session.query(DagRun.run_id).filter_by(dag_id=export.dag_id).order_by(DagRun.id.desc()).limit(1)
        return str(newest.scalar())


def move_on(run_id: str, state: str, report: Report | None = None) -> None:
    """Have Airflow know that a run has come to a state, and the report that its task has returned."""
    with create_session() as session:
        run = session.query(DagRun).filter_by(run_id=run_id).one()
        run.state = state
        if report:
            (task,) = (one for one in run.task_instances if one.task_id == "export_to_marketo")
            keys = {"dag_id": run.dag_id, "run_id": run_id, "task_id": task.task_id, "map_index": -1}
            value = report.model_dump(mode="json")
            session.add(XComModel(dag_run_id=run.id, key="return_value", value=value, **keys))


def settled(export: CohortExport, run_id: str, **report: Any) -> LastRun:
    """Return the settle of a run."""
    figures: dict[str, Any] = {
        "profiles": 50_000,
        "missing_profiles": 0,
        "without_email": 9_800,
        "invalid_email": 412,
        "duplicate_email": 1_276,
        "members": 38_512,
        "entered": 1_204,
        "exited": 311,
        "set_true": 1_192,
        "set_false": 311,
        "refused": 12,
        "refused_by_code": {"1003": 12},
        "api_calls": 9,
        "read_back": 300,
        **report,
    }
    return LastRun(
        report=Report(
            export=export.name,
            field=export.marketo_field,
            run_id=f"{export.dag_id}/{run_id}",
            snapshot="00000042",
            started_at=NOW - timedelta(minutes=3),
            finished_at=NOW,
            **figures,
        ),
        settled_at=NOW,
        snapshot_begun_at=NOW - timedelta(minutes=4),
        standing=Standing(accepted=figures["members"] - 100, absent=40, refused={"1003": 48, "1008": 12}),
        calls_a_day=40_000,
    )


def claim_of(export: CohortExport, **more: Any) -> Claim:
    """Return an export's claim."""
    return Claim(
        project_id=7,
        workspace_id=None,
        cohort_id=export.cohort_id,
        sync_type=export.sync_type,
        export=export.name,
        claimed_at=NOW - timedelta(days=365),
        **more,
    )


def summary_of(export: CohortExport, last: LastRun | None, *, host: str = HOST, **more: Any) -> Summary:
    """Return the summary of an export's target."""
    return Summary(
        **{
            "target": folder_of(export, host).removeprefix("marketo/"),
            "field": export.marketo_field,
            "dag_id": export.dag_id,
            "claim": claim_of(export),
            "last": last,
            "members": tuple(36_000 + 28 * day + day % 7 * 90 for day in range(90)),
            **more,
        }
    )


def stop_of(export: CohortExport, run_id: str, **more: Any) -> Stop:
    """Return why a run stopped."""
    keys = {"at": NOW, "error": "GuardStopped", "kind": "asks", "message": "More left than max_exit_share."}
    return Stop.model_validate({"run_id": f"{export.dag_id}/{run_id}", **keys, **more})


def a_year(last: LastRun, dag_id: str, *, hours: int = 2) -> History:
    """Return the history of a year that ends with a run, as it is kept: the last days' runs, and days."""
    ends = RunFigures.of(last)
    days = [
        ends.model_copy(
            update={
                "at": NOW - timedelta(days=back),
                "run_id": None,
                "runs": 24 // hours,
                "members": ends.members - 12 * back + back % 7 * 90,
                "entered": 900 + back % 11 * 40,
                "exited": 700 + back % 5 * 60,
            }
        )
        for back in range(365, 14, -1)
    ]
    single = [
        ends.model_copy(
            update={
                "at": NOW - timedelta(hours=hours * back),
                "run_id": f"{dag_id}/run-{back}",
                "members": ends.members - back + back % 12 * 8,
                "entered": 40 + back % 13 * 17,
                "exited": 30 + back % 9 * 11,
            }
        )
        for back in range(14 * 24 // hours - 1, 0, -1)
    ]
    return History(runs=(*days, *single, ends))


def keep(store: Store, export: CohortExport, run_id: str, **report: Any) -> None:
    """Leave in the store what a settled run leaves there, with a year before it."""
    last = settled(export, run_id, **report)
    write_summary(store, folder_of(export), summary_of(export, last))
    write_history(store, folder_of(export), a_year(last, export.dag_id))


def open_airflow() -> TestClient:
    """Return a client of Airflow's own app, with the page in it."""
    os.environ |= {
        "AIRFLOW__CORE__AUTH_MANAGER": MANAGER,
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests that is long enough to sign with, and no other",
        # An export that another test has declared with another field half a minute ago is read anew.
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    }
    return TestClient(create_app(apps="core"))


def look_at(store_url: str) -> None:
    """Have the page read the store at a URL."""
    os.environ["AIRFLOW__MARKETO_PROVIDER__STATE_URL"] = store_url
    page._stored.cache_clear()  # noqa: SLF001 - it is opened once a process


def open_deployment(store_url: str, *, exports: int, runs: int) -> TestClient:
    """Return Airflow's app with so many exports, each of which has so many runs behind it."""
    initdb()
    client = open_airflow()
    look_at(store_url)
    declared = [an_export(f"number_{number}", number) for number in range(1, exports + 1)]
    declare(declared)
    store = state_store(provider_settings())
    for export in declared:
        keep(store, export, add_runs(export, ["success"] * runs)[-1])
    return client


def cookie_of(name: str, role: str = "VIEWER") -> dict[str, str]:
    """Return what the browser of a user sends with each request."""
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
    return {"Cookie": f"_token={token}"}


def text_of(client: TestClient, path: str, user: str = "somebody", role: str = "VIEWER") -> str:
    """Return what a user reads on a page, without the markup."""
    answer = client.get(f"/cohort-exports/{path}", headers=cookie_of(user, role))
    assert answer.status_code == 200, answer.text
    body = re.sub(r"<(style|script)>.*?</\1>", "", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))
