"""What the tests of the Mixpanel sandbox share: a clock they move, and a caller that needs no socket."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.wire import Request, Response, Step

USERNAME = "export.abc123.mp-service-account"
SECRET = "a-secret"
PROJECT = 12345
ENGAGE = "/api/query/engage"
COHORTS = "/api/query/cohorts/list"
ME = "/api/app/me"
COHORT = 1001


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self._started = self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds since the test began."""
        return (self._now - self._started).total_seconds()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)


@dataclass(slots=True)
class Caller:
    """Calls the sandbox with good credentials, unless told otherwise."""

    clock: FakeClock = field(default_factory=FakeClock)
    secret: str = SECRET
    project_id: str = str(PROJECT)
    sandbox: MixpanelSandbox = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = MixpanelSandbox(self.clock, username=USERNAME, secret=SECRET, project_id=PROJECT)

    def begin(self, path: str, body: bytes = b"", *, method: str = "POST", **query: str) -> Response | Step:
        """Let a request arrive."""
        basic = base64.b64encode(f"{USERNAME}:{self.secret}".encode()).decode()
        headers = {"authorization": f"Basic {basic}"}
        project = {"project_id": self.project_id} if self.project_id else {}
        return self.sandbox.begin(Request(method, path, project | query, headers, body))

    def call(self, path: str, body: bytes = b"", *, method: str = "POST", **query: str) -> Response:
        """Let a request arrive, and be done."""
        begun = self.begin(path, body, method=method, **query)
        return begun() if callable(begun) else begun

    def engage(self, **form: object) -> Response:
        """Ask for a page of the cohort, as the vendor's page on it shows."""
        fields = {"filter_by_cohort": json.dumps({"id": COHORT})} | form
        return self.call(ENGAGE, urlencode(fields).encode())

    def page(self, **form: object) -> dict[str, Any]:
        """Return the body of a page that must come."""
        response = self.engage(**form)
        assert response.status == 200, response.body
        page: dict[str, Any] = json.loads(response.body)
        return page

    def admin(self, route: str, body: object = None, **query: str) -> Any:
        """Call the admin API with a route such as "POST cohort", which must work."""
        method, name = route.split()
        content = b"" if body is None else json.dumps(body).encode()
        response = self.sandbox.admin(Request(method, f"/_sandbox/{name}", query, {}, content))
        assert response.status == 200, response.body
        return json.loads(response.body)

    def members(self, *ids: str | int, email: str | None = "one@example.com") -> None:
        """Make these the members of the cohort, each with a profile."""
        properties = {"$name": "One"} if email is None else {"$name": "One", "$email": email}
        self.admin("POST profiles", [{"distinct_id": id_, "properties": properties} for id_ in ids])
        self.admin("POST cohort", {"id": COHORT, "members": list(ids)})


def body_of(response: Response) -> Any:
    """Return a response's JSON."""
    return json.loads(response.body)


def ids_of(page: dict[str, Any]) -> list[str | int]:
    """Return the distinct ids of a page, in order."""
    return [row["$distinct_id"] for row in page["results"]]
