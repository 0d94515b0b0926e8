"""The Connections that Airflow can list, for a person who has to choose one.

Airflow lists those of environment variables and of its database, where this process may reach it (as its own
command line does, on the machines of its components). A secrets backend is only ever asked for an id, so its
Connections are not listed, but found by their id all the same.
"""

import os
from dataclasses import dataclass

from airflow.models.connection import Connection as StoredConnection
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.secrets.environment_variables import CONN_ENV_PREFIX, EnvironmentVariablesBackend
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from marketo_provider.errors import InvalidSetting


@dataclass(frozen=True, slots=True)
class KnownConnections:
    """The ids that were found, and whether Airflow's database was among where they were looked for."""

    ids: list[str]
    with_database: bool


def known_connections(conn_type: str) -> KnownConnections:
    """List the Connections of a type."""
    found = {name for name in _in_environment() if _type_in_environment(name) == conn_type}
    try:
        with create_session() as session:
            rows = session.scalars(select(StoredConnection).where(StoredConnection.conn_type == conn_type))
            found |= {row.conn_id for row in rows}
    except SQLAlchemyError:
        return KnownConnections(sorted(found), with_database=False)
    return KnownConnections(sorted(found), with_database=True)


def check_connection(conn_id: str, conn_type: str) -> None:
    """Refuse a Connection that is not there, or of another type.

    Raises:
        InvalidSetting: says so.
    """
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise InvalidSetting(
            f"Airflow knows no Connection `{conn_id}`, or cannot read it. Make one of the type {conn_type}, or "
            "name another."
        ) from None
    if connection.conn_type != conn_type:
        raise InvalidSetting(
            f"Connection `{conn_id}` is of the type {connection.conn_type}, not {conn_type}. Name another."
        )


def _in_environment() -> list[str]:
    # What begins with one more underscore is a team's.
    names = [name.removeprefix(CONN_ENV_PREFIX) for name in os.environ if name.startswith(CONN_ENV_PREFIX)]
    return [name.lower() for name in names if not name.startswith("_")]


def _type_in_environment(conn_id: str) -> str | None:
    try:
        connection = EnvironmentVariablesBackend().get_connection(conn_id)
    except (ValueError, TypeError):  # a text that makes no Connection of any type
        return None
    return connection.conn_type if connection else None
