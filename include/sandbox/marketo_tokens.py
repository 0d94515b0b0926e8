"""The identity endpoint: one token at a time, which lives its hour whoever asks for another.

Errors have the shape of OAuth, not Marketo's envelope. The last second of a token is answered with
`expires_in` 0, as the real one has been seen to do.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/authentication
"""

import math
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from include.sandbox.clock import Clock
from include.sandbox.marketo_answers import Refused
from include.sandbox.wire import Request, Response, json_response

_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The custom service that may ask, and the API-only user it acts for."""

    client_id: str
    client_secret: str
    user: str


class Tokens:
    """The tokens of one custom service."""

    def __init__(self, credentials: Credentials, clock: Clock, *, seed: int) -> None:
        self._credentials = credentials
        self._clock = clock
        self._random = random.Random(f"tokens {seed}")  # noqa: S311 - repeatable on purpose
        self._current: str | None = None
        self._expires_at = 0.0
        self._expired: set[str] = set()

    def answer(self, request: Request, *, lifetime: float) -> Response:
        """Return the answer of /identity/oauth/token, asked by query string or by form."""
        if request.method not in {"GET", "POST"}:
            return _error(405, "method_not_allowed", "Only GET and POST are supported")
        parameters = request.query | (_form(request) if request.method == "POST" else {})
        refusal = self._refusal(parameters)
        if refusal is not None:
            return refusal
        token = self._token(lifetime)
        remaining = math.ceil(self._expires_at - self._clock.monotonic()) - 1
        body = {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": max(remaining, 0),
            "scope": self._credentials.user,
        }
        return json_response(body, headers=_NO_STORE)

    def check(self, request: Request) -> None:
        """See to it that a request carries the token, in its header: nowhere else is it read any more.

        Raises:
            Refused: 600, 601 or 602.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("600")
        self._expire_if_due()
        if token in self._expired:
            raise Refused("602")
        if token != self._current:
            raise Refused("601")

    def expire(self) -> None:
        """End the current token now: it is answered 602."""
        if self._current is not None:
            self._expired.add(self._current)
            self._current = None

    def revoke(self) -> None:
        """Forget the current token: it is answered 601."""
        self._current = None

    def _token(self, lifetime: float) -> str:
        self._expire_if_due()
        if self._current is None:
            self._current = f"{uuid.UUID(int=self._random.getrandbits(128), version=4)}:ab"
            self._expires_at = self._clock.monotonic() + lifetime
        return self._current

    def _expire_if_due(self) -> None:
        if self._clock.monotonic() >= self._expires_at:
            self.expire()

    def _refusal(self, parameters: Mapping[str, str]) -> Response | None:
        client_id = parameters.get("client_id", "")
        if client_id != self._credentials.client_id:
            return _error(401, "unauthorized", f"No client with requested id: {client_id}")
        if parameters.get("client_secret") != self._credentials.client_secret:
            return _error(401, "invalid_client", "Bad client credentials")
        grant_type = parameters.get("grant_type")
        if grant_type is None:
            return _error(400, "invalid_request", "Missing grant type")
        if grant_type != "client_credentials":
            return _error(400, "unsupported_grant_type", f"Unsupported grant type: {grant_type}")
        return None


def _form(request: Request) -> dict[str, str]:
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return request.form() if is_form else {}


def _error(status: int, error: str, description: str) -> Response:
    return json_response({"error": error, "error_description": description}, status, _NO_STORE)
