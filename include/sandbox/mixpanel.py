"""A stand-in for Mixpanel's Query API, as far as reading a cohort goes.

It follows the vendor's OpenAPI files, and Mixpanel's own clients where those are silent. Where the vendor's
behaviour is not known it is the stricter of two, so that a client that works here works there.

| path (each also under `/api/2.0/`) | methods | answers |
| --- | --- | --- |
| `/api/query/engage` | POST, GET | a page of profiles |
| `/api/query/cohorts/list` | POST, GET | the saved cohorts, a bare array |
| `/api/app/me` (only this) | GET | the account, its projects and data views |

A query meets, in this order: 405, 401 (credentials, or those of another region), 400 (no `project_id`), 403
(project the account cannot see), 402 (plan), 429, and only then counts and takes one of the places; what goes
wrong after that (400, 403 for a missing permission) has used one query of the hour. The admin API is in
`mixpanel_admin` and `mixpanel_cohort_admin`. Codes of the fault `error_code`: an HTTP status, `uncached`, or
`load_shed`, a 429 without headers.
"""

from collections.abc import Callable
from typing import Any

from include.sandbox.admin import answer_admin, common_routes
from include.sandbox.clock import Clock
from include.sandbox.mixpanel_account import READ_PERMISSION, Account
from include.sandbox.mixpanel_admin import settings_routes
from include.sandbox.mixpanel_cohort_admin import CohortAdmin
from include.sandbox.mixpanel_engage import UNCACHED
from include.sandbox.mixpanel_limits import TooMany
from include.sandbox.mixpanel_project import Cohort
from include.sandbox.mixpanel_query import (
    Params,
    QueryRefused,
    carries_session,
    parse_engage,
    request_line,
    request_params,
    workspace_of,
)
from include.sandbox.mixpanel_state import MixpanelState
from include.sandbox.wire import Request, Response, Step, Wire, json_response

_ENGAGE = ("/api/query/engage", "/api/2.0/engage")
_COHORTS = ("/api/query/cohorts/list", "/api/2.0/cohorts/list")
_ME = "/api/app/me"
_UNAUTHENTICATED = "Unable to authenticate request"
_ERRORS = {"uncached": (400, UNCACHED), "load_shed": (429, "Query rate limit exceeded")}


class MixpanelSandbox:
    """The vendor.

    Attributes:
        wire: Its faults and request log.
        state: What it holds, for tests that need no HTTP to set it.
    """

    def __init__(self, clock: Clock, *, username: str, secret: str, project_id: int) -> None:
        self.wire = Wire(_error_of_code)
        self.project_id = project_id
        self._clock = clock
        self._account = Account(username=username, secret=secret)
        self.state = MixpanelState.fresh(clock, self._account)

    def reset(self) -> None:
        """Forget everything: data, settings, counts, faults and log."""
        self.state = MixpanelState.fresh(self._clock, self._account)
        self.wire.faults.clear()
        self.wire.effects.clear()
        self.wire.log.clear()
        self.wire.latency = 0.0

    def begin(self, request: Request) -> Response | Step:
        """Take a request as it arrives."""
        if request.path == _ME:
            return self._me(request)
        if request.path in _ENGAGE:
            return self._query(request, self._engage, session_is_free=True)
        if request.path in _COHORTS:
            return self._query(request, self._cohorts, session_is_free=False)
        return _error(request, 404, "Not found")

    def admin(self, request: Request) -> Response:
        """Serve the admin API."""
        cohorts = CohortAdmin(self.state.project).routes()
        return answer_admin(request, {**common_routes(self.wire), **cohorts, **settings_routes(self)})

    def _me(self, request: Request) -> Response:
        if request.method != "GET":
            return _error(request, 405, "Method not allowed")
        if not self._authenticated(request):
            return json_response({"status": "error", "error": _UNAUTHENTICATED}, 401)
        return json_response(self.state.account.me(self.project_id))

    def _query(self, request: Request, work: Callable[[Params], Any], *, session_is_free: bool) -> Response | Step:
        try:
            params = self._let_in(request)
        except QueryRefused as refused:
            return _error(request, refused.status, str(refused))
        state, counts = self.state, not (session_is_free and carries_session(params))
        refusal = state.rate.admit(state.limits, counts=counts)
        if refusal:
            return self._too_many(request, refusal)

        def answer() -> Response:
            try:
                self._permit()
                return json_response(work(params))
            except QueryRefused as refused:
                return _error(request, refused.status, str(refused))
            finally:
                state.rate.leave()

        return answer

    def _let_in(self, request: Request) -> Params:
        if request.method not in ("GET", "POST"):
            raise QueryRefused("Method not allowed", status=405)
        if not self._authenticated(request):
            raise QueryRefused(_UNAUTHENTICATED, status=401)
        if not request.query.get("project_id", "").isdigit():
            raise QueryRefused("project_id is a required parameter")
        params = request_params(request)
        if str(params["project_id"]) != str(self.project_id) or not self.state.account.sees_project:
            raise QueryRefused("You do not have access to this project", status=403)
        if not self.state.account.plan_has_api:
            raise QueryRefused("Your plan does not allow API access", status=402)
        return params

    def _permit(self) -> None:
        if READ_PERMISSION not in self.state.account.permissions:
            raise QueryRefused("You do not have permission to read this project", status=403)

    def _authenticated(self, request: Request) -> bool:
        return self.state.account.accepts(request.headers.get("authorization", ""))

    def _too_many(self, request: Request, refusal: TooMany) -> Response:
        error = (
            f"Query rate limit exceeded for project_id: {self.project_id}. "
            f"This request exceeded the {refusal.reason}."
        )
        return _error(request, 429, error, refusal.headers)

    def _engage(self, params: Params) -> dict[str, Any]:
        return self.state.engage.answer(parse_engage(params), self.state.account, self.state.limits)

    def _cohorts(self, params: Params) -> list[dict[str, Any]]:
        if self.state.account.data_view(workspace_of(params)) is None:
            raise QueryRefused("You do not have access to this data view", status=403)
        return [self._listed(cohort) for cohort in self.state.project.cohorts.values()]

    def _listed(self, cohort: Cohort) -> dict[str, Any]:
        return {
            "count": len(cohort.members),
            "is_visible": 1,
            "description": "",
            "created": cohort.created,
            "project_id": self.project_id,
            "id": cohort.id,
            "name": cohort.name,
        }


def _error(request: Request, status: int, error: str, headers: dict[str, str] | None = None) -> Response:
    return json_response({"request": request_line(request), "error": error}, status, headers)


def _error_of_code(code: str) -> Response:
    status, error = _ERRORS.get(code) or (int(code), f"Error {code}")
    return json_response({"request": "", "error": error}, status)
