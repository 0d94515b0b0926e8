import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import BaseHook

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.serving import serve
from marketo_provider.errors import InvalidSetting
from marketo_provider.hooks.marketo import MarketoHook

pytestmark = pytest.mark.airflow

VARIABLE = "AIRFLOW_CONN_MARKETO_DEFAULT"
ID, SECRET = "marketo-client", "marketo-hush/hush%&"
REST_URL = "https://123-abc-456.mktorest.com"


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    """Serve Marketo's sandbox."""
    with serve(MarketoSandbox(SystemClock(), client_id=ID, client_secret=SECRET)) as url:
        yield url


def as_json(host: str, *, password: str = SECRET, **extra: Any) -> str:
    """Return the Connection in the JSON form of an environment variable."""
    return json.dumps({"conn_type": "marketo", "host": host, "login": ID, "password": password, "extra": extra})


def test_a_connection_in_json_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Host, login and password are REST URL, client id and secret; the extra says how much may be used."""
    monkeypatch.setenv(VARIABLE, as_json(f"{REST_URL}/rest", daily_quota=9000, partition="EU", verify="/ca.pem"))

    settings = MarketoHook().get_settings()

    assert (settings.rest_url, settings.client_id) == (REST_URL, ID)
    assert settings.client_secret.get_secret_value() == SECRET
    assert (settings.daily_quota, settings.partition, settings.concurrent_calls) == (9000, "EU", 5)


def test_an_extra_may_be_a_text_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """So do `airflow connections add` and some secrets backends give it, and numbers may be texts."""
    parts = {"conn_type": "marketo", "host": REST_URL, "login": ID, "password": SECRET}
    monkeypatch.setenv(VARIABLE, json.dumps({**parts, "extra": '{"daily_quota": "9000", "partition": ""}'}))

    settings = MarketoHook().get_settings()

    assert (settings.daily_quota, settings.partition) == (9000, None)


def test_a_connection_in_a_uri_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older form of an environment variable: the host without a scheme, the extra as a query."""
    monkeypatch.setenv(
        VARIABLE, f"marketo://{ID}:{quote(SECRET, safe='')}@123-ABC-456.mktorest.com?daily_quota=9000"
    )

    settings = MarketoHook().get_settings()

    assert (settings.rest_url, settings.client_id, settings.daily_quota) == (REST_URL, ID, 9000)
    assert settings.client_secret.get_secret_value() == SECRET


def test_another_connection_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with every hook of Airflow."""
    monkeypatch.setenv("AIRFLOW_CONN_MARKETO_EU", as_json(REST_URL))

    assert MarketoHook("marketo_eu").get_settings().rest_url == REST_URL


def test_everything_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the Connection, and without the secret."""
    monkeypatch.setenv(VARIABLE, as_json("https://app-ab12.marketo.com", dailyquota=3, concurrent_calls=99))

    with pytest.raises(InvalidSetting) as caught:
        MarketoHook().get_settings()

    message = str(caught.value)
    assert [
        word for word in ("marketo_default", "rest_url", "dailyquota", "concurrent_calls") if word not in message
    ] == []
    assert SECRET not in message


def test_making_a_client_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks for a token at its first call only; this address leads nowhere."""
    monkeypatch.setenv(VARIABLE, as_json("http://127.0.0.1:1"))

    client = MarketoHook().get_conn()

    assert (client.host, client.calls) == ("127.0.0.1:1", 0)


def test_the_test_button_says_what_it_found(sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the connection type that the distribution registers, as the form does it."""
    monkeypatch.setenv(VARIABLE, as_json(f"{sandbox_url}/identity", daily_quota=9000))

    good, message = BaseHook.get_hook("marketo_default").test_connection()

    assert good is True
    assert message.startswith(f"Connected to {sandbox_url.removeprefix('http://')}: ")
    assert "lead fields" in message
    assert "of 9,000 calls used today" in message


@pytest.mark.parametrize(
    ("host", "password", "words"),
    [
        (None, "wrong-hush", "refuses the credentials"),
        ("https://app-ab12.marketo.com", "wrong-hush", "user interface"),
        (None, "", "Client Secret"),
    ],
)
def test_the_test_button_says_what_is_wrong(
    sandbox_url: str, monkeypatch: pytest.MonkeyPatch, host: str | None, password: str, words: str
) -> None:
    """In our own words, with neither a traceback nor a secret."""
    monkeypatch.setenv(VARIABLE, as_json(host or sandbox_url, password=password))

    good, message = MarketoHook().test_connection()

    assert good is False
    assert words in message
    assert "wrong-hush" not in message
