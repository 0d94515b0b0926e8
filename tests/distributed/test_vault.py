import json

import pytest

from include.demo.airflow_api import NewConnection
from include.distributed.bucket import serving
from include.distributed.vault import keep_connections, vault_settings

pytestmark = pytest.mark.airflow

NORTH = NewConnection("marketo_north", "marketo", "http://127.0.0.1:1", "login", "password", {"daily_quota": 5})


def test_airflow_finds_a_connection_in_the_vault() -> None:
    """By the backend that the settings name, with all parts; of another name it finds none."""
    from airflow.providers.amazon.aws.secrets.secrets_manager import (  # noqa: PLC0415 - needs Airflow
        SecretsManagerBackend,
    )

    with serving() as bucket:
        keep_connections(bucket.url, [NORTH])
        settings = vault_settings(bucket.url, pattern="marketo_north$")
        backend = SecretsManagerBackend(**json.loads(settings["AIRFLOW__SECRETS__BACKEND_KWARGS"]))

        found = backend.get_connection("marketo_north")

        assert settings["AIRFLOW__SECRETS__BACKEND"].endswith(SecretsManagerBackend.__name__)
        assert found is not None
        assert (found.conn_type, found.host, found.login, found.password, found.extra_dejson) == (
            NORTH.conn_type,
            NORTH.host,
            NORTH.login,
            NORTH.password,
            NORTH.extra,
        )
        assert backend.get_connection("marketo_south") is None
