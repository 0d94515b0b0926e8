"""What the sandboxes answer to each call: the answers that are then bent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_fields import Field
from include.sandbox.mixpanel import MixpanelSandbox
from tests.fake_wire import Reply, build_response
from tests.hostile.clients import ADDRESSES, CANARY, FIELD, SECRET, Clients
from tests.marketo.support import TOKEN_PATH
from tests.sync.world import VirtualClock, as_answer, as_request

URL = "http://127.0.0.1:9"
COHORT = 1001
GRANT = b'{"access_token":"abc:st","token_type":"bearer","expires_in":3599,"scope":"api@example.com"}'
CSV = {
    name: f"email,{FIELD},Import {word} Reason\r\n{CANARY},true,Invalid email\r\n".encode()
    for name, word in (("failures", "Failure"), ("warnings", "Warning"))
}


@dataclass(slots=True)
class Bent(BaseAdapter):
    """Answers every request but those for tokens with one body."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    token: bytes = GRANT

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override] # its options do not matter here
        """Answer."""
        if TOKEN_PATH in str(request.url):
            return build_response(request, Reply(self.token))
        return build_response(request, Reply(self.body, headers=self.headers))

    def close(self) -> None:
        """Hold nothing open."""


class _Recorder(BaseAdapter):
    """Hands requests to the sandboxes, and keeps the last answer."""

    def __init__(self) -> None:
        super().__init__()
        clock = VirtualClock()
        self.marketo = MarketoSandbox(clock, client_id="client", client_secret=SECRET)
        self.marketo.instance.catalog.put(
            Field(name=FIELD, display_name="Trial users", data_type="boolean", custom=True)
        )
        for address in ADDRESSES:
            self.marketo.instance.leads.create({"email": address, FIELD: True}, partition="Default")
        self.mixpanel = MixpanelSandbox(clock, username="robot", secret=SECRET, project_id=7)
        project = self.mixpanel.state.project
        for number, address in enumerate(ADDRESSES):
            project.set_profile(f"user-{number}", {"$email": address})
        project.set_cohort(COHORT, "Trial users", members=["user-0", "user-1"])
        self.last = b""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override] # as above
        """Answer."""
        asked = as_request(request)
        vendor = self.mixpanel if urlsplit(str(request.url)).path.startswith("/api/") else self.marketo
        begun = vendor.begin(asked)
        response = begun() if callable(begun) else begun
        self.last = response.body
        return as_answer(request, response)

    def close(self) -> None:
        """Hold nothing open."""


def session_with(adapter: BaseAdapter) -> requests.Session:
    """Return a session whose every request goes to `adapter`, and that looks at no environment."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", adapter)
    return session


def calls_of(clients: Clients) -> Mapping[str, Callable[[], Any]]:
    """Return every call whose answer is JSON."""
    reads = {name: call for name, call in clients.reads.items() if name not in CSV}
    return {**clients.writes, **reads}


def valid_answers(folder: Path) -> dict[str, bytes]:
    """Return the body of the sandboxes' answer to each of these calls."""
    recorder = _Recorder()
    clients = Clients(URL, folder, session=session_with(recorder))
    answers: dict[str, bytes] = {}
    session_id = ""
    for name, call in calls_of(clients).items():
        if name == "import status":
            clients.marketo.imports.status(clients.upload())
        elif name == "page":
            clients.mixpanel.page(COHORT, session_id, 0)
        else:
            answer = call()
            session_id = getattr(answer, "session_id", session_id)
        answers[name] = recorder.last
    answers["page"] = answers["page"].replace(session_id.encode(), b"session")
    return answers
