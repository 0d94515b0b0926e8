"""A client between a scripted Marketo and a clock that jumps."""

from typing import Any

import requests

from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from tests.fake_wire import FakeAdapter, FakeClock, Reply, Step, session_with

TOKEN_PATH = "/identity/oauth/token"


class FakeMarketo(FakeAdapter):
    """Gives out a new token whenever it is asked, unless told otherwise, and answers the rest from the script."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[Step] = []
        self.token_requests: list[requests.PreparedRequest] = []

    def send(  # type: ignore[override] # as in FakeAdapter
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        """Answer as the two scripts say."""
        if TOKEN_PATH not in str(request.url):
            return super().send(request, **options)
        self.token_requests.append(request)
        step = self.tokens.pop(0) if self.tokens else Reply(grant(f"token-{len(self.token_requests)}"))
        return FakeAdapter(step).send(request, **options)

    @property
    def bearers(self) -> list[str]:
        """The token of each request, without the word before it."""
        return [request.headers["Authorization"].removeprefix("Bearer ") for request in self.requests]


class World:
    """Everything a test of the client touches."""

    def __init__(self, **extra: Any) -> None:
        self.clock = FakeClock()
        self.marketo = FakeMarketo()
        self.connection = MarketoConnection.from_parts(
            "mkto", host="123-ABC-456", login="client-id", password="s3cret", extra=extra
        )
        self.client = MarketoClient(
            self.connection, session=session_with(self.marketo), clock=self.clock, random=lambda: 0.5
        )

    def answer(self, *script: Step) -> None:
        """Add to the script."""
        self.marketo.script += script

    def deadline(self, seconds: float = 300.0) -> float:
        """Return the deadline that is so far away."""
        return self.clock.time + seconds


def grant(token: str, *, expires_in: int = 3600) -> dict[str, object]:
    """Return the body of a token answer."""
    return {"access_token": token, "token_type": "bearer", "expires_in": expires_in, "scope": "api@example.com"}
