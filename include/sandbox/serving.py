"""Serves the sandboxes on loopback: each behind uvicorn, in a thread of this process.

uvicorn answers 500 for an application that raises. A sandbox must be able to vanish instead, so its connections
hand the application the means to do so.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Protocol

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from include.sandbox.asgi import ABORT, asgi_app
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.wire import Vendor, Wire

LOOPBACK = "127.0.0.1"


class Sandbox(Vendor, Protocol):
    """A vendor with its wire."""

    wire: Wire


@dataclass(frozen=True, slots=True)
class Sandboxes:
    """Both sandboxes, and where they are served."""

    marketo: MarketoSandbox
    mixpanel: MixpanelSandbox
    marketo_url: str
    mixpanel_url: str


class _AbortableConnection(H11Protocol):
    """A connection whose application may close it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {ABORT: transport.abort}
            await app(scope, receive, send)

        self.app = with_abort


class _Server(uvicorn.Server):
    """A server that says when it has come up, and that stops at once."""

    def __init__(self, vendor: Sandbox) -> None:
        super().__init__(
            uvicorn.Config(
                asgi_app(vendor, vendor.wire),
                http=_AbortableConnection,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=1 << 20,  # so that too long a URI comes through, to be refused
            )
        )
        self.up = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # An injected hang would otherwise be waited for.
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)


@contextmanager
def serve(vendor: Sandbox, *, port: int = 0) -> Iterator[str]:
    """Serve one sandbox on loopback while the context lasts; yields its base URL.

    Raises:
        OSError: the port is taken (0 takes a free one).
    """
    listener = socket.create_server((LOOPBACK, port))
    server = _Server(vendor)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    if not server.up.wait(timeout=30):
        raise TimeoutError("the sandbox's server does not come up")
    try:
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def port_of(url: str) -> int:
    """Return the port of a base URL of ours."""
    return int(url.rpartition(":")[2])


@contextmanager
def port_kept(port: int) -> Iterator[None]:
    """Refuse connections to a port while the context lasts, and keep other programs from taking it."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind((LOOPBACK, port))
        yield


@contextmanager
def serve_both(
    marketo: MarketoSandbox, mixpanel: MixpanelSandbox, *, marketo_port: int = 0, mixpanel_port: int = 0
) -> Iterator[Sandboxes]:
    """Serve both sandboxes on loopback while the context lasts."""
    with ExitStack() as stack:
        marketo_url = stack.enter_context(serve(marketo, port=marketo_port))
        mixpanel_url = stack.enter_context(serve(mixpanel, port=mixpanel_port))
        yield Sandboxes(marketo, mixpanel, marketo_url, mixpanel_url)
