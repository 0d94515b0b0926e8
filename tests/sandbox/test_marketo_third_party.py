"""A client that others wrote works against the sandbox, with nothing but its base address set."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from marketorestpython.client import MarketoClient

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_bulk_queue import ImportSettings
from include.sandbox.marketo_fields import Field
from include.sandbox.serving import serve

FLAG, DISPLAY_NAME = "mixpanelTrialUsers", "Mixpanel Trial Users"


@pytest.fixture(scope="module")
def client() -> Iterator[MarketoClient]:
    """Serve a sandbox with one custom field, and point marketorestpython at it."""
    sandbox = MarketoSandbox(SystemClock())
    field = Field(name=FLAG, display_name=DISPLAY_NAME, data_type="boolean", custom=True)
    sandbox.instance.catalog.put(field)
    sandbox.instance.imports.settings = ImportSettings(seconds_to_start=0, rows_per_second=1_000_000)
    credentials = sandbox.credentials
    with serve(sandbox) as url:
        client = MarketoClient("123-ABC-456", credentials.client_id, credentials.client_secret)
        client.host = url
        yield client


def test_it_gets_a_token(client: MarketoClient) -> None:
    """And knows for how long."""
    client.authenticate()

    assert client.token
    assert client.token_type == "bearer"
    assert 3500 < client.expires_in < 3600


def test_it_describes_leads(client: MarketoClient) -> None:
    """By both calls."""
    described = client.execute(method="describe")
    [described2] = client.execute(method="describe2")

    assert FLAG in [field["rest"]["name"] for field in described if "rest" in field]
    assert FLAG in [field["name"] for field in described2["fields"]]


def test_it_creates_updates_and_reads_leads(client: MarketoClient) -> None:
    """Its POST with `_method=GET` in the form is understood, and so are its pages."""
    emails = [f"person{number}@example.com" for number in range(5)]
    people = [{"email": email, FLAG: True} for email in emails]

    created = client.execute(method="create_update_leads", leads=people)
    updated = client.execute(
        method="create_update_leads",
        leads=[{"email": emails[0], FLAG: False}, {"email": "unknown@example.com", FLAG: False}],
        action="updateOnly",
        lookupField="email",
    )
    leads = client.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email",
        filterValues=emails,
        fields=f"email,{FLAG}",
        batchSize=2,
    )

    assert [result["status"] for result in created] == ["created"] * 5
    assert [result["status"] for result in updated] == ["updated", "skipped"]
    assert {lead["email"]: lead[FLAG] for lead in leads} == dict.fromkeys(emails, True) | {emails[0]: False}


def test_it_reads_the_usage(client: MarketoClient) -> None:
    """Its own calls are in it."""
    [today] = client.execute(method="get_daily_usage")

    assert today["total"] > 0


def test_it_imports_a_file(client: MarketoClient, tmp_path: Path) -> None:
    """And reads the status, the failures and the warnings of the job."""
    file = tmp_path / "leads.csv"
    file.write_text(f"email,{FLAG}\nimported@example.com,true\nfailed@example.com,maybe\nnobody,true\n")

    [queued] = client.execute(method="import_lead", file=str(file), format="csv", lookupField="email")
    batch = queued["importId"]
    [status] = client.execute(method="get_import_lead_status", id=batch)
    failures = client.execute(method="get_import_failure_file", id=batch)
    warnings = client.execute(method="get_import_warning_file", id=batch)

    assert queued["status"] == "Queued"
    assert (status["status"], status["numOfLeadsProcessed"]) == ("Complete", 2)
    assert failures.splitlines()[1] == f"failed@example.com,maybe,Invalid data type in field {DISPLAY_NAME}"
    assert warnings.splitlines()[1] == "nobody,true,Invalid email address"
