"""Reads an engage request: what it asks for, or why the vendor refuses it.

Fields: https://docs.mixpanel.com/reference/engage-query. What that page has and this sandbox has not is
refused aloud. What that page does not have is ignored, as the vendor does: a misspelt field is a client's
silent mistake.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from include.sandbox.wire import Request

Params = dict[str, Any]
EMAIL_IS_SET = 'defined(properties["$email"])'
_NOT_HERE = (
    "behaviors",
    "distinct_id",
    "distinct_ids",
    "data_group_id",
    "sort_key",
    "sort_order",
    "search",
    "limit",
)


class QueryRefused(Exception):
    """The vendor refuses the query with this status and text."""

    def __init__(self, error: str, *, status: int = 400) -> None:
        super().__init__(error)
        self.status = status


@dataclass(frozen=True, slots=True)
class Selection:
    """Which profiles a query is about: what must be the same on every page of a session."""

    cohort_id: int | None
    include_all_users: bool
    email_is_set: bool
    workspace_id: int | None


@dataclass(frozen=True, slots=True)
class EngageQuery:
    """An engage request; no session is the empty string, no `page_size` the vendor's own."""

    selection: Selection
    output_properties: tuple[str, ...] | None
    session_id: str
    page: int
    page_size: int | None


def request_params(request: Request) -> Params:
    """Return the parameters: those of the body, read as JSON or else as a form, over those of the URL."""
    return {**request.query, **_body_params(request)}


def request_line(request: Request) -> str:
    """Return what the vendor quotes as `request` in its errors."""
    return f"{request.path}?{urlencode(request.query)}" if request.query else request.path


def workspace_of(params: Params) -> int | None:
    """Return the data view a request names.

    Raises:
        QueryRefused: it is no number.
    """
    return _integer(params, "workspace_id")


def parse_engage(params: Params) -> EngageQuery:
    """Return what an engage request asks for.

    Raises:
        QueryRefused: it asks wrongly, or for something the sandbox has not.
    """
    for name in _NOT_HERE:
        if _given(params, name):
            raise QueryRefused(f"the sandbox does not have the parameter {name}")
    session_id, page = _session(params), _integer(params, "page") or 0
    if page and not session_id:
        raise QueryRefused("must have session_id when requesting page > 0")
    page_size = _integer(params, "page_size")
    if page_size == 0:
        raise QueryRefused("page_size must be above 0")
    selection = Selection(
        cohort_id=_cohort_id(params),
        include_all_users=_include_all_users(params),
        email_is_set=_email_is_set(params),
        workspace_id=workspace_of(params),
    )
    return EngageQuery(selection, _output_properties(params), session_id, page, page_size)


def carries_session(params: Params) -> bool:
    """Tell whether the hour's count spares this engage request; an empty session does not help."""
    return bool(params.get("session_id"))


def _body_params(request: Request) -> Params:
    try:
        content = request.json()
    except ValueError:
        return dict(request.form())
    return content if isinstance(content, dict) else {}


def _given(params: Params, name: str) -> bool:
    return params.get(name) not in (None, "")


def _session(params: Params) -> str:
    session_id = params.get("session_id") or ""
    if not isinstance(session_id, str):
        raise QueryRefused("session_id must be a string")
    return session_id


def _integer(params: Params, name: str) -> int | None:
    if not _given(params, name):
        return None
    value = params[name]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise QueryRefused(f"{name} must be an integer, 0 or more")


def _cohort_id(params: Params) -> int | None:
    if not _given(params, "filter_by_cohort"):
        return None
    try:
        # Also in a JSON body it is a string that holds JSON (mixpanel/sheets posts it so).
        content = json.loads(params["filter_by_cohort"])
    except (TypeError, ValueError):
        raise QueryRefused("filter_by_cohort must be a string that holds a JSON object") from None
    cohort_id = content.get("id") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(cohort_id, int) or isinstance(cohort_id, bool):
        raise QueryRefused('filter_by_cohort must have the single key "id", the number of a cohort')
    return cohort_id


def _include_all_users(params: Params) -> bool:
    if not _given(params, "include_all_users"):
        return True
    value = params["include_all_users"]
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise QueryRefused("include_all_users must be true or false")


def _email_is_set(params: Params) -> bool:
    if not _given(params, "where"):
        return False
    if params["where"] != EMAIL_IS_SET:
        raise QueryRefused(f"the sandbox has no other expression than {EMAIL_IS_SET}")
    return True


def _output_properties(params: Params) -> tuple[str, ...] | None:
    if not _given(params, "output_properties"):
        return None
    value = params["output_properties"]
    try:
        names = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise QueryRefused("output_properties must be a JSON array of strings")
    return tuple(names)
