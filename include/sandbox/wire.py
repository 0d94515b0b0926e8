"""The wire of both sandbox servers: requests, responses, faults and the request log.

A vendor is a `Vendor`: plain synchronous Python with an injected clock, so that tests can call it without a
socket. `asgi_app` puts it behind a real HTTP server. Handling has two moments, because real servers have
them: `begin` runs when the request arrives, the `Step` it may return runs `latency` seconds later. What two
overlapping requests do to each other happens between the two.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

ADMIN_PREFIX = "/_sandbox/"
ABORT = "sandbox.abort"
"""The ASGI extension that closes the connection without an answer: servers turn an exception into a 500."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, headers in lower case, query as sent (last value of a repeated key).

    `target` is path and query string before any decoding, for the limits on their length.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str = ""

    def form(self) -> dict[str, str]:
        """Return the body read as application/x-www-form-urlencoded."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """Return the body read as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Step = Callable[[], Response]


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `content` as a JSON response."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, {"content-type": "application/json;charset=UTF-8"} | (headers or {}))


class Vendor(Protocol):
    """A vendor's API."""

    def begin(self, request: Request) -> Response | Step:
        """Take a request as it arrives; return its answer, or what happens `latency` seconds later."""

    def admin(self, request: Request) -> Response:
        """Serve a request under `/_sandbox/`, which faults and the log do not touch."""


FaultKind = Literal["reset_before", "reset_after", "hang_after", "status", "body", "error_code", "delay"]


@dataclass(slots=True)
class Fault:
    """A fault to take effect on the next `times` requests whose path contains `path`, `skip` of them spared.

    Kinds: `reset_before` closes the connection before the vendor acts, `reset_after` once it has acted,
    `hang_after` acts, answers nothing for `seconds` and then closes the connection, `status` answers that
    HTTP status without acting, `body` acts and answers `body` instead, `error_code` answers the vendor's
    error envelope for `code` without acting, `delay` adds `seconds` between arrival and effect.
    """

    kind: FaultKind
    path: str = ""
    times: int = 1
    skip: int = 0
    status: int = 502
    code: str = ""
    body: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request as the log keeps it; `outcome` is the HTTP status, or the fault that ate the answer."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    body: str
    outcome: str


@dataclass(slots=True)
class Wire:
    """Faults waiting to take effect, and the log of what was asked."""

    error_body: Callable[[str], Response]
    faults: list[Fault] = field(default_factory=list)
    log: list[LoggedRequest] = field(default_factory=list)
    effects: dict[str, int] = field(default_factory=dict)
    latency: float = 0.0
    recorded: int = 0

    def reset(self) -> None:
        """Forget faults, effects and log, and take no time again."""
        self.faults.clear()
        self.log.clear()
        self.effects.clear()
        self.latency = 0.0
        self.recorded = 0

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault that takes effect on a request to `path`, used up by that."""
        for fault in self.faults:
            if fault.path not in path:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self.faults.remove(fault)
            self.effects[fault.kind] = self.effects.get(fault.kind, 0) + 1
            return fault
        return None

    def record(self, request: Request, outcome: str) -> None:
        """Add a request to the log."""
        self.log.append(
            LoggedRequest(
                self.recorded,
                request.method,
                request.path,
                request.query,
                request.body.decode("utf-8", "replace"),
                outcome,
            )
        )
        self.recorded += 1


def asgi_app(vendor: Vendor, wire: Wire) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the ASGI application that serves `vendor` behind `wire`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        http = HttpRequest(scope, receive)
        try:
            body = await http.body()
        except ClientDisconnect:
            return
        request = _request(scope, dict(http.headers), body)
        if request.path.startswith(ADMIN_PREFIX):
            await _answer(send, vendor.admin(request))
            return
        response = await _handle(vendor, wire, request, gone=lambda seconds: _gone(receive, seconds))
        if response is not None:
            await _answer(send, response)
            return
        abort = scope.get("extensions", {}).get(ABORT)
        if abort is None:
            raise ConnectionResetError
        abort()
        await _gone(receive, None)

    return app


def _request(scope: Scope, headers: dict[str, str], body: bytes) -> Request:
    query = scope["query_string"].decode("ascii", "replace")
    target = scope["raw_path"].decode("ascii", "replace") + (f"?{query}" if query else "")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    return Request(scope["method"], scope["path"], parameters, headers, body, target)


async def _handle(
    vendor: Vendor, wire: Wire, request: Request, *, gone: Callable[[float], Awaitable[None]]
) -> Response | None:
    fault = wire.take_fault(request.path)
    kind = fault.kind if fault else None
    if fault and kind == "reset_before":
        wire.record(request, kind)
        return None
    if fault and kind == "status":
        response = Response(fault.status, fault.body.encode(), {"content-type": "text/html"})
    elif fault and kind == "error_code":
        response = wire.error_body(fault.code)
    else:
        begun = vendor.begin(request)
        pause = wire.latency + (fault.seconds if fault and kind == "delay" else 0.0)
        if pause:
            await asyncio.sleep(pause)
        response = begun() if callable(begun) else begun
    if fault and kind == "body":
        response = Response(response.status, fault.body.encode(), response.headers)
    if fault and kind == "hang_after":
        wire.record(request, kind)
        await gone(fault.seconds)
        return None
    if fault and kind == "reset_after":
        wire.record(request, kind)
        return None
    wire.record(request, str(response.status))
    return response


async def _gone(receive: Receive, seconds: float | None) -> None:
    """Wait until the client has gone away, but no longer than `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass


async def _answer(send: Send, response: Response) -> None:
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
