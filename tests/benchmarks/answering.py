"""Sync Leads at its cheapest: a process of its own that answers after a while and checks nothing."""

import asyncio
import json
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection

import requests

from marketo_provider.sync.batches import MOST_RECORDS

_TOKEN = {"access_token": "bench", "token_type": "bearer", "expires_in": 3599, "scope": "bench"}
_USAGE = {"requestId": "1#1", "success": True, "result": [{"date": "2026-01-01", "total": 0, "users": []}]}
_END_OF_HEADERS = b"\r\n\r\n"
_NUMBERS = re.compile(rb"\.(\d+)@")  # of the addresses that `addresses` makes: a lead's id is one more


@dataclass(frozen=True, slots=True)
class Server:
    """A server under way."""

    url: str

    def calls(self) -> int:
        """Return how many Sync Leads calls came since it was last asked."""
        counted: int = requests.get(f"{self.url}/calls", timeout=10).json()
        return counted


@contextmanager
def serve(latency_seconds: float) -> Iterator[Server]:
    """Serve on loopback, in another process, while the context lasts."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, latency_seconds), daemon=True)
    process.start()
    try:
        yield Server(f"http://127.0.0.1:{here.recv()}")
    finally:
        process.terminate()
        process.join()


def _serve(parent: Connection, latency_seconds: float) -> None:
    asyncio.run(_listen(parent, latency_seconds))


async def _listen(parent: Connection, latency_seconds: float) -> None:
    served = _Served(latency_seconds)
    server = await asyncio.get_running_loop().create_server(lambda: _Answering(served), "127.0.0.1", 0)
    parent.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Served:
    def __init__(self, latency_seconds: float) -> None:
        self.latency_seconds = latency_seconds
        self.calls = 0


class _Answering(asyncio.Protocol):
    """One connection; its requests come one after the other."""

    def __init__(self, served: _Served) -> None:
        self._served = served
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a request is complete."""
        self._received += data
        head, end, body = self._received.partition(_END_OF_HEADERS)
        if not end or len(body) < _length(head):
            return
        self._received = b""
        if head.startswith(b"POST /rest/v1/leads.json"):
            self._served.calls += 1
            known = _NUMBERS.findall(body) if b'"updateOnly"' in body else []
            answer = _results(body.count(b"{") - 1, *known)
            asyncio.get_running_loop().call_later(self._served.latency_seconds, self._write, answer)
        elif head.startswith(b"GET /calls"):
            self._write(_response(self._served.calls))
            self._served.calls = 0
        else:
            self._write(_response(_TOKEN if b"oauth" in head.partition(b"\r\n")[0] else _USAGE))

    def _write(self, answer: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(answer)


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0] or 0)


def _results(records: int, *known: bytes) -> bytes:
    if records > MOST_RECORDS:
        raise ValueError("more records than Marketo takes")
    if not known:
        return _created(records)
    result = b",".join([b'{"id":%d,"status":"updated"}' % (int(each) + 1) for each in known])
    return _raw(b'{"requestId":"e42b#14272d07d78","success":true,"result":[%s]}' % result)


@cache
def _created(records: int) -> bytes:
    result = [{"id": 1_000_000 + number, "status": "created"} for number in range(records)]
    return _response({"requestId": "e42b#14272d07d78", "success": True, "result": result})


def _response(content: object) -> bytes:
    return _raw(json.dumps(content, separators=(",", ":")).encode())


def _raw(body: bytes) -> bytes:
    headers = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return headers.encode() + body
