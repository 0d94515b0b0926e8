"""The access token of one client: kept until it expires, asked for once whoever needs it.

Marketo hands out the same token, with less time left, until it expires; asking early gains nothing. So a
token is used to its end, and one that Marketo refuses (601, 602) is dropped and asked for again
(https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/authentication).
The secret travels in the body of the POST, since URLs end up in logs.
"""

from http import HTTPStatus
from threading import Lock

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from requests.auth import AuthBase

from marketo_provider.clock import Clock
from marketo_provider.errors import AccessDenied, NoAnswer, RequestRefused, VendorUnavailable
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.transport import Answer, Request, Transport

_ATTEMPT_SECONDS = 30.0
_REFUSALS = {400, 401, 403}
_NOT_HERE = {3, 4}  # classes of HTTP status
_CHECK_CREDENTIALS = (
    "check the client id and secret against Admin > Integration > LaunchPoint, and that the custom service and "
    "its API-only user still exist"
)


class Bearer(AuthBase):
    """Sends a token in the header, the only place where Marketo still takes it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _NoAuth(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Grant(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(pattern=r"^[\x21-\x7e]+$", max_length=4096, repr=False)
    expires_in: int = Field(ge=0, le=366 * 86_400)


class _OAuthError(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    error: str = Field(min_length=1, repr=False)


class Tokens:
    """Hands the current token to every thread.

    Args:
        connection: the credentials.
        transport: reaches the instance.
        clock: tells when a token has expired.
    """

    def __init__(self, connection: MarketoConnection, *, transport: Transport, clock: Clock) -> None:
        self._connection = connection
        self._transport = transport
        self._clock = clock
        self._lock = Lock()
        self._token: str | None = None
        self._expires_at = 0.0

    def current(self, deadline: float) -> str:
        """Return a token that has not expired.

        Raises:
            AccessDenied: Marketo refuses the credentials.
            RequestRefused: the identity endpoint is not where it should be.
            VendorUnavailable: no token could be had now.
        """
        with self._lock:
            if self._token is None or self._clock.monotonic() >= self._expires_at:
                self._fetch(deadline)
            return self._token or ""

    def discard(self, token: str) -> None:
        """Forget a token that Marketo refused, unless another thread has replaced it already."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _fetch(self, deadline: float) -> None:
        asked_at = self._clock.monotonic()
        request = Request(
            "POST",
            "/identity/oauth/token",
            form={
                "grant_type": "client_credentials",
                "client_id": self._connection.client_id,
                "client_secret": self._connection.client_secret.get_secret_value(),
            },
        )
        try:
            answer = self._transport.send(
                request, auth=_NoAuth(), deadline=min(deadline, asked_at + _ATTEMPT_SECONDS)
            )
        except NoAnswer:
            raise VendorUnavailable(f"{self._connection.host} did not answer when asked for a token.") from None
        grant = self._read(answer)
        if grant.expires_in == 0:
            # Seen in production at the turn from one token to the next; a moment later there is a new one.
            raise VendorUnavailable(f"{self._connection.host} gave out a token in its last second.")
        self._token, self._expires_at = grant.access_token, asked_at + grant.expires_in

    def _read(self, answer: Answer) -> _Grant:
        host, status = self._connection.host, str(answer.status)
        if answer.status in _REFUSALS or (answer.status == HTTPStatus.OK and _is_oauth_error(answer.body)):
            raise AccessDenied(f"{host} refuses the credentials; {_CHECK_CREDENTIALS}.", code=status)
        if answer.status // 100 in _NOT_HERE and answer.status != HTTPStatus.TOO_MANY_REQUESTS:
            raise RequestRefused(
                f"{host} gives out no tokens (HTTP {status}); check the REST URL of the Connection.", code=status
            )
        try:
            if answer.status == HTTPStatus.OK:
                return _Grant.model_validate_json(answer.body)
        except ValidationError:
            pass  # the same as no token
        raise VendorUnavailable(f"{host} answered HTTP {status} without a token.", code=status)


def _is_oauth_error(body: bytes) -> bool:
    try:
        _OAuthError.model_validate_json(body)
    except ValidationError:
        return False
    return True
