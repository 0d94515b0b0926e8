"""The wire of both sandbox servers: requests, responses, faults and the request log.

A vendor is a `Vendor`: plain synchronous Python with an injected clock, so that tests can call it without a
socket. `asgi.asgi_app` puts it behind a real HTTP server. Handling has two moments, because real servers have
them: `begin` runs when the request arrives, the `Step` it may return runs `latency` seconds later. What two
overlapping requests do to each other happens between the two.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

ADMIN_PREFIX = "/_sandbox/"
LOGGED_UPLOAD = 2_000


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
    """A request as the log keeps it, numbered in the order in which requests ended.

    `arrived_at` is the number that the log had come to when it arrived: it overlapped all those from there to its
    own. `outcome` is the HTTP status, or the fault that ate the answer.
    """

    number: int
    arrived_at: int
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

    def record(self, request: Request, outcome: str, *, arrived_at: int | None = None) -> None:
        """Add a request to the log; without `arrived_at` it took no time.

        Of a file that was uploaded only the beginning is kept, or the files would fill the log.
        """
        is_upload = request.headers.get("content-type", "").startswith("multipart/")
        body = request.body[:LOGGED_UPLOAD] if is_upload else request.body
        self.log.append(
            LoggedRequest(
                self.recorded,
                self.recorded if arrived_at is None else arrived_at,
                request.method,
                request.path,
                request.query,
                body.decode("utf-8", "replace"),
                outcome,
            )
        )
        self.recorded += 1
