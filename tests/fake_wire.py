"""A clock that jumps and a scripted adapter: the clients' tests run a real `requests` session between them."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


class FakeClock:
    """Time that passes only when somebody sleeps, or a test says so."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.naps: list[float] = []
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the start plus what has passed."""
        return START + timedelta(seconds=self.time - 1000.0)

    def monotonic(self) -> float:
        """Return the seconds that have passed, from 1000."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once, and note the nap."""
        with self._lock:
            self.naps.append(seconds)
            self.time += seconds


@dataclass(frozen=True)
class Reply:
    """An answer to be given; `content` is sent as JSON unless it is bytes or a stream."""

    content: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Step = Reply | Exception | Callable[[requests.PreparedRequest], Reply]


class FakeAdapter(BaseAdapter):
    """Answers requests from a script, and keeps them."""

    def __init__(self, *script: Step) -> None:
        super().__init__()
        self.script = list(script)
        self.requests: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []

    def send(  # type: ignore[override] # only what a test looks at is named
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        """Answer as the script says."""
        self.requests.append(request)
        self.timeouts.append(options["timeout"])
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        reply = step if isinstance(step, Reply) else step(request)
        return build_response(request, reply)

    def close(self) -> None:
        """Hold nothing open."""


def build_response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    """Return what a real adapter would make of a reply."""
    content = reply.content
    if not isinstance(content, bytes | io.IOBase):
        content = json.dumps(content).encode()
    body = io.BytesIO(content) if isinstance(content, bytes) else content
    raw = HTTPResponse(body=body, headers=reply.headers, status=reply.status, preload_content=False)
    return HTTPAdapter().build_response(request, raw)


def session_with(adapter: BaseAdapter) -> requests.Session:
    """Return a real session whose every request goes to `adapter`."""
    session = requests.Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def body_of(request: requests.PreparedRequest) -> str:
    """Return a request's body as text."""
    body = request.body or ""
    return body.decode() if isinstance(body, bytes) else str(body)


def shown(error: BaseException) -> str:
    """Return all that a log would show of an error, with what it shows of the errors behind it."""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{error!r} {error} {getattr(error, 'code', '')} {shown(behind) if behind else ''}"
