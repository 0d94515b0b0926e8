import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import BaseHook

from include.sandbox.clock import SystemClock
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.serving import serve
from marketo_provider.errors import InvalidSetting
from marketo_provider.hooks.mixpanel import MixpanelHook

pytestmark = pytest.mark.airflow

VARIABLE = "AIRFLOW_CONN_MIXPANEL_DEFAULT"
NAME, SECRET = "robot.ab12.mp-service-account", "mixpanel-hush/hush%&"
PROJECT_ID = 2_000_001


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    """Serve Mixpanel's sandbox."""
    sandbox = MixpanelSandbox(SystemClock(), username=NAME, secret=SECRET, project_id=PROJECT_ID)
    with serve(sandbox) as url:
        yield url


def as_json(host: str | None = None, *, password: str = SECRET, **extra: Any) -> str:
    """Return the Connection in the JSON form of an environment variable."""
    return json.dumps({"conn_type": "mixpanel", "host": host, "login": NAME, "password": password, "extra": extra})


def test_a_connection_in_json_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Login and password are the service account's, the extra names project, region and data view."""
    monkeypatch.setenv(VARIABLE, as_json(project_id="2000001", region="eu", workspace_id=5, cert="/client.pem"))

    settings = MixpanelHook().get_settings()

    assert (settings.username, settings.secret.get_secret_value()) == (NAME, SECRET)
    assert (settings.project_id, settings.region, settings.workspace_id) == (PROJECT_ID, "eu", 5)
    assert settings.base_url == "https://eu.mixpanel.com"


def test_a_connection_in_a_uri_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The older form of an environment variable, without a host."""
    monkeypatch.setenv(VARIABLE, f"mixpanel://{NAME}:{quote(SECRET, safe='')}@/?project_id={PROJECT_ID}")

    settings = MixpanelHook().get_settings()

    assert (settings.project_id, settings.base_url) == (PROJECT_ID, "https://mixpanel.com")
    assert settings.secret.get_secret_value() == SECRET


def test_a_host_takes_the_place_of_the_region_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the sandbox is reached."""
    monkeypatch.setenv(VARIABLE, as_json("http://127.0.0.1:8002", project_id=PROJECT_ID, region="in"))

    assert MixpanelHook().get_settings().base_url == "http://127.0.0.1:8002"


def test_the_project_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its absence is named with everything else that is wrong, without the secret."""
    monkeypatch.setenv(VARIABLE, as_json(region="mars", workspaceid=5))

    with pytest.raises(InvalidSetting) as caught:
        MixpanelHook().get_settings()

    message = str(caught.value)
    assert [
        word for word in ("mixpanel_default", "project_id", "region", "workspaceid") if word not in message
    ] == []
    assert SECRET not in message


def test_the_test_button_says_what_it_found(sandbox_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the connection type that the distribution registers, as the form does it."""
    monkeypatch.setenv(VARIABLE, as_json(sandbox_url, project_id=PROJECT_ID))

    result = BaseHook.get_hook("mixpanel_default").test_connection()

    assert result == (True, f"Connected to {sandbox_url}: the account may read project {PROJECT_ID}.")


@pytest.mark.parametrize(
    ("password", "extra", "words"),
    [
        ("wrong-hush", {"project_id": PROJECT_ID}, "the user name or the secret is wrong"),
        (SECRET, {"project_id": 3}, "no project 3"),
        (SECRET, {"project_id": PROJECT_ID, "workspace_id": 77}, "no data view 77"),
        (SECRET, {}, "project_id"),
    ],
)
def test_the_test_button_says_what_is_wrong(
    sandbox_url: str, monkeypatch: pytest.MonkeyPatch, password: str, extra: dict[str, Any], words: str
) -> None:
    """In our own words, with neither a traceback nor a secret."""
    monkeypatch.setenv(VARIABLE, as_json(sandbox_url, password=password, **extra))

    good, message = MixpanelHook().test_connection()

    assert good is False
    assert words in message
    assert "hush" not in message
