import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fsspec import AbstractFileSystem

from marketo_provider.errors import InvalidSetting, StoreUnusable
from marketo_provider.hooks.state import provider_settings, state_store
from marketo_provider.state.store import LocalStore, S3Store
from tests.state.support import BUCKET, s3_filesystem

pytestmark = pytest.mark.airflow

PREFIX = "AIRFLOW__MARKETO_PROVIDER__"
CELERY = "airflow.providers.celery.executors.celery_executor.CeleryExecutor"


@pytest.fixture(scope="module")
def s3() -> Iterator[AbstractFileSystem]:
    """Serve S3, with one bucket."""
    with s3_filesystem() as filesystem:
        yield filesystem


def test_settings_come_from_airflow_s_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Environment variables name them, and texts become values."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", str(tmp_path))
    monkeypatch.setenv(f"{PREFIX}MAX_PROFILES", "1000")
    monkeypatch.setenv(f"{PREFIX}DRY_RUN", "True")

    settings = provider_settings()

    assert settings.state_url == f"file://{tmp_path}"
    assert (settings.max_profiles, settings.dry_run, settings.lease_seconds) == (1000, True, 120)


def test_without_settings_the_state_lies_in_airflow_s_home() -> None:
    """The provider's own declaration gives Airflow the default."""
    from tests.airflow_home import home  # noqa: PLC0415 - here alone

    assert provider_settings().state_url == f"file://{home()}/marketo_state"


def test_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by its name in the section."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", "gs://bucket/prefix")
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", "soon")

    with pytest.raises(
        InvalidSetting, match=r"\[marketo_provider\] state_url: .*\[marketo_provider\] lease_seconds: "
    ):
        provider_settings()


def test_a_folder_is_a_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is written to it lies in the folder."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", f"file://{tmp_path}/state")

    store = state_store(provider_settings())
    store.write("marketo/x", b"1")

    assert isinstance(store.inner, LocalStore)
    assert (tmp_path / "state" / "marketo" / "x").read_bytes() == b"1"


def test_a_bucket_is_a_store(monkeypatch: pytest.MonkeyPatch, s3: AbstractFileSystem) -> None:
    """Reached with the credentials and the endpoint of an Airflow Connection."""
    connection = {
        "conn_type": "aws",
        "login": "key",
        "password": "secret",
        "extra": {
            "endpoint_url": s3.endpoint_url,
            "region_name": "us-east-1",
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_HOOKS", json.dumps(connection))
    monkeypatch.setenv(f"{PREFIX}STATE_URL", f"s3://{BUCKET}/exports/state")
    monkeypatch.setenv(f"{PREFIX}STATE_CONN_ID", "bucket_of_hooks")

    store = state_store(provider_settings())
    store.create("marketo/x", b"1")

    assert isinstance(store.inner, S3Store)
    assert s3.cat_file(f"{BUCKET}/exports/state/marketo/x") == b"1"
    with pytest.raises(FileExistsError):
        store.create("marketo/x", b"2")


@pytest.mark.parametrize("executor", ["CeleryExecutor", CELERY, f"alias:{CELERY}", "LocalExecutor,CeleryExecutor"])
def test_a_folder_is_refused_where_tasks_run_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, executor: str
) -> None:
    """Two workers would each have a ledger of their own; the message names both ways out."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)

    with pytest.raises(StoreUnusable, match=r"CeleryExecutor.*s3://bucket/prefix.*state_is_shared = True"):
        state_store(provider_settings())


def test_a_folder_that_is_shared_is_taken_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where somebody says that all workers see it."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", str(tmp_path))
    monkeypatch.setenv(f"{PREFIX}STATE_IS_SHARED", "True")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")

    assert isinstance(state_store(provider_settings()).inner, LocalStore)


@pytest.mark.parametrize(
    "executor",
    ["LocalExecutor", " LocalExecutor ", "airflow.executors.local_executor.LocalExecutor", "mine:LocalExecutor"],
)
def test_a_folder_is_taken_where_all_tasks_run_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, executor: str
) -> None:
    """The LocalExecutor, however it is written."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)

    assert isinstance(state_store(provider_settings()).inner, LocalStore)


def test_a_bucket_needs_no_executor_of_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers see it."""
    monkeypatch.setenv(f"{PREFIX}STATE_URL", f"s3://{BUCKET}/state")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")

    assert isinstance(state_store(provider_settings()).inner, S3Store)
    assert urlsplit(provider_settings().state_url).netloc == BUCKET
