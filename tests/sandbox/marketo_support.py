"""What the tests of the Marketo sandbox share: a caller that has a token and needs no socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from include.sandbox.marketo import TOKEN_PATH, MarketoSandbox
from include.sandbox.marketo_limits import Limits
from include.sandbox.wire import Request, Response, Step
from tests.sandbox.mixpanel_support import FakeClock

LEADS = "/rest/v1/leads.json"
FLAG = "mixpanelTrialUsers"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Caller:
    """Calls a sandbox that has one custom Boolean field, with good credentials unless told otherwise."""

    limits: Limits = field(default_factory=Limits)
    clock: FakeClock = field(default_factory=FakeClock)
    sandbox: MarketoSandbox = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = MarketoSandbox(self.clock, 1, limits=self.limits)
        self.add_field(FLAG, "Mixpanel Trial Users")
        self.token = body_of(self.ask_token())["access_token"]

    def ask_token(
        self, wrong: Mapping[str, str] | None = None, *, method: str = "GET", form: bool = False
    ) -> Response:
        """Ask the identity endpoint, in the query string or by form, with `wrong` in place of what is right."""
        credentials = self.sandbox.credentials
        parameters = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        } | dict(wrong or {})
        body = urlencode(parameters).encode() if form else b""
        headers = {"content-type": FORM} if form else {}
        query = {} if form else parameters
        return done(self.sandbox.begin(Request(method, TOKEN_PATH, query, headers, body)))

    def begin(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = JSON,
        query: Mapping[str, str] | None = None,
    ) -> Response | Step:
        """Let a request arrive."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": content_type}
        parameters = dict(query or {})
        target = f"{path}?{urlencode(parameters)}"
        return self.sandbox.begin(Request(method, path, parameters, headers, body, target))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """Return what a GET is answered."""
        return body_of(done(self.begin("GET", path, query=query)))

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Return what a POST of JSON is answered."""
        return body_of(done(self.begin("POST", path, json.dumps(body).encode())))

    def begin_sync(self, *records: Mapping[str, object], **options: object) -> Response | Step:
        """Let a Sync Leads arrive."""
        return self.begin("POST", LEADS, json.dumps({"input": records} | options).encode())

    def sync(self, *records: Mapping[str, object], **options: object) -> list[dict[str, Any]]:
        """Return the results of a Sync Leads that must be taken."""
        return results_of(done(self.begin_sync(*records, **options)))

    def find(self, filter_type: str, *values: object, **query: str) -> list[dict[str, Any]]:
        """Return the leads of a Get Leads that must be taken."""
        parameters = {"filterType": filter_type, "filterValues": ",".join(map(str, values))} | query
        return results_of(done(self.begin("GET", LEADS, query=parameters)))

    def admin(self, route: str, body: object = None, **query: str) -> Any:
        """Call the admin API with a route such as "POST leads", which must work."""
        method, name = route.split()
        content = b"" if body is None else json.dumps(body).encode()
        response = self.sandbox.admin(Request(method, f"/_sandbox/{name}", query, {}, content))
        assert response.status == 200, response.body
        return json.loads(response.body)

    def add_field(self, name: str, display_name: str, data_type: str = "boolean", **more: object) -> None:
        """Add a custom field, as in Marketo's UI."""
        definition = {"name": name, "display_name": display_name, "data_type": data_type} | more
        self.admin("POST fields", {"fields": [definition]})

    def add_leads(self, *leads: Mapping[str, object]) -> list[int]:
        """Add leads by hand, and return their ids."""
        ids: list[int] = self.admin("POST leads", {"leads": leads})["ids"]
        return ids

    def used(self) -> int:
        """Return how many calls of the quota are used."""
        used: int = self.admin("GET limits")["used"]
        return used


def done(begun: Response | Step) -> Response:
    """Let the time pass that a request takes."""
    return begun() if callable(begun) else begun


def body_of(response: Response) -> dict[str, Any]:
    """Return the JSON of an answer."""
    body: dict[str, Any] = json.loads(response.body)
    return body


def results_of(response: Response) -> list[dict[str, Any]]:
    """Return the results of an answer that must be a success."""
    body = body_of(response)
    assert body["success"] is True, body
    results: list[dict[str, Any]] = body["result"]
    return results


def code_of(body: dict[str, Any]) -> str:
    """Return the code of an answer that must be a refusal."""
    assert body["success"] is False, body
    code: str = body["errors"][0]["code"]
    return code


def reason_of(result: dict[str, Any]) -> str:
    """Return the code of a record that must have been skipped."""
    assert result["status"] == "skipped", result
    code: str = result["reasons"][0]["code"]
    return code
