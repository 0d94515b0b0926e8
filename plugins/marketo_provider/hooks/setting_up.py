"""The two ends of an export that is being declared, opened by the Connections that a person chose."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from marketo_provider.clock import SystemClock
from marketo_provider.hooks.known_connections import check_connection
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.hooks.mixpanel import MixpanelHook
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.new_export import OtherExport
from marketo_provider.state.store import Store
from marketo_provider.sync.free_fields import FreeFields

# Somebody is waiting for the answer.
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Project:
    """A Mixpanel project, by its Connection."""

    conn_id: str
    client: MixpanelClient


@dataclass(frozen=True, slots=True)
class Instance:
    """A Marketo instance, by its Connection, and its fields."""

    conn_id: str
    client: MarketoClient
    limits: MarketoConnection
    fields: FreeFields


def open_project(conn_id: str, *, until: float = math.inf) -> Project:
    """Return a project; it is not asked for anything yet.

    :param until: when each call ends in any case, on the monotonic clock.
    :raises InvalidSetting: the Connection is not there, of another type, or wrong.
    """
    check_connection(conn_id, MixpanelHook.conn_type)
    client = MixpanelHook(conn_id).get_conn(patience_seconds=_PATIENCE_SECONDS)
    client.end_by(until)
    return Project(conn_id, client)


def open_instance(
    conn_id: str,
    store: Store,
    others: Iterable[OtherExport],
    *,
    may_name: Callable[[str], bool] = lambda _: True,
    until: float = math.inf,
) -> Instance:
    """Return an instance; it is not asked for anything yet.

    :param store: knows whose its fields are.
    :param others: the exports that are declared.
    :param may_name: whether the person may know of an export, by its name.
    :param until: when each call ends in any case, on the monotonic clock.
    :raises InvalidSetting: the Connection is not there, of another type, or wrong.
    """
    check_connection(conn_id, MarketoHook.conn_type)
    hook = MarketoHook(conn_id)
    client = hook.get_conn(patience_seconds=_PATIENCE_SECONDS)
    client.end_by(until)
    declared = [other for other in others if other.marketo_conn_id == conn_id]
    fields = FreeFields(client, store, declared, SystemClock(), may_name=may_name)
    return Instance(conn_id, client, hook.get_settings(), fields)
