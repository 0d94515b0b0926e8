"""One HTTP exchange under a total deadline, a size cap and no redirects; both vendors' clients stand on it.

The `requests` library bounds silence, not duration: a body that trickles keeps a call alive for ever. Here
the time of an attempt ends at a value of the injected clock. What failed is told apart by the one question
that a writer must have answered: can the vendor have acted? `VendorUnavailable` means the request was never
sent, `NoAnswer` that it may have been carried out. This module knows no vendor and repeats nothing.

Not bounded here: name resolution.
"""

import io
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import IO, Any

import requests
from pydantic_core import to_json
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.util import Timeout

from marketo_provider.clock import Clock
from marketo_provider.connection_deadlines import end_connections_in_time
from marketo_provider.deadlines import Deadlines
from marketo_provider.errors import InvalidSetting, MarketoProviderError, NoAnswer, VendorUnavailable
from marketo_provider.multipart import Multipart, Upload

# Parsed, a hostile body is some forty times as large.
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_DOWNLOAD_BYTES = 256 * 1024 * 1024
_CONNECT_SECONDS = 10.0
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked; bodies stay out of the repr, since they hold addresses and secrets.

    `into`: a file, empty at each attempt, that takes the body of an answer which may be too large for memory.
    `most_bytes`: how large the answer's body may be, unpacked, where that is more than usual.
    """

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: object = field(default=None, repr=False)
    upload: Upload | None = None
    into: IO[bytes] | None = field(default=None, repr=False)
    most_bytes: int | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, complete, whatever its status; `body` is empty where the request said where to put it."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Transport:
    """A session bound to one server; safe to share between threads.

    Args:
        base_url: scheme and authority, without a slash at the end.
        session: brings proxies, TLS settings and adapters.
        clock: what deadlines are measured on.
    """

    def __init__(self, base_url: str, *, session: requests.Session, clock: Clock) -> None:
        self._base_url = base_url
        self._session = session
        self._clock = clock
        self._deadlines = Deadlines()
        self._bounded: BaseAdapter | None = None

    def send(self, request: Request, *, auth: AuthBase, deadline: float) -> Answer:
        """Carry out one attempt that ends by `deadline`.

        Raises:
            VendorUnavailable: the request was not sent.
            NoAnswer: it was, or may have been, and no complete answer came.
            InvalidSetting: no request can be made with these network settings.
        """
        remaining = deadline - self._clock.monotonic()
        if remaining <= 0:
            raise VendorUnavailable(f"The time for a request to {self._base_url} was over before it began.")
        with ExitStack() as until_the_end:
            form = None
            if request.upload:
                file = until_the_end.enter_context(request.upload.path.open("rb"))
                form = Multipart(request.upload, file, clock=self._clock, deadline=deadline)
            response = self._open(request, form, auth=auth, seconds=remaining)
            until_the_end.enter_context(closing(response))
            # Wakes a read that hangs on a silent socket; between reads `_body` sees the deadline itself.
            left = deadline - self._clock.monotonic()
            until_the_end.enter_context(self._deadlines.ending(partial(_shut, response), after=left))
            return Answer(response.status_code, response.headers, self._body(response, request, deadline))

    def _open(
        self, request: Request, form: Multipart | None, *, auth: AuthBase, seconds: float
    ) -> requests.Response:
        headers = {**self._session.headers, **(request.headers or {})}
        content: Mapping[str, str] | Multipart | bytes | None = form or request.form
        if form:
            headers["Content-Type"] = form.content_type
        if request.json is not None:
            headers, content = {"Content-Type": "application/json", **headers}, to_json(request.json)
        # Not the session's own: that would add its credentials, or those of a .netrc file, and cookies.
        prepared = requests.PreparedRequest()
        try:
            prepared.prepare(
                request.method,
                self._base_url + request.path,
                params=request.params,
                data=content,
                headers=headers,
                auth=auth,
            )
        except requests.exceptions.RequestException:
            raise self._cannot_ask() from None
        try:
            # Not the session: credentials must not travel to where a redirect points, and even one that it is
            # told not to follow it parses, and reads to the end of its body.
            return self._adapter(prepared).send(
                prepared,
                timeout=Timeout(total=seconds, connect=_CONNECT_SECONDS),  # type: ignore[arg-type] # documented
                **self._network,
            )
        except requests.exceptions.InvalidHeader:
            raise self._no_answer("its answer is not HTTP") from None
        except requests.exceptions.RequestException as error:
            raise self._failure(error) from None
        except HTTPError:
            raise self._no_answer("the connection failed") from None
        except OSError:
            raise self._cannot_ask() from None  # a CA bundle or client certificate that does not exist

    def _adapter(self, prepared: requests.PreparedRequest) -> BaseAdapter:
        adapter = self._session.get_adapter(self._base_url)
        if self._bounded is not adapter and isinstance(adapter, HTTPAdapter):
            network = {key: self._network[key] for key in ("verify", "proxies", "cert")}
            pool = adapter.get_connection_with_tls_context(prepared, **network)
            end_connections_in_time(pool, self._deadlines)
            self._bounded = adapter
        return adapter

    @cached_property
    def _network(self) -> dict[str, Any]:
        """Proxies and TLS settings. The environment is looked at once, as it is a fifth of a short call."""
        return dict(self._session.merge_environment_settings(self._base_url, {}, True, None, None))  # noqa: FBT003 - its signature

    def _body(self, response: requests.Response, request: Request, deadline: float) -> bytes:
        most = request.most_bytes or (MAX_DOWNLOAD_BYTES if request.into else MAX_BODY_BYTES)
        held = io.BytesIO()
        body = request.into or held
        body.seek(0)
        body.truncate()
        try:
            while self._clock.monotonic() < deadline:
                # read1 returns after one read of the socket; read and iter_content wait for a full chunk.
                chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
                if not chunk:
                    return held.getvalue()
                body.write(chunk)
                if body.tell() > most:
                    raise self._no_answer(f"the answer is larger than {most} bytes")
        except (HTTPError, OSError):
            raise self._no_answer("the answer broke off") from None
        raise self._no_answer("the answer did not end in time")

    def _failure(self, error: requests.exceptions.RequestException) -> MarketoProviderError:
        if _certificate_refused(error):
            return InvalidSetting(
                f"The TLS certificate of {self._base_url} is not trusted here; set `verify` in the extra of "
                "the Connection to the CA bundle of your network, or correct the address."
            )
        if _never_sent(error):
            return VendorUnavailable(
                f"{self._base_url} could not be reached; check the address, DNS, proxy and firewall."
            )
        if isinstance(error, requests.exceptions.Timeout):
            return self._no_answer("no answer came in time")
        if isinstance(error, ValueError):
            return self._cannot_ask()  # the library refuses an address or header before it sends anything
        return self._no_answer("the connection broke")

    def _cannot_ask(self) -> InvalidSetting:
        return InvalidSetting(
            f"No request to {self._base_url} can be made with the network settings of this Connection; "
            "check `proxies`, `verify` and `cert` in its extra."
        )

    def _no_answer(self, why: str) -> NoAnswer:
        return NoAnswer(f"A request to {self._base_url} may have been carried out, but {why}.")


def _shut(response: requests.Response) -> None:
    with suppress(HTTPError, OSError, RuntimeError, ValueError):  # the answer was complete just before
        response.raw.shutdown()


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _certificate_refused(error: requests.exceptions.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, Urllib3SSLError) and any(
        isinstance(arg, ssl.SSLCertVerificationError) for arg in reason.args
    )
