from typing import Any

import pytest

from marketo_provider.errors import InvalidSetting
from marketo_provider.marketo.connection import MarketoConnection

SECRET = "s3cret-value"
ROOT = "https://123-abc-456.mktorest.com"


def connection(host: str | None = "123-ABC-456", **extra: Any) -> MarketoConnection:
    """Build a connection as the hook does."""
    return MarketoConnection.from_parts("mkto", host=host, login="client", password=SECRET, extra=extra)


@pytest.mark.parametrize(
    "pasted",
    [
        "https://123-abc-456.mktorest.com",
        "https://123-abc-456.mktorest.com/",
        "https://123-ABC-456.mktorest.com/rest",
        "https://123-ABC-456.mktorest.com/rest/",
        "https://123-ABC-456.mktorest.com/rest/v1",
        "https://123-ABC-456.mktorest.com/rest/v1/",
        "https://123-ABC-456.mktorest.com/rest/asset/v1",
        "https://123-ABC-456.mktorest.com/identity",
        "https://123-ABC-456.mktorest.com/identity/",
        "https://123-ABC-456.mktorest.com/identity/oauth/token",
        "https://123-ABC-456.mktorest.com//identity",
        "https://123-ABC-456.mktorest.com/bulk/v1",
        "https://123-ABC-456.mktorest.com:443/rest",
        "HTTPS://123-ABC-456.MKTOREST.COM/REST",
        "123-ABC-456.mktorest.com",
        "123-abc-456.mktorest.com/rest",
        "123-ABC-456",
        "123-abc-456",
        "  123-ABC-456 \n",
    ],
)
def test_every_pasted_form_names_the_same_instance(pasted: str) -> None:
    """Marketo shows two addresses, and people copy them in their own ways."""
    parsed = connection(pasted)

    assert (parsed.rest_url, parsed.host) == (ROOT, "123-abc-456.mktorest.com")


@pytest.mark.parametrize(
    ("pasted", "root", "host"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://127.0.0.1:8080/rest/", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://LOCALHOST:9/identity", "http://localhost:9", "localhost:9"),
        ("https://localhost", "https://localhost", "localhost"),
    ],
)
def test_a_sandbox_on_loopback_may_have_a_port_and_no_tls(pasted: str, root: str, host: str) -> None:
    """The port is part of the identity: two sandboxes are two instances."""
    parsed = connection(pasted)

    assert (parsed.rest_url, parsed.host) == (root, host)


@pytest.mark.parametrize(
    ("pasted", "advice"),
    [
        ("https://app-sj01.marketo.com", "user interface"),
        ("app-sj01.marketo.com/#MM0A1", "user interface"),
        ("https://marketo.com/", "user interface"),
        ("https://experience.adobe.com/#/marketo", "user interface"),
        ("https://experience.adobe.com", "user interface"),
        ("https://example.com", "not the host of a Marketo REST API"),
        ("https://123-ABC-456.mktorest.com.example.com", "not the host"),
        ("https://evil-123-ABC-456.mktorest.com", "not the host"),
        ("https://example.com/123-ABC-456.mktorest.com", "not the host"),
        ("https://123-ABC-456.mktoapi.com/soap", "not the host"),
        ("https://123-ABC-456.mktorest.com:8443", "not the host"),
        ("https://10.0.0.1/rest", "not the host"),
        ("123-ABC-45", "not the host"),
        ("http://123-ABC-456.mktorest.com/rest", "plain http"),
        ("http://10.0.0.1:8080", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("https://123-ABC-456.mktorest.com/rest/v1/leads.json", "path"),
        ("https://user:pw@123-ABC-456.mktorest.com", "user name"),
        ("https://123-ABC-456.mktorest.com/rest?access_token=x", "query"),
        ("https://123-ABC-456.mktorest.com:99999", "web address"),
        ("ftp://123-ABC-456.mktorest.com", "web address"),
        ("https://", "web address"),
        ("https://[::1", "web address"),
        ("not an address", "not the host"),
        ("", "required"),
        (None, "required"),
    ],
)
def test_anything_else_is_refused_with_advice(pasted: str | None, advice: str) -> None:
    """The credentials would go to whatever stands there."""
    with pytest.raises(InvalidSetting, match=advice) as caught:
        connection(pasted)

    assert "Connection `mkto`" in str(caught.value)
    assert "`rest_url`" in str(caught.value)


def test_the_defaults_are_the_design_s() -> None:
    """What an extra that is not set means."""
    parsed = connection()

    assert parsed.model_dump(exclude={"rest_url", "client_id", "client_secret"}) == {
        "calls_per_20_seconds": 50,
        "concurrent_calls": 5,
        "daily_quota": 50_000,
        "quota_share": 0.8,
        "replay_after_seconds": 90,
        "bulk_jobs_queued": 5,
        "partition": None,
    }


def test_extras_may_be_text_and_empty_ones_are_not_set() -> None:
    """Forms and environment variables give text."""
    parsed = connection(daily_quota="20000", quota_share="0.5", partition="", concurrent_calls=None)

    assert (parsed.daily_quota, parsed.quota_share, parsed.partition, parsed.concurrent_calls) == (
        20_000,
        0.5,
        None,
        5,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("calls_per_20_seconds", 0),
        ("calls_per_20_seconds", 101),
        ("concurrent_calls", 0),
        ("concurrent_calls", 11),
        ("daily_quota", 0),
        ("daily_quota", "many"),
        ("quota_share", 0),
        ("quota_share", 1.1),
        ("replay_after_seconds", 0),
        ("replay_after_seconds", 3601),
        ("bulk_jobs_queued", 0),
        ("bulk_jobs_queued", 11),
        ("partition", 7),
    ],
)
def test_an_extra_out_of_bounds_is_named(key: str, value: Any) -> None:
    """With the title that the form shows, and the key that a file holds."""
    with pytest.raises(InvalidSetting, match=f"`{key}`"):
        connection(**{key: value})


def test_less_than_marketo_s_own_limit_is_for_a_sandbox_only() -> None:
    """A replay while Marketo still works on the first try can make a lead twice."""
    assert connection("http://127.0.0.1:1", replay_after_seconds=1).replay_after_seconds == 1
    with pytest.raises(InvalidSetting, match="90 seconds"):
        connection(replay_after_seconds=89)


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody likes to mend one to be shown the next."""
    with pytest.raises(InvalidSetting) as caught:
        connection("https://example.com", daily_qouta=1, quota_share=2)

    message = str(caught.value)
    assert all(key in message for key in ("`rest_url`", "`daily_qouta`", "`quota_share`", "daily_quota"))


def test_a_connection_s_own_part_is_no_extra() -> None:
    """Else a form and a file could disagree about the secret."""
    with pytest.raises(InvalidSetting, match="`client_secret` is not known"):
        connection(client_secret="other")


def test_the_secret_is_in_no_repr_and_in_no_message() -> None:
    """Whatever is wrong."""
    with pytest.raises(InvalidSetting) as caught:
        MarketoConnection.from_parts("m", host=SECRET, login=None, password=SECRET, extra={"partition": [SECRET]})

    assert SECRET not in f"{caught.value}{caught.value!r}"
    assert SECRET not in f"{connection()}{connection()!r}"


def test_every_key_is_titled_and_described() -> None:
    """Forms and documentation show these texts."""
    assert all(field.title and field.description for field in MarketoConnection.model_fields.values())
