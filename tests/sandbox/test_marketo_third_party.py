"""A client that others wrote works against the sandbox, with nothing but its base address set."""

from collections.abc import Iterator

import pytest
from marketorestpython.client import MarketoClient

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_fields import Field
from include.sandbox.serving import serve

FLAG = "mixpanelTrialUsers"


@pytest.fixture(scope="module")
def client() -> Iterator[MarketoClient]:
    """Serve a sandbox with one custom field, and point marketorestpython at it."""
    sandbox = MarketoSandbox(SystemClock())
    field = Field(name=FLAG, display_name="Mixpanel Trial Users", data_type="boolean", custom=True)
    sandbox.instance.catalog.put(field)
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
