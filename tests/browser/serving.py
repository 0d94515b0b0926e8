"""The page in Airflow's own app, served on loopback, with whatever exports are wanted. Nothing runs there."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import uvicorn
from airflow.utils.db import initdb

from include.demo.waiting import wait_for
from marketo_provider.state.store import LocalStore, Store
from tests.web.scenery import cookie_of, look_at, open_airflow

Scene = Callable[[Store], None]
_START = 60


@dataclass(frozen=True, slots=True)
class Deployment:
    """An Airflow whose exports are made up.

    Attributes:
        url: of its UI.
        folder: of its state stores, one a scene.
    """

    url: str
    folder: Path

    def show(self, scene: Scene) -> None:
        """Have the exports of a scene, and no others."""
        store = self.folder / scene.__name__
        store.mkdir()
        look_at(f"file://{store}")
        scene(LocalStore(store))

    def token(self, role: str) -> str:
        """Return what proves to Airflow that somebody of this role is logged in."""
        return cookie_of("somebody", role)["Cookie"].partition("=")[2]


@contextmanager
def served_deployment(folder: Path) -> Iterator[Deployment]:
    """Serve a deployment while the context lasts, from this process's own Airflow.

    Args:
        folder: for its state stores.
    """
    initdb()
    with patch.dict(os.environ):
        config = uvicorn.Config(open_airflow().app, host="127.0.0.1", port=0, log_level="warning")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run)
        thread.start()
        try:
            wait_for(
                lambda: server.started or None, seconds=_START, otherwise=lambda: "Airflow's app does not start."
            )
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Deployment(f"http://127.0.0.1:{port}", folder)
        finally:
            server.should_exit = True
            thread.join()
