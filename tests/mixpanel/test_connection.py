from typing import Any

import pytest

from marketo_provider.errors import InvalidSetting
from marketo_provider.mixpanel.connection import MixpanelConnection

SECRET = "s3cret-value"


def connection(host: str | None = None, **extra: Any) -> MixpanelConnection:
    """Build a connection as the hook does."""
    return MixpanelConnection.from_parts(
        "mp", host=host, login="robot", password=SECRET, extra={"project_id": 7} | extra
    )


@pytest.mark.parametrize(
    ("region", "base_url"),
    [
        ("us", "https://mixpanel.com"),
        ("eu", "https://eu.mixpanel.com"),
        ("in", "https://in.mixpanel.com"),
    ],
)
def test_the_region_gives_the_host(region: str, base_url: str) -> None:
    """Each residency has its own."""
    assert connection(region=region).base_url == base_url


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("http://LocalHost:8123/", "http://localhost:8123"),
        ("https://gateway.example.com", "https://gateway.example.com"),
        ("gateway.example.com/", "https://gateway.example.com"),
    ],
)
def test_a_host_overrides_the_region_s(host: str, base_url: str) -> None:
    """A sandbox, or a gateway."""
    assert connection(host, region="eu").base_url == base_url


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("http://mixpanel.com", "plain http"),
        ("https://user:pw@mixpanel.com", "user name"),
        ("https://mixpanel.com/api/query", "without a path"),
        ("https://mixpanel.com?x=1", "query"),
    ],
)
def test_any_other_host_is_refused_with_advice(host: str, advice: str) -> None:
    """The secret would go there."""
    with pytest.raises(InvalidSetting, match=advice):
        connection(host)


def test_the_defaults_are_the_design_s() -> None:
    """What an extra that is not set means."""
    assert connection().model_dump(exclude={"username", "secret", "base_url"}) == {
        "project_id": 7,
        "region": "us",
        "workspace_id": None,
        "page_size": 5000,
        "concurrent_pages": 3,
        "allowed_missing_profiles": 0,
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("project_id", "seven"),
        ("project_id", 0),
        ("region", "US-East"),
        ("workspace_id", 0),
        ("page_size", 0),
        ("concurrent_pages", 0),
        ("concurrent_pages", 5),
        ("allowed_missing_profiles", -1),
    ],
)
def test_an_extra_out_of_bounds_is_named(key: str, value: Any) -> None:
    """And nothing else is: what follows from it is not at fault."""
    with pytest.raises(InvalidSetting, match=f"`{key}`") as caught:
        connection(**{key: value})

    assert str(caught.value).count("(`") == 1


def test_the_project_id_is_required() -> None:
    """A service account sees several projects."""
    with pytest.raises(InvalidSetting, match=r"Project ID \(`project_id`\).*required"):
        connection(project_id=None)


def test_the_secret_is_in_no_repr_and_in_no_message() -> None:
    """Whatever is wrong."""
    with pytest.raises(InvalidSetting) as caught:
        connection(SECRET + " ", region=SECRET, nonsense=SECRET)

    assert SECRET not in f"{caught.value}{caught.value!r}"
    assert SECRET not in f"{connection()}{connection()!r}"


def test_every_key_is_titled_and_described() -> None:
    """Forms and documentation show these texts."""
    assert all(field.title and field.description for field in MixpanelConnection.model_fields.values())
