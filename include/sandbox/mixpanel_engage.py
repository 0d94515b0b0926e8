"""Answers engage queries: sessions, and the pages of a session.

Page 0 without a session computes the set and freezes it under a new session; the properties are those of the
moment a page is read. A page is only asked for with the session it belongs to and the same selection and page
size, else it is "uncached", as in the vendor's own error. How long a session lives is not published; here it
is a setting, and it counts from page 0, whatever is read in between, for that is the stricter reading.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from include.sandbox.clock import Clock
from include.sandbox.mixpanel_account import Account, DataView
from include.sandbox.mixpanel_limits import Limits
from include.sandbox.mixpanel_project import Project
from include.sandbox.mixpanel_query import EngageQuery, QueryRefused, Selection
from include.sandbox.people import DistinctId, Properties

UNCACHED = "request for page in uncached query for params"


@dataclass(frozen=True, slots=True)
class _Session:
    id: str
    selection: Selection
    page_size: int
    rows: list[DistinctId]
    total: int
    expires_at: datetime


class Engage:
    """The engage endpoint of one project."""

    def __init__(self, clock: Clock, project: Project) -> None:
        self._clock = clock
        self._project = project
        self._sessions: dict[str, _Session] = {}
        self._begun = 0

    def forget_sessions(self) -> None:
        """Let every session expire now."""
        self._sessions.clear()

    def answer(self, query: EngageQuery, account: Account, limits: Limits) -> dict[str, Any]:
        """Return the body of one page.

        Raises:
            QueryRefused: no such cohort or data view, or the session is over or another query's.
        """
        page_size = min(query.page_size or limits.page_size, limits.page_size_cap)
        if query.session_id:
            session = self._resume(query, page_size)
        else:
            session = self._compute(query.selection, account, page_size, limits.session_seconds)
        start = query.page * session.page_size
        body = {
            "page": query.page,
            "page_size": session.page_size,
            "results": [
                {"$distinct_id": id_, "$properties": self._shown(id_, query, account)}
                for id_ in session.rows[start : start + session.page_size]
            ],
            "session_id": session.id,
            "status": "ok",
        }
        # Airbyte and tap-mixpanel found it on page 0 only; a client that needs it later is wrong.
        return body if query.page else body | {"total": session.total}

    def _resume(self, query: EngageQuery, page_size: int) -> _Session:
        session = self._sessions.get(query.session_id)
        if session is None or session.expires_at <= self._clock.now():
            raise QueryRefused(UNCACHED)
        if (session.selection, session.page_size) != (query.selection, page_size):
            raise QueryRefused(UNCACHED)
        return session

    def _compute(self, selection: Selection, account: Account, page_size: int, seconds: int) -> _Session:
        now = self._clock.now()
        self._sessions = {id_: one for id_, one in self._sessions.items() if one.expires_at > now}
        rows, total = self._select(selection, account)
        self._begun += 1
        token = blake2b(str(self._begun).encode(), digest_size=3).hexdigest().upper()
        session = _Session(
            id=f"{int(now.timestamp())}-{token}",
            selection=selection,
            page_size=page_size,
            rows=rows,
            total=total,
            expires_at=now + timedelta(seconds=seconds),
        )
        self._sessions[session.id] = session
        return session

    def _select(self, selection: Selection, account: Account) -> tuple[list[DistinctId], int]:
        view = account.data_view(selection.workspace_id)
        if view is None:
            raise QueryRefused("You do not have access to this data view", status=403)
        profiles = self._project.profiles
        if selection.cohort_id is None:
            rows, announced = list(profiles), None
        else:
            cohort = self._project.cohorts.get(selection.cohort_id)
            if cohort is None:
                raise QueryRefused(f"cohort {selection.cohort_id} does not exist")
            rows, announced = list(cohort.members), cohort.announced_total
            if not selection.include_all_users:
                rows = [id_ for id_ in rows if id_ in profiles]
        rows = _in_view(rows, view)
        if selection.email_is_set:
            rows = [id_ for id_ in rows if self._visible(id_, account).get("$email") is not None]
        return rows, len(rows) if announced is None else announced

    def _visible(self, distinct_id: DistinctId, account: Account) -> Properties:
        properties = self._project.profiles.get(distinct_id, {})
        if account.email_is_classified:
            return {name: value for name, value in properties.items() if name != "$email"}
        return properties

    def _shown(self, distinct_id: DistinctId, query: EngageQuery, account: Account) -> Properties:
        properties = self._visible(distinct_id, account)
        if query.output_properties is None:
            return properties
        return {name: properties[name] for name in query.output_properties if name in properties}


def _in_view(rows: list[DistinctId], view: DataView) -> list[DistinctId]:
    return rows if view.is_global else [id_ for id_ in rows if view.shows(id_)]
