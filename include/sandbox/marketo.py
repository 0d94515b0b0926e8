"""The sandbox's Marketo: one instance in memory that answers as the vendor's pages say, and strictly.

It has the lead database's sync and query, the describe and schema calls, partitions, statistics, bulk lead import
and the token; every other path is 610. A call under /rest or /bulk meets, in this order: 414, 413, the token (600,
601, 602), the method (605), and from here on it is counted: 606, 607, 615, then the path (610), the permission
(603) and what the operation itself refuses. Where the vendor leaves a question open the modules that decide it say
so, and take the stricter side. The admin API is documented in `marketo_admin`.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/rest-api
"""

import re
from threading import RLock

from include.sandbox.admin import answer_admin, common_routes
from include.sandbox.clock import Clock
from include.sandbox.marketo_admin import admin_routes
from include.sandbox.marketo_answers import FREE, Refused
from include.sandbox.marketo_bulk import BULK_ENDPOINTS, IMPORT_PATH
from include.sandbox.marketo_endpoints import ENDPOINTS, Call, Endpoint, Finish
from include.sandbox.marketo_instance import Instance, new_instance
from include.sandbox.marketo_limits import Limits
from include.sandbox.marketo_tokens import Credentials
from include.sandbox.wire import Request, Response, Step, Wire

TOKEN_PATH = "/identity/oauth/token"  # noqa: S105 - a path, no password
OPERATIONS = {**ENDPOINTS, **BULK_ENDPOINTS}
"""All there is, by path, as the vendor's Swagger files write it, and method."""
_TEMPLATES = {
    path: re.compile(re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(path))) for path in OPERATIONS if "{" in path
}
_FORM = "application/x-www-form-urlencoded"
_USER = "exporter@sandbox.invalid"


class MarketoSandbox:
    """A `Vendor`: Marketo, with its faults and log in `wire` and all it holds in `instance`."""

    def __init__(
        self,
        clock: Clock,
        seed: int = 0,
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107 - opens nothing but this sandbox
        limits: Limits | None = None,
    ) -> None:
        self.credentials = Credentials(client_id, client_secret, _USER)
        self.wire = Wire(error_body=self._injected)
        self._clock = clock
        self._seed = seed
        self._limits = limits or Limits()
        self._lock = RLock()
        self.instance: Instance
        self.reset()

    def reset(self) -> None:
        """Make everything as it was at the start, the request log and the faults too."""
        with self._lock:
            self.instance = new_instance(self._clock, self.credentials, self._limits, seed=self._seed)
            self.wire.reset()

    def begin(self, request: Request) -> Response | Step:
        """Take a request as it arrives; return its answer, or what happens when that is due."""
        with self._lock:
            instance = self.instance
            instance.imports.advance()
            limits = instance.gate.limits
            if len(request.target) > limits.max_target_bytes:
                return _plain(414, "Request-URI Too Long")
            is_import = request.path == IMPORT_PATH
            if len(request.body) > (limits.max_import_bytes if is_import else limits.max_body_bytes):
                return _plain(413, "Request Entity Too Large")
            if request.path == TOKEN_PATH:
                return instance.tokens.answer(request, lifetime=limits.token_seconds)
            try:
                return self._admit(instance, request)
            except Refused as refused:
                return _failure(instance, refused)

    def admin(self, request: Request) -> Response:
        """Serve a request under `/_sandbox/`."""
        with self._lock:
            self.instance.imports.advance()
            own = admin_routes(self.instance, self.reset)
            return answer_admin(request, common_routes(self.wire) | own)

    def _admit(self, instance: Instance, request: Request) -> Step:
        if not request.path.startswith(("/rest/", "/bulk/")):
            raise Refused("610")  # without a token there is nobody whom it could cost a call
        instance.tokens.check(request)
        path, name = _template(request.path)
        methods = OPERATIONS.get(path, {})
        method, parameters = _effective(request)
        if methods and method not in methods:
            raise Refused("605")
        instance.gate.enter()
        call = Call(parameters, request.body, request.headers.get("content-type", ""), name)
        finish = _begun(instance, path, method, call)

        def step() -> Response:
            with self._lock:
                instance.gate.leave()
                instance.imports.advance()
                try:
                    answer = finish()
                    return answer if isinstance(answer, Response) else instance.envelope.success(answer)
                except Refused as refused:
                    return _failure(instance, refused)

        return step

    def _injected(self, code: str) -> Response:
        with self._lock:
            if code not in FREE:
                self.instance.gate.count()
            return _failure(self.instance, Refused(code))


def _begun(instance: Instance, path: str, method: str, call: Call) -> Finish:
    """Run an endpoint's first half; if it refuses, the refusal too comes only when the answer is due."""
    try:
        return _endpoint(instance, path, method).begin(instance, call)
    except Refused as refused:
        refusal = refused

    def refuse() -> dict[str, object]:
        raise refusal

    return refuse


def _endpoint(instance: Instance, path: str, method: str) -> Endpoint:
    endpoint = OPERATIONS.get(path, {}).get(method)
    if endpoint is None:
        raise Refused("610")
    if endpoint.permissions and not endpoint.permissions & instance.permissions:
        raise Refused("603")
    return endpoint


def _template(path: str) -> tuple[str, str]:
    """Return the path as the vendor's reference writes it, and the name or id in it."""
    if path in OPERATIONS:
        return path, ""
    for template, pattern in _TEMPLATES.items():
        match = pattern.fullmatch(path)
        if match:
            return template, match[1]
    return path, ""


def _effective(request: Request) -> tuple[str, dict[str, str]]:
    """Return method and parameters, a POST with `_method=GET` (in the URL or in the form) being a GET."""
    if request.method != "POST":
        return request.method, request.query
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    parameters = request.query | (request.form() if is_form else {})
    if parameters.get("_method") != "GET":
        return "POST", request.query
    return "GET", parameters


def _failure(instance: Instance, refused: Refused) -> Response:
    instance.gate.note_error(refused.code)
    return instance.envelope.failure(refused)


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), {"content-type": "text/plain"})
