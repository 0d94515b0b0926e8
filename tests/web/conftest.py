import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from airflow.utils.db import initdb
from fastapi.testclient import TestClient

from marketo_provider.state.store import LocalStore, Store
from tests.web.scenery import look_at, open_airflow


@pytest.fixture(scope="module")
def airflow() -> Iterator[TestClient]:
    """Return Airflow's app, with a database of its own; it takes a while to make."""
    initdb()
    with patch.dict(os.environ):
        yield open_airflow()


@pytest.fixture
def client(airflow: TestClient, tmp_path: Path) -> Iterator[TestClient]:
    """Return Airflow's app, with the page on an empty store."""
    with patch.dict(os.environ):
        look_at(f"file://{tmp_path}")
        yield airflow


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return the page's store."""
    return LocalStore(tmp_path)
