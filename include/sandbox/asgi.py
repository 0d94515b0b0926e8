"""Puts a vendor and its wire behind an ASGI server: faults take effect here, and every request is logged."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from include.sandbox.wire import ADMIN_PREFIX, Request, Response, Vendor, Wire

ABORT = "sandbox.abort"
"""The ASGI extension that closes the connection without an answer: servers turn an exception into a 500."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


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
    record = partial(wire.record, request, arrived_at=wire.recorded)
    fault = wire.take_fault(request.path)
    kind = fault.kind if fault else None
    if fault and kind == "reset_before":
        record(kind)
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
        record(kind)
        await gone(fault.seconds)
        return None
    if fault and kind == "reset_after":
        record(kind)
        return None
    record(str(response.status))
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
