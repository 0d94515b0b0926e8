"""A secrets backend: AWS Secrets Manager as moto's server plays it, which also serves the bucket.

Airflow's own machines are told of it, and the workers are not: they get a Connection from the API server.
"""

import json
from collections.abc import Iterable

import boto3

from include.demo.airflow_api import NewConnection
from include.distributed.bucket import KEY, REGION, SECRET

_PREFIX = "airflow/connections"


def keep_connections(url: str, connections: Iterable[NewConnection]) -> None:
    """Keep Connections as docs/settings.md says, in JSON."""
    vault = boto3.client(
        "secretsmanager",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    for connection in connections:
        value = {
            "conn_type": connection.conn_type,
            "host": connection.host,
            "login": connection.login,
            "password": connection.password,
            "extra": dict(connection.extra),
        }
        vault.create_secret(Name=f"{_PREFIX}/{connection.conn_id}", SecretString=json.dumps(value))


def vault_settings(url: str, *, pattern: str) -> dict[str, str]:
    """Return the settings of an Airflow that looks there for Connections whose ids begin as a pattern says."""
    arguments = {
        "connections_prefix": _PREFIX,
        "connections_lookup_pattern": pattern,
        "endpoint_url": url,
        "region_name": REGION,
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
    }
    return {
        "AIRFLOW__SECRETS__BACKEND": "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(arguments),
    }
