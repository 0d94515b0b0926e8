"""What the state commands work on: the store, a target by its name, and Marketo by its Connection.

Airflow's configuration says where the store is, its Connections how Marketo is reached: by the hooks that the
operators use.
"""

import getpass
import os
import re
import secrets

from marketo_provider.clock import SystemClock
from marketo_provider.errors import FieldUnusable, InvalidSetting, StoreUnusable
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.lease import Lease
from marketo_provider.state.log import TargetLog
from marketo_provider.state.store import Store
from marketo_provider.sync.run import Work

_HOST = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?")
# Somebody is waiting at the terminal.
PATIENCE_SECONDS = 120.0


def open_store() -> tuple[Store, ProviderSettings]:
    """Return the store and the settings."""
    # Connections that are in Airflow's database are found from here as its own command line finds them.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from marketo_provider.hooks.state import provider_settings, state_store  # noqa: PLC0415 - needs Airflow

    settings = provider_settings()
    return state_store(settings), settings


def target_names(store: Store) -> list[str]:
    """Return the folders of all targets."""
    return [
        f"marketo/{host}/{field}"
        for host in store.names("marketo")
        for field in store.names(f"marketo/{host}")
        if field.isidentifier() and store.names(f"marketo/{host}/{field}/log")
    ]


def target_folder(name: str) -> str:
    """Return the folder of a target that was named.

    Raises:
        StoreUnusable: it is no target's name.
    """
    host, _, field = name.lower().partition("/")
    if not _HOST.fullmatch(host) or not field.isidentifier():
        raise StoreUnusable(f"{name!r} is no target; write <REST host>/<field>, as `state show` lists them.")
    return f"marketo/{host}/{field}"


def open_log(store: Store, folder: str) -> TargetLog:
    """Return the log of a target that is there.

    Raises:
        StoreUnusable: there is no such target.
    """
    log = TargetLog(store, folder, SystemClock())
    if not log.target.number:
        raise StoreUnusable(f"There is no target {folder.removeprefix('marketo/')}; see `state show`.")
    return log


def take_as() -> str:
    """Return the name under which a command holds a lease."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        user = f"user {os.getuid()}"
    return f"{user} at the command line/{secrets.token_hex(8)}"


def lease_of(log: TargetLog, settings: ProviderSettings) -> Lease:
    """Return a lease of this command's, not yet taken."""
    return Lease(
        log,
        take_as(),
        lease_seconds=settings.lease_seconds,
        replay_after_seconds=MarketoConnection.model_fields["replay_after_seconds"].default,
        clock=SystemClock(),
    )


def open_work(store: Store, settings: ProviderSettings, folder: str, conn_id: str, *, command: str) -> Work:
    """Return what a command works with that writes to a target.

    Raises:
        StoreUnusable: there is no such target.
        InvalidSetting: the Connection is not there, wrong, or of another instance.
        FieldUnusable: Marketo has no such field any more.
    """
    from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415 - as below

    from marketo_provider.hooks.marketo import MarketoHook  # noqa: PLC0415 - needs Airflow

    claim = open_log(store, folder).target.claim
    hook = MarketoHook(conn_id)
    try:
        limits = hook.get_settings()
    except AirflowNotFoundException:
        raise InvalidSetting(
            f"Airflow knows no Connection `{conn_id}`. Name that of the instance with --marketo-conn-id."
        ) from None
    host, field = folder.split("/")[1:]
    if limits.host != host:
        raise InvalidSetting(
            f"Connection `{conn_id}` is of {limits.host}, and the target of {host}. Name the Connection of that "
            "instance with --marketo-conn-id."
        )
    client = hook.get_conn(patience_seconds=PATIENCE_SECONDS)
    export = CohortExport(
        name=claim.export if claim else field,
        cohort_id=claim.cohort_id if claim else 1,
        marketo_field=_spelled(client, field),
        sync_type=claim.sync_type if claim else "dynamic",
    )
    holder = take_as()
    return Work(
        export=export,
        settings=settings,
        limits=limits,
        marketo=client,
        store=store,
        clock=SystemClock(),
        run_id=f"state {command}/{holder}",
        holder=holder,
    )


def _spelled(client: MarketoClient, field: str) -> str:
    """Return a field's name as Marketo spells it; the store has it in lower case."""
    for one in client.fields():
        if one.name.lower() == field:
            return one.name
    raise FieldUnusable(
        f"Marketo has no field {field} any more. Nothing was sent. Restore it in Marketo, or release the target."
    )


def say(text: str) -> None:
    """Print a line of a command's result."""
    print(text)  # noqa: T201 - what a command prints is its result
