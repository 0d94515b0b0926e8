"""Who may set an export up, and with which Connections: whoever may edit them.

To read a Connection is not enough: Airflow does not show its secrets to a reader, and here they are used.
"""

from collections.abc import Callable
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails
from airflow.api_fastapi.core_api.security import get_user
from airflow.models.connection import Connection
from fastapi import Depends, HTTPException

from marketo_provider.errors import InvalidSetting
from marketo_provider.exports import DAG_PREFIX, export_name
from marketo_provider.hooks.known_connections import known_connections


def may_set_up(user: BaseUser) -> bool:
    """Return whether a user may edit Connections."""
    return get_auth_manager().is_authorized_connection(method="PUT", user=user)


def get_editor(user: Annotated[BaseUser, Depends(get_user)]) -> BaseUser:
    """Return the user, who may edit Connections; refuse others."""
    if not may_set_up(user):
        raise HTTPException(403, "Setting up an export takes the right to edit Connections.")
    return user


def check_editable(conn_id: str, user: BaseUser) -> None:
    """Refuse a Connection that a user may not edit, whether it is there or not.

    Raises:
        InvalidSetting: says so.
    """
    if not _may_edit(conn_id, user):
        raise InvalidSetting(
            f"You may not edit the Connection `{conn_id}`, and so not use it here. Choose another one."
        )


def editable_connections(conn_type: str, user: BaseUser) -> list[str]:
    """Return the ids of a type's Connections that Airflow can list and the user may edit."""
    return [conn_id for conn_id in known_connections(conn_type).ids if _may_edit(conn_id, user)]


def knowing(user: BaseUser) -> Callable[[str], bool]:
    """Return what tells of an export's name whether a user may see its DAG, which may be gone."""
    manager = get_auth_manager()
    seen = {export_name(dag_id) for dag_id in manager.get_authorized_dag_ids(user=user)}

    def may_know(export: str) -> bool:
        return export in seen or bool(
            manager.filter_authorized_dag_ids(dag_ids={f"{DAG_PREFIX}{export}"}, user=user)
        )

    return may_know


def _may_edit(conn_id: str, user: BaseUser) -> bool:
    details = ConnectionDetails(conn_id=conn_id, team_name=Connection.get_team_name(conn_id))
    return get_auth_manager().is_authorized_connection(method="PUT", details=details, user=user)
