"""The deployment's settings, from the texts that Airflow gives."""

import pytest

from marketo_provider.errors import InvalidSetting
from marketo_provider.settings import ProviderSettings

STORE = {"state_url": "/var/marketo_state"}


def test_defaults_are_those_of_the_design() -> None:
    """A deployment that says only where its state is gets the documented rest."""
    settings = ProviderSettings.parse(STORE)

    assert settings.model_dump() == {
        "state_url": "file:///var/marketo_state",
        "state_conn_id": None,
        "state_is_shared": False,
        "lease_seconds": 120,
        "max_profiles": 30_000_000,
        "memory_limit": "512MiB",
        "keep_runs_days": 90,
        "dry_run": False,
    }


def test_texts_become_values() -> None:
    """Airflow's configuration knows texts only."""
    settings = ProviderSettings.parse(
        {
            "state_url": "s3://bucket/marketo_state",
            "state_conn_id": "aws_default",
            "state_is_shared": "True",
            "lease_seconds": "60",
            "max_profiles": "1000",
            "memory_limit": "2 GiB",
            "keep_runs_days": "30",
            "dry_run": "true",
        }
    )

    assert settings.model_dump() == {
        "state_url": "s3://bucket/marketo_state",
        "state_conn_id": "aws_default",
        "state_is_shared": True,
        "lease_seconds": 60,
        "max_profiles": 1000,
        "memory_limit": "2 GiB",
        "keep_runs_days": 30,
        "dry_run": True,
    }


@pytest.mark.parametrize("unset", ["", None])
def test_an_empty_text_means_not_set(unset: str | None) -> None:
    """An empty environment variable is no value."""
    settings = ProviderSettings.parse({**STORE, "lease_seconds": unset, "state_conn_id": unset})

    assert (settings.lease_seconds, settings.state_conn_id) == (120, None)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("/var/state/", "file:///var/state"),
        ("file:///var/state", "file:///var/state"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
    ],
)
def test_the_store_is_a_url_without_a_slash_at_its_end(given: str, url: str) -> None:
    """A plain absolute path is a URL too, and one store has one name."""
    assert ProviderSettings.parse({"state_url": given}).state_url == url


@pytest.mark.parametrize(
    "url",
    [
        "marketo_state",
        "{AIRFLOW_HOME}/marketo_state",
        "/",
        "file:///",
        "file://host/var/state",
        "s3:///state",
        "gs://bucket/state",
        "s3://key:secret@bucket/state",
        "s3://bucket/state?key=secret",
    ],
)
def test_another_store_is_refused_without_quoting_it(url: str) -> None:
    """Relative paths mean another folder to each process, and a URL may hold credentials."""
    with pytest.raises(
        InvalidSetting, match=r"^\[marketo_provider\] state_url: must be an absolute path"
    ) as caught:
        ProviderSettings.parse({"state_url": url})

    assert "secret" not in str(caught.value)


def test_a_folder_that_duckdb_would_take_for_a_column_is_refused() -> None:
    """Each file below `address=x` would have the address x in every row."""
    with pytest.raises(InvalidSetting, match=r"state_url: must be a path without `=`"):
        ProviderSettings.parse({"state_url": "/var/env=prod/marketo_state"})

    assert ProviderSettings.parse({"state_url": "s3://bucket/env=prod"}).state_url == "s3://bucket/env=prod"


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("lease_seconds", "two minutes", "must be a whole number"),
        ("lease_seconds", "9", "must be at least 10"),
        ("lease_seconds", "3601", "must be at most 3600"),
        ("max_profiles", "0", "must be at least 1"),
        ("memory_limit", "much", "is not written as it has to be"),
        ("memory_limit", "512", "is not written as it has to be"),
        ("dry_run", "perhaps", "must be true or false"),
        ("state_is_shared", "2", "must be true or false"),
        ("lease_second", "60", "is not a known key. Did you mean lease_seconds?"),
    ],
)
def test_nonsense_is_refused_by_name(key: str, text: str, message: str) -> None:
    """A setting that cannot be meant stops the run and says what to do."""
    with pytest.raises(InvalidSetting) as caught:
        ProviderSettings.parse({**STORE, key: text})

    assert str(caught.value).startswith(f"[marketo_provider] {key}: {message}")


def test_all_mistakes_are_named_at_once() -> None:
    """One try is enough to learn of all of them."""
    with pytest.raises(InvalidSetting) as caught:
        ProviderSettings.parse({"lease_seconds": "x", "dry_run": "x"})

    assert [key in str(caught.value) for key in ("state_url", "lease_seconds", "dry_run")] == [True] * 3
