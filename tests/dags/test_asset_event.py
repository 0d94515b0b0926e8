"""Each delivery is an asset event, on which a campaign's DAG can be scheduled."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from airflow.models.asset import AssetEvent
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.operators.asset_event import field_asset
from marketo_provider.operators.links import CohortExportLink
from tests.dags.deployment import FIELD, Deployment
from tests.pages import blocks

pytestmark = pytest.mark.airflow

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture(autouse=True)
def _no_events() -> None:
    with create_session() as session:
        session.query(AssetEvent).delete()


def events() -> list[tuple[str, dict[str, Any]]]:
    """Return the URI and the extra of every event."""
    with create_session() as session:
        return [(event.asset.uri, event.extra) for event in session.query(AssetEvent).order_by(AssetEvent.id)]


def test_a_delivery_is_told_with_its_report(deployment: Deployment) -> None:
    """Whoever is scheduled on the field reads what was done, and until when that is the newest."""
    deployment.declare()
    deployment.set_cohort([ANN, BOB])

    outcome = deployment.run()

    ((uri, extra),) = events()
    assert uri == f"marketo://{deployment.marketo_url.removeprefix('http://').removesuffix('/rest')}/leads/{FIELD}"
    assert extra["report"] == outcome.report
    fresh_until = datetime.fromisoformat(extra["fresh_until"])
    assert fresh_until - datetime.now(fresh_until.tzinfo) <= timedelta(hours=2)
    assert fresh_until > datetime.now(fresh_until.tzinfo)
    assert fresh_until.hour % 2 == 0


def test_airflow_shows_the_report_in_short_and_the_way_to_the_page(deployment: Deployment) -> None:
    """As XComs of the task: what it did in a few words, and the link that stands on its view."""
    deployment.declare()
    deployment.set_cohort([ANN, BOB])

    deployment.run()

    with create_session() as session:
        stored = session.query(XComModel).filter_by(task_id="export_to_marketo").all()
    values = {xcom.key: XComModel.deserialize_value(xcom) for xcom in stored}
    assert values["in_short"] == "+2 -0"
    assert values[CohortExportLink().xcom_key].endswith("/cohort-exports/dags/cohort_export__trial_users")


def test_a_one_time_export_stays_fresh(deployment: Deployment) -> None:
    """No run will come by itself."""
    deployment.declare("launch", sync_type="one_time")
    deployment.set_cohort([ANN])

    deployment.run("launch")

    assert [extra["fresh_until"] for _, extra in events()] == [None]


def test_what_delivers_nothing_tells_nothing(deployment: Deployment) -> None:
    """A dry run, and a run that a guard stops."""
    deployment.declare()
    deployment.set_cohort([ANN, BOB])
    deployment.run(dry_run=True)
    assert events() == []
    deployment.run()
    deployment.set_cohort([])

    assert deployment.run().state == "failed"
    assert len(events()) == 1


def test_the_campaign_in_the_docs_is_scheduled_on_what_an_export_emits() -> None:
    """It names the asset as an export to that field of that instance does."""
    _, example = blocks("docs/using.md", "python")
    names: dict[str, Any] = {}

    exec(example, names)  # noqa: S102 - our own page

    connection = {"rest_url": "https://123-ABC-456.mktorest.com", "client_id": "one", "client_secret": "two"}
    host = MarketoConnection.model_validate(connection).host
    assert names["TRIAL_USERS"] == field_asset(host, FIELD)
