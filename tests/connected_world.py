"""A world whose two vendors the hooks find by Airflow's Connections, without a socket."""

import json
from pathlib import Path

import pytest
import requests

from tests.sync.world import MARKETO_URL, MIXPANEL_URL, InProcess, World

ANN, BOB = "ann@example.com", "bob@example.com"
SECRET = "hush"


def connected_world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world with a cohort of four profiles, two of whom have an address; Marketo knows one of these.

    Args:
        folder: of the state store.
        monkeypatch: undoes it.
    """
    world = World(folder)
    monkeypatch.setenv("AIRFLOW__MARKETO_PROVIDER__STATE_URL", str(folder))
    # As Airflow's server and its own command line find Connections.
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    credentials = world.marketo.credentials
    connect(
        monkeypatch,
        "marketo_default",
        conn_type="marketo",
        host=MARKETO_URL,
        login=credentials.client_id,
        password=credentials.client_secret,
    )
    connect(
        monkeypatch,
        "mixpanel_default",
        conn_type="mixpanel",
        host=MIXPANEL_URL,
        login="robot",
        password=SECRET,
        extra={"project_id": 7},
    )

    def session(_: object) -> requests.Session:
        session = requests.Session()
        session.mount(MARKETO_URL, InProcess(world.marketo, world.marketo.wire, world.clock))
        session.mount(MIXPANEL_URL, InProcess(world.mixpanel, world.mixpanel.wire, world.clock))
        return session

    for module in ("hooks.marketo", "hooks.mixpanel"):
        monkeypatch.setattr(f"marketo_provider.{module}.http_session", session)
    for module in ("hooks.marketo", "hooks.mixpanel", "hooks.setting_up"):
        monkeypatch.setattr(f"marketo_provider.{module}.SystemClock", lambda: world.clock)
    world.set_cohort([ANN, BOB, None, "no address"])
    world.add_lead(ANN)
    return world


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str, **parts: object) -> None:
    """Set a Connection."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(parts))


def created(world: World) -> list[str]:
    """Return the names of the fields that were created by the API."""
    return [field.name for field in world.marketo.instance.catalog if field.api_created]
