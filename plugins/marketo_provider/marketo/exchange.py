"""Carries one request to Marketo through to an answer or a typed error: token, limits, retries, counting.

No endpoint mentions any of these. An attempt ends in one of the kinds of `codes.Kind`, and the kind alone
decides: whether it is repeated, how long is waited before, and which error is raised in the end. What may have
been executed is repeated here only for reads; of writes it is the caller who knows when that is safe.
"""

import math
import random as random_module
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from threading import Lock
from typing import IO, TypeVar

import requests
from pydantic import ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception

from marketo_provider.clock import Clock
from marketo_provider.errors import NoAnswer, VendorUnavailable
from marketo_provider.marketo.answers import Envelope
from marketo_provider.marketo.auth import Bearer, Tokens
from marketo_provider.marketo.codes import Kind, Meaning, http_meaning, is_free, meaning
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.marketo.failures import Failed
from marketo_provider.marketo.limits import WINDOW_SECONDS, CallLimits, Share
from marketo_provider.marketo.models import FailedRequest
from marketo_provider.transport import MAX_BODY_BYTES, Answer, Request, Transport

T = TypeVar("T")
S = TypeVar("S")

_ATTEMPT_SECONDS = 100.0  # Marketo ends Sync Leads itself after 90
_TOKEN_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0
_REPEATS = {Kind.TOKEN: 3, Kind.UNKNOWN: 2}  # what waiting alone does not cure
_UNREADABLE_CODE = "unreadable"
_UNREADABLE = Meaning(Kind.UNSURE, "the answer is not what its documentation says")


