import json
from typing import Any

import pytest
import requests
from airflow.sdk import Connection
from requests.adapters import HTTPAdapter

from marketo_provider.errors import InvalidSetting
from marketo_provider.hooks.http_session import address, http_session, vendor_extra
from tests.fake_wire import FakeAdapter, Reply

pytestmark = pytest.mark.airflow

URL = "https://123-abc-456.mktorest.com/rest"


def connection(**extra: Any) -> Connection:
    """Return a Connection with credentials and these extras."""
    return Connection(
        conn_id="vendor", conn_type="marketo", host=URL, login="ann", password="hush", extra=json.dumps(extra)
    )


def settings_of(session: requests.Session) -> Any:
    """Return the settings with which the session sends a request that has none of its own."""
    return session.merge_environment_settings(URL, {}, None, None, None)


def test_network_settings_reach_the_session() -> None:
    """Proxies, the CA bundle and the client certificate are those of the Connection."""
    session = http_session(
        connection(proxies={"https": "http://proxy:3128"}, verify="/ca.pem", cert="/client.pem", trust_env=False)
    )

    assert settings_of(session) == {
        "proxies": {"https": "http://proxy:3128"},
        "stream": False,
        "verify": "/ca.pem",
        "cert": "/client.pem",
    }
    assert session.trust_env is False


def test_the_connection_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`requests` alone would take the environment's proxy and CA bundle, and the Connection's would do nothing."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy-of-all:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/ca-of-all.pem")

    settings = settings_of(http_session(connection(proxies={"https": "http://proxy:3128"}, verify="/ca.pem")))

    assert (settings["proxies"]["https"], settings["verify"]) == ("http://proxy:3128", "/ca.pem")


def test_the_environment_counts_where_the_connection_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment may set proxy and CA bundle once for all."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy-of-all:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/ca-of-all.pem")

    settings = settings_of(http_session(connection()))

    assert (settings["proxies"]["https"], settings["verify"]) == ("http://proxy-of-all:3128", "/ca-of-all.pem")


def test_extras_and_login_are_not_sent() -> None:
    """Neither our own extras as headers, nor the login with every request; `HttpHook` would do both."""
    session = http_session(connection(partition="EU", daily_quota=7, verify="/ca.pem"))
    adapter = FakeAdapter(Reply())
    session.mount("https://", adapter)

    session.get(URL, timeout=1)

    (sent,) = adapter.requests
    assert set(sent.headers) == set(requests.Session().headers)
    assert session.auth is None


@pytest.mark.parametrize("verify", [False, 0, ""])
def test_certificates_are_always_verified(verify: object) -> None:
    """Turning that off is refused, with the way to trust a network's own authority."""
    with pytest.raises(InvalidSetting, match=r"`vendor`: TLS certificates are always verified.* CA bundle"):
        http_session(connection(verify=verify))


def test_a_setting_left_empty_is_not_set() -> None:
    """A form may send null for it."""
    settings = settings_of(http_session(connection(verify=None, proxies=None, cert=None, trust_env=False)))

    assert settings == {"proxies": {}, "stream": False, "verify": True, "cert": None}


def test_proxies_that_are_no_mapping_are_refused() -> None:
    """`requests` would pass over them and go out directly."""
    with pytest.raises(InvalidSetting, match="`proxies` in the extra maps schemes"):
        http_session(connection(proxies="http://proxy:3128"))


def test_the_adapters_are_airflow_s() -> None:
    """They keep idle connections alive, which firewalls drop."""
    session = http_session(connection())

    assert type(session.get_adapter(URL)) is not HTTPAdapter


def test_the_vendor_s_extra_is_all_but_the_network_s() -> None:
    """What is not known is left in it, for the vendor's model to refuse."""
    extra = vendor_extra(
        connection(partition="EU", verify="/ca.pem", proxies={}, cert="c", trust_env=True, typo=1)
    )

    assert extra == {"partition": "EU", "typo": 1}


@pytest.mark.parametrize(
    ("port", "expected"), [(None, "api.example.com"), (0, "api.example.com"), (8443, "api.example.com:8443")]
)
def test_a_port_that_stands_apart_belongs_to_the_address(port: int | None, expected: str) -> None:
    """In a URI the port is a part of its own; 0, which Airflow's *Test* needs, is none."""
    connection = Connection(conn_id="marketo", conn_type="marketo", host="api.example.com", port=port)

    assert address(connection) == expected
