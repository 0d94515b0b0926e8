"""Carries one request to Mixpanel through to an answer or a typed error; no endpoint mentions retries.

Everything asked here only reads, so whatever may pass is repeated with the request unchanged: a page that lost
its `session_id` on the way would become a query that counts against the 60 an hour
(https://docs.mixpanel.com/reference/rate-limits).
"""

import math
import random as random_module
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

import requests
from requests.auth import HTTPBasicAuth
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from marketo_provider.clock import Clock
from marketo_provider.errors import (
    AccessDenied,
    MarketoProviderError,
    NoAnswer,
    RateLimited,
    RequestRefused,
    VendorUnavailable,
)
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.transport import Answer, Request, Transport

T = TypeVar("T")

_ATTEMPTS = 10
_LONGEST_PAUSE_SECONDS = 300.0
_LONGEST_RETRY_AFTER_SECONDS = 60
_MOST_RETRY_AFTER_SECONDS = 3600  # limits are by the hour
_DENIED = {
    400: "the project id, the user name or the secret is wrong",
    401: "the user name or the secret is wrong, or the account has expired or belongs to another region",
    402: "the project's plan does not include the Query API; it needs a Growth or Enterprise plan",
    403: "the account has no permission for the project; add it there, as Consumer at least",
    404: "the project is not there; check the project id and the region",
}


class _Failed(Exception):
    """An attempt that may be repeated; `error` is what the caller gets in the end."""

    def __init__(self, error: MarketoProviderError, *, pause: int | None = None) -> None:
        super().__init__()
        self.error = error
        self.pause = pause


class Exchange:
    """The calls of one client; safe to share between threads.

    Args:
        connection: the project and its service account.
        session: brings proxies, TLS settings and adapters.
        clock: measures time and waits.
        patience_seconds: how long a call is repeated.
        random: spreads waits; a number from 0 to 1.
    """

    def __init__(
        self,
        connection: MixpanelConnection,
        *,
        session: requests.Session,
        clock: Clock,
        patience_seconds: float,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._clock = clock
        self._patience_seconds = patience_seconds
        self.until = math.inf
        self._random = random
        self.slot: Callable[[], AbstractContextManager[None]] = nullcontext
        self._transport = Transport(connection.base_url, session=session, clock=clock)
        # As bytes, since requests would encode text as Latin-1.
        self._auth = HTTPBasicAuth(connection.username.encode(), connection.secret.get_secret_value().encode())
        self._asked = (
            f"Mixpanel ({connection.base_url}, region {connection.region}) when asked for project "
            f"{connection.project_id}"
        )

    def ask(self, request: Request, read: Callable[[bytes], T], *, seconds: float) -> T:
        """Return what `read` makes of the answer's body.

        Args:
            request: what is asked.
            read: turns the body into values; a ValueError means it cannot be understood.
            seconds: how long one attempt may take.

        Raises:
            AccessDenied: of the account, the project, the region or the plan.
            RequestRefused: the same request would be refused again.
            RateLimited: the project's queries are used up for longer than is waited here.
            VendorUnavailable: no complete answer came, to the end of the time.
        """
        deadline = min(self._clock.monotonic() + self._patience_seconds, self.until)
        out_of_attempts = stop_after_attempt(_ATTEMPTS)
        retrying = Retrying(
            retry=retry_if_exception_type(_Failed),
            wait=self._pause,
            stop=lambda state: (
                out_of_attempts(state) or self._clock.monotonic() + state.upcoming_sleep >= deadline
            ),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            value: T = retrying(self._attempt, request, read, seconds, deadline)
        except _Failed as failure:
            error = failure.error
        else:
            return value
        raise error

    def _pause(self, state: RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, _Failed) and failure.pause:
            return failure.pause + self._random()
        return min(_LONGEST_PAUSE_SECONDS, 2.0 ** (state.attempt_number - 1)) * (1 + self._random()) / 2

    def _attempt(self, request: Request, read: Callable[[bytes], T], seconds: float, deadline: float) -> T:
        try:
            with self.slot():
                ends_at = min(deadline, self._clock.monotonic() + seconds)
                answer = self._transport.send(request, auth=self._auth, deadline=ends_at)
        except (NoAnswer, VendorUnavailable) as error:
            raise _Failed(VendorUnavailable(f"No answer from {self._asked}: {error}")) from None
        if answer.status == HTTPStatus.OK:
            try:
                return read(answer.body)
            except ValueError:
                raise self._unavailable("an answer that its documentation does not know") from None
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise self._limited(answer)
        raise self._refusal(answer.status)

    def _refusal(self, status: int) -> Exception:
        if status // 100 not in {3, 4} or status == HTTPStatus.REQUEST_TIMEOUT:
            return self._unavailable(f"HTTP {status}", code=str(status))
        if status in _DENIED:
            return AccessDenied(f"HTTP {status} from {self._asked}: {_DENIED[status]}.", code=str(status))
        return RequestRefused(
            f"HTTP {status} from {self._asked}; check the region and host of the Connection.", code=str(status)
        )

    def _unavailable(self, what: str, *, code: str | None = None) -> _Failed:
        return _Failed(VendorUnavailable(f"Got {what} from {self._asked}.", code=code))

    def _limited(self, answer: Answer) -> Exception:
        stated = re.fullmatch(r"[0-9]{1,6}", answer.headers.get("Retry-After", ""))
        seconds = min(int(stated[0]), _MOST_RETRY_AFTER_SECONDS) if stated else _LONGEST_RETRY_AFTER_SECONDS
        error = RateLimited(
            f"Too many queries for {self._asked}, by everybody who uses the project; wait, or find which tool "
            "asks so much.",
            resume_at=self._clock.now() + timedelta(seconds=seconds),
            code=str(answer.status),
        )
        if seconds > _LONGEST_RETRY_AFTER_SECONDS:
            return error
        return _Failed(error, pause=seconds if stated else None)
