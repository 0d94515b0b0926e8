"""No address in logs, XComs, rendered fields or anywhere in Airflow's database, only in the store. No secret."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from include.sandbox.marketo_partitions import Partition, Partitions
from include.sandbox.wire import Fault
from tests.airflow_home import home
from tests.dags.deployment import COHORT, MARKETO_SECRET, MIXPANEL_SECRET, OTHER_COHORT, OTHER_FIELD, Deployment

pytestmark = pytest.mark.airflow

SEED = 20_261_124


@pytest.fixture
def told(deployment: Deployment) -> list[str]:
    """Return the logs of runs of every kind: good ones, refusals, faults of both vendors, a guard that stops."""
    closed = [Partition(id=1, name="Default"), Partition(id=2, name="Closed", accessible=False)]
    deployment.marketo.instance.partitions = Partitions(closed)
    project = deployment.mixpanel.state.project
    for number in (COHORT, OTHER_COHORT):
        cohort = project.set_cohort(number, "People", members=[])
        project.generate(cohort, seed=SEED, size=1000, without_profile=10)
    deployment.declare(create_leads=False)
    deployment.declare("launch", sync_type="one_time", cohort_id=OTHER_COHORT, marketo_field=OTHER_FIELD)
    for number, address in enumerate(sorted(addresses(deployment))[:600]):
        deployment.add_lead(address, partition="Closed" if number % 3 == 0 else "Default")
    outcomes = [deployment.run(dry_run=True)]
    quoting = f'{{"errors": "{min(addresses(deployment))}"}}'
    deployment.marketo.wire.faults.append(Fault("body", "/rest/v1/leads.json", body=quoting))
    deployment.connect_marketo(replay_after_seconds=1)
    deployment.mixpanel.wire.faults.append(Fault("status", "/api/query/engage", status=500, body=quoting))
    outcomes += [deployment.run(), deployment.run("launch"), deployment.run("launch")]
    project.churn(project.cohorts[COHORT], seed=SEED, entered=50, exited=20)
    outcomes.append(deployment.run(full_refresh=True, retry_refused=True))
    project.set_cohort(COHORT, "People", members=[])
    outcomes.append(deployment.run())
    assert [outcome.state for outcome in outcomes] == ["success"] * 3 + ["failed", "success", "failed"]
    assert outcomes[1].report["refused_by_code"]["1008"] > 50
    return [outcome.log for outcome in outcomes]


def addresses(deployment: Deployment) -> set[str]:
    """Return what any profile holds as `$email` that looks like an address, trimmed and in lower case."""
    held = [profile.get("$email") for profile in deployment.mixpanel.state.project.profiles.values()]
    texts = [str(value) for value in held if "@" in str(value)]
    return {text.strip("[]'\u00a0 ").lower() for text in texts}


def found(secrets: Iterator[str], text: str) -> list[str]:
    """Return which of them the text holds."""
    return [secret for secret in secrets if secret.lower() in text]


def database() -> str:
    """Return all bytes of Airflow's database, its log of writes too, as text in lower case."""
    files = sorted(Path(home()).glob("airflow.db*"))
    assert files
    return b"".join(file.read_bytes() for file in files).decode("latin-1").lower()


def test_nothing_personal_and_no_secret_leaves_the_store(deployment: Deployment, told: list[str]) -> None:
    """Searched for every address that any profile ever had, and for both secrets."""
    private = {*addresses(deployment), MARKETO_SECRET, MIXPANEL_SECRET}
    with create_session() as session:
        xcoms = [str(value) for value in session.scalars(select(XComModel.value))]
        rendered = [str(value) for value in session.scalars(select(RenderedTaskInstanceFields.rendered_fields))]

    leaks = {
        "logs": found(iter(private), "\n".join(told).lower()),
        "XComs": found(iter(private), "\n".join(xcoms).lower()),
        "rendered fields": found(iter(private), "\n".join(rendered).lower()),
        "database": found(iter(private), database()),
    }

    assert leaks == {"logs": [], "XComs": [], "rendered fields": [], "database": []}
    assert len(private) > 800
    assert any("set_true" in value for value in xcoms)
    assert any(OTHER_FIELD in value for value in rendered)
    assert OTHER_FIELD.lower() in database()
    assert "entered" in told[1]
