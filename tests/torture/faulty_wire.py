"""The wire between one process and a vendor's sandbox: what is asked may be lost, and so may what is answered.

The sandbox acts at its own moment, whatever becomes of who has asked.
"""

import json
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

from include.sandbox.marketo import TOKEN_PATH, MarketoSandbox
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.wire import Request, Response
from tests.sync.world import as_answer, as_request
from tests.torture.kinds import MAY_HAVE_ACTED, RECORD_CODES
from tests.torture.process import Process
from tests.torture.witness import Witness
from tests.torture.work import Write

_CALLS = {"/rest/v1/leads.json": "sync", "/bulk/v1/leads.json": "upload"}
# Marketo ends a request itself after 90 seconds.
_LATEST_EFFECT_SECONDS = 85.0


class FaultyWire(BaseAdapter):
    """What carries the requests of one process to one vendor.

    Args:
        process: who asks.
        vendor: who is asked.
        witness: sees what arrives.
        members: returns the addresses that the cohort of a request has now.
    """

    def __init__(
        self,
        process: Process,
        vendor: MarketoSandbox | MixpanelSandbox,
        witness: Witness,
        *,
        members: Callable[[int], frozenset[str]],
    ) -> None:
        super().__init__()
        self.interlude: Callable[[], None] = lambda: None
        self._process = process
        self._vendor = vendor
        self._witness = witness
        self._members = members
        self._depth = 0
        self._pages: dict[str, tuple[int, Any]] = {}

    def send(self, prepared: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:  # type: ignore[override] # its other options do not matter here
        """Answer a request, or break off as a fault says."""
        process = self._process
        process.alive()
        ends = process.stepper.seconds + options["timeout"].total
        process.stepper.step()
        request = as_request(prepared)
        place = self._place(request)
        kind = process.plan.take(place)
        late = process.random.random() < 0.5
        if kind and not late and kind != "killed_in_write" and process.disturb(kind):
            kind = ""
        process.alive()
        if process.stepper.seconds >= ends:
            raise requests.exceptions.ConnectTimeout
        response = self._carried(request, place, kind, ends)
        if kind and late:
            process.disturb(kind)
        process.alive()
        return as_answer(prepared, response)

    def _carried(self, request: Request, place: str, kind: str, ends: float) -> Response:  # noqa: C901 - one a kind
        process, random = self._process, self._process.random
        code = kind.removeprefix("code_") if kind.startswith("code_") else ""
        if place in {"marketo.sync", "marketo.lookup"} and (code or kind.startswith(("records_", "http_"))):
            self._witness.refuses(process, request.body)
        if kind in {"reset_before", "mixpanel_reset"}:
            self._took_effect(request, kind)
            raise requests.exceptions.ConnectionError
        if kind in {"mixpanel_429", "identity_down"} or (
            kind.startswith(("http_", "mixpanel_502")) and not (kind == "http_502" and random.random() < 0.5)
        ):
            self._took_effect(request, kind)
            status = {"identity_down": 503}.get(kind) or int(kind.rsplit("_", 1)[1])
            return Response(status, b"")
        if code and not (code in MAY_HAVE_ACTED and random.random() < 0.5):
            self._took_effect(request, kind)
            return self._vendor.wire.error_body(code)
        if kind in {"token_expired", "token_revoked"} and isinstance(self._vendor, MarketoSandbox):
            tokens = self._vendor.instance.tokens
            (tokens.expire if kind == "token_expired" else tokens.revoke)()
            self._took_effect(request, kind)
        if kind == "session_lost" and isinstance(self._vendor, MixpanelSandbox):
            self._vendor.state.engage.forget_sessions()
            self._took_effect(request, kind)
        refused: dict[int, str] = {}
        if kind == "records_refused":
            request, refused = self._without_some(request)
            self._took_effect(request, kind)
            if not json.loads(request.body)["input"]:
                return self._merged(None, refused)
        response, write = self._acted_on(request, place, kind, ends)
        if code or kind == "http_502":
            self._took_effect(request, kind)
            return self._vendor.wire.error_body(code) if code else Response(502, b"")
        if write and not write.is_file and kind != "unreadable":
            self._witness.answered(write, json.loads(response.body).get("result", []))
        elif place == "marketo.lookup" and kind != "unreadable" and json.loads(response.body).get("success"):
            self._witness.looked_up(self._process, request)
        elif place == "marketo.failures" and response.status == 200:
            self._witness.told_failures(process, response.body)
        return self._merged(response, refused) if refused else self._altered(request, place, kind, response)

    def _acted_on(self, request: Request, place: str, kind: str, ends: float) -> tuple[Response, Write | None]:
        """Let the vendor act, and wait for its answer unless that is lost."""
        process = self._process
        box: list[Response] = []
        write = self._witness.arrives(process, request) if isinstance(self._vendor, MarketoSandbox) else None
        begun = self._vendor.begin(request)

        def act() -> None:
            response = begun if isinstance(begun, Response) else begun()
            self._vendor.wire.record(request, str(response.status))
            box.append(response)
            if write:
                self._acted(write, response)

        latency = process.random.uniform(0.05, 3.0)
        if kind in {"late_effect", "killed_in_write"}:
            latency = process.random.uniform(1.0, _LATEST_EFFECT_SECONDS)
        process.stepper.later(latency, act)
        if kind == "late_effect":
            self._took_effect(request, kind)
            raise requests.exceptions.ConnectionError
        if kind == "killed_in_write":
            process.die(kind)
        if place == "marketo.sync" and not self._depth and process.random.random() < 0.5:
            self._depth += 1
            try:
                self.interlude()
            finally:
                self._depth -= 1
        process.stepper.sleep(max(0.0, latency) + 0.001)
        if kind in {"reset_after", "upload_unanswered"}:
            self._took_effect(request, kind)
            raise requests.exceptions.ConnectionError
        if kind in {"timeout_after", "mixpanel_timeout"}:
            self._took_effect(request, kind)
            process.stepper.sleep(max(0.0, ends - process.stepper.seconds))
            raise requests.exceptions.ReadTimeout
        if process.stepper.seconds > ends:
            raise requests.exceptions.ReadTimeout
        return box[0], write

    def _acted(self, write: Write, response: Response) -> None:
        told = json.loads(response.body) if response.status == 200 else {}
        if not told.get("success"):
            self._witness.acts_not(write)
            return
        self._witness.acts(write)
        if write.is_file:
            self._witness.took_file(write, told["result"][0]["batchId"])

    def _altered(self, request: Request, place: str, kind: str, response: Response) -> Response:
        """Return an answer as it comes in."""
        if kind == "unreadable":
            self._took_effect(request, kind)
            return Response(200, response.body[: len(response.body) // 2], response.headers)
        if kind == "failures_cut" and response.status == 200:
            self._took_effect(request, kind)
            # In the midst of an address: a last reason that is cut off cannot be told from a shorter one.
            return Response(200, response.body[: response.body.rfind(b"@")], response.headers)
        if place in {"mixpanel.first", "mixpanel.page"} and response.status == 200:
            return self._page(request, place, kind, json.loads(response.body), response)
        return response

    def _page(self, request: Request, place: str, kind: str, page: dict[str, Any], response: Response) -> Response:
        if place == "mixpanel.first":
            cohort = json.loads(request.form()["filter_by_cohort"])["id"]
            self._witness.sessions[page["session_id"]] = self._members(cohort)
        before = self._pages.get(page["session_id"])
        self._pages[page["session_id"]] = (page["page"], page["results"])
        random = self._process.random
        if kind == "total_lies":
            # Not to where a page ends: such a total cannot be told from a true one.
            lies = [page["total"] + lie for lie in (-3, -2, -1, 1, 2, 3)]
            page["total"] = random.choice([lie for lie in lies if lie > 0 and lie % page["page_size"]] or [10**6])
        elif kind == "page_truncated" and page["results"]:
            page["results"] = page["results"][: random.randrange(len(page["results"]))]
        elif kind in {"page_duplicated", "page_swapped"} and before and before[0] != page["page"]:
            page["results"] = before[1]
            page["page"] = page["page"] if kind == "page_duplicated" else before[0]
        else:
            return response
        self._took_effect(request, kind)
        return Response(200, json.dumps(page).encode(), response.headers)

    def _without_some(self, request: Request) -> tuple[Request, dict[int, str]]:
        """Return a request without the records that will be refused, and the codes of those, by their places."""
        body = json.loads(request.body)
        random = self._process.random
        places = random.sample(range(len(body["input"])), random.randint(1, len(body["input"])))
        refused = {place: random.choice(RECORD_CODES) for place in places}
        body["input"] = [record for place, record in enumerate(body["input"]) if place not in refused]
        changed = json.dumps(body).encode()
        headers = request.headers | {"content-length": str(len(changed))}
        return Request(request.method, request.path, request.query, headers, changed, request.target), refused

    def _merged(self, response: Response | None, refused: dict[int, str]) -> Response:
        told: dict[str, Any] = (
            json.loads(response.body) if response else {"requestId": "1#1", "success": True, "result": []}
        )
        if told.get("success"):
            for place in sorted(refused):
                reasons = [{"code": refused[place], "message": "refused"}]
                told["result"].insert(place, {"status": "skipped", "reasons": reasons})
        return Response(200, json.dumps(told).encode(), {"content-type": "application/json"})

    def _place(self, request: Request) -> str:  # noqa: PLR0911 - one a place
        if isinstance(self._vendor, MixpanelSandbox):
            form = request.form()
            if "filter_by_cohort" not in form:
                return "mixpanel.other"
            return "mixpanel.page" if "session_id" in form else "mixpanel.first"
        if request.path == TOKEN_PATH:
            return "marketo.token"
        if "_method" in request.query:
            return "marketo.lookup"
        if request.path in _CALLS:
            return f"marketo.{_CALLS[request.path]}"
        if request.path.endswith("/failures.json"):
            return "marketo.failures"
        if "/leads/batch/" in request.path:
            return "marketo.status"
        return "marketo.other"

    def _took_effect(self, request: Request, kind: str) -> None:
        self._process.effects[kind] += 1
        self._vendor.wire.record(request, kind)