class Exchange:
    """The calls of one client; safe to share between threads.

    Args:
        connection: the instance, its account and its limits.
        session: brings proxies, TLS settings and adapters.
        clock: measures deadlines and waits.
        patience_seconds: how long a call is repeated that brings no deadline of its own.
        random: spreads waits; a number from 0 to 1.
    """

    def __init__(
        self,
        connection: MarketoConnection,
        *,
        session: requests.Session,
        clock: Clock,
        patience_seconds: float,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._host = connection.host
        self._clock = clock
        self._patience_seconds = patience_seconds
        self.until = math.inf
        self._random = random
        self._transport = Transport(connection.rest_url, session=session, clock=clock)
        self._tokens = Tokens(connection, transport=self._transport, clock=clock)
        share = Share(connection.calls_per_20_seconds, connection.concurrent_calls)
        self.limits = CallLimits(lambda: share, clock)
        self._lock = Lock()
        self.calls = 0
        self.failed_requests: list[FailedRequest] = []

    def deadline(self) -> float:
        """Return until when a call is repeated that begins now, on the monotonic clock."""
        return min(self._clock.monotonic() + self._patience_seconds, self.until)

    def ask(
        self,
        request: Request,
        read: Callable[[bytes], T],
        *,
        deadline: float,
        writes: bool = False,
    ) -> T:
        """Return what `read` makes of the answer's body.

        Args:
            request: what is asked.
            read: turns the body of a successful answer into values; a ValueError means it cannot be understood.
            deadline: no attempt begins after it, nor lasts beyond it.
            writes: the request must not be repeated where it may have been executed.

        Raises:
            AccessDenied: credentials, permission or the instance's list of allowed addresses.
            QuotaExhausted: the calls of the day are spent.
            RequestRefused: nothing was executed, and the same request would be refused again.
            VendorUnavailable: nothing was executed (or only reads were), to the end of the time.
            NoAnswer: a write may or may not have been executed.
        """
        return self._carry_through(request, lambda answer: self._value(answer, read), deadline, writes=writes)

    def download(self, request: Request, into: IO[bytes], *, deadline: float) -> bool:
        """Put the CSV file that is asked for into an open one; False where there is none (404).

        An answer that is no CSV is an envelope, with an error, and is treated as in `ask`, as are all others.
        """

        def take(answer: Answer) -> bool:
            if answer.status == HTTPStatus.NOT_FOUND:
                return False
            if answer.status == HTTPStatus.OK and answer.headers.get("Content-Type", "").startswith("text/csv"):
                return True
            into.seek(0)
            return self._value(replace(answer, body=into.read(MAX_BODY_BYTES)), _no_file)

        return self._carry_through(replace(request, into=into), take, deadline, writes=False)

    def _carry_through(self, request: Request, take: Callable[[Answer], T], deadline: float, *, writes: bool) -> T:
        repeats = dict(_REPEATS)

        def again(error: BaseException) -> bool:
            if not isinstance(error, Failed):
                return False
            if error.kind in repeats:
                repeats[error.kind] -= 1
                return repeats[error.kind] >= 0
            return error.kind in {Kind.THROTTLED, Kind.NOT_EXECUTED} or (error.kind is Kind.UNSURE and not writes)

        def pause(state: RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome else None
            kind = failure.kind if isinstance(failure, Failed) else None
            if kind is Kind.THROTTLED:
                return WINDOW_SECONDS * (1 + self._random() / 4)
            if kind is Kind.TOKEN:
                return _TOKEN_PAUSE_SECONDS * (_REPEATS[Kind.TOKEN] - repeats[Kind.TOKEN] - 1)
            return min(_LONGEST_PAUSE_SECONDS, 2.0 ** (state.attempt_number - 1)) * (1 + self._random()) / 2

        retrying = Retrying(
            retry=retry_if_exception(again),
            wait=pause,
            stop=lambda state: self._clock.monotonic() + state.upcoming_sleep >= deadline,
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            value: T = retrying(self._attempt, request, take, deadline)
        except Failed as failure:
            error = failure.error
        else:
            return value
        if isinstance(error, NoAnswer) and not writes:
            error = VendorUnavailable(str(error), code=error.code, request_id=error.request_id)
        raise error

    def _attempt(self, request: Request, take: Callable[[Answer], T], deadline: float) -> T:
        with self.limits.slot(deadline):
            token = self._reach(lambda: self._tokens.current(deadline))
            ends_at = min(deadline, self._clock.monotonic() + _ATTEMPT_SECONDS)
            answer = self._reach(lambda: self._transport.send(request, auth=Bearer(token), deadline=ends_at))
        try:
            value = take(answer)
        except Failed as failure:
            if failure.kind is Kind.TOKEN:
                self._tokens.discard(token)
            raise
        self._count()
        return value

    def _reach(self, step: Callable[[], S]) -> S:
        try:
            return step()
        except VendorUnavailable as error:
            raise Failed(Kind.NOT_EXECUTED, error) from None
        except NoAnswer as error:
            self._count()  # Marketo may have taken it
            raise Failed(Kind.UNSURE, error) from None

    def _value(self, answer: Answer, read: Callable[[bytes], T]) -> T:
        if answer.status != HTTPStatus.OK:
            raise self._failed(str(answer.status), None, http_meaning(answer.status))
        try:
            envelope = Envelope.model_validate_json(answer.body)
        except ValidationError:
            raise self._failed(_UNREADABLE_CODE, None, _UNREADABLE) from None
        if not envelope.success and envelope.errors:
            code = envelope.errors[0].code
            raise self._failed(code, envelope.request_id, meaning(code))
        try:
            if envelope.success:
                return read(answer.body)
        except ValueError:
            pass  # the same as a failure that names no error
        raise self._failed(_UNREADABLE_CODE, envelope.request_id, _UNREADABLE)

    def _failed(self, code: str, request_id: str | None, what: Meaning) -> Failed:
        self.failed_requests.append(FailedRequest(code, request_id))
        if not is_free(code):
            self._count()
        return Failed.answered(self._host, FailedRequest(code, request_id), what, now=self._clock.now())

    def _count(self) -> None:
        with self._lock:
            self.calls += 1


def _no_file(_: bytes) -> bool:
    raise ValueError("success, and no file")
