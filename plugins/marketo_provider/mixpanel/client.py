"""The endpoints of Mixpanel's Query API that a snapshot needs, as typed calls.

Only page 0 of a cohort and the list of cohorts count as queries; pages of a session do not
(https://docs.mixpanel.com/reference/engage-query, https://docs.mixpanel.com/reference/cohorts-list).
"""

import json
import random as random_module
from collections.abc import Callable
from contextlib import AbstractContextManager

import requests

from marketo_provider.clock import Clock
from marketo_provider.errors import AccessDenied, CohortUnusable, InvalidSetting, RequestRefused, SessionLost
from marketo_provider.mixpanel.answers import Account, CohortsAnswer, EngageAnswer, MeAnswer, Project, read_page
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.mixpanel.exchange import Exchange
from marketo_provider.mixpanel.models import Cohort, Page
from marketo_provider.transport import MAX_BODY_BYTES, Request

__all__ = ["Cohort", "MixpanelClient", "Page"]

# Mixpanel asks integrations to name themselves
# (https://docs.mixpanel.com/docs/cohort-sync/build-an-integration).
_HEADERS = {"X-Mixpanel-Integration-ID": "airflow-provider-mixpanel-cohorts-to-marketo"}
# A little more than Mixpanel's own limits, 488 and 120 seconds, so that its answer is heard.
_QUERY_SECONDS = 503.0
_APP_SECONDS = 135.0
# Of a profile's id and address; a page as a whole may have more of them.
_MOST_BYTES_A_PROFILE = 1024
_NEEDED_PERMISSION = "view_base_reports"
_SAYS_ENOUGH = {"401", "402"}
_FORBIDDEN = "403"


class MixpanelClient:
    """One Mixpanel project; safe to share between threads.

    Args:
        connection: the project and its service account.
        session: brings proxies, TLS settings and adapters.
        clock: measures time and waits.
        patience_seconds: how long a call is repeated.
        random: spreads waits; a number from 0 to 1.
    """

    def __init__(
        self,
        connection: MixpanelConnection,
        *,
        session: requests.Session,
        clock: Clock,
        patience_seconds: float = 1800.0,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.project_id = connection.project_id
        self.workspace_id = connection.workspace_id
        self.concurrent_pages = connection.concurrent_pages
        self.allowed_missing_profiles = connection.allowed_missing_profiles
        self._page_size = connection.page_size
        self._region = connection.region
        self._scope = {"project_id": connection.project_id}
        if connection.workspace_id is not None:
            self._scope["workspace_id"] = connection.workspace_id
        self._exchange = Exchange(
            connection, session=session, clock=clock, patience_seconds=patience_seconds, random=random
        )

    def keep_to(self, slot: Callable[[], AbstractContextManager[None]]) -> None:
        """Send each request within a `slot`."""
        self._exchange.slot = slot

    def end_by(self, until: float) -> None:
        """Let no call go on beyond a time on the monotonic clock."""
        self._exchange.until = until

    def first_page(self, cohort_id: int) -> Page:
        """Start a session: one counted query, which computes the cohort.

        Raises:
            CohortUnusable: there is no such cohort, or it cannot be queried.
            MarketoProviderError: see `Exchange.ask`.
        """

        def read(body: bytes) -> Page:
            page = _page(read_page(body), session_id=None)
            if page.total is None:
                raise ValueError("page 0 without a total")
            return page

        try:
            page = self._exchange.ask(self._engage(cohort_id, {}), read, seconds=_QUERY_SECONDS)
        except (AccessDenied, RequestRefused) as refused:
            if refused.code in _SAYS_ENOUGH:
                raise
            self.check_access()  # costs no query, and knows a missing project from a missing permission
            if refused.code == _FORBIDDEN:
                raise
            self._must_exist(cohort_id)
            raise CohortUnusable(
                f"Cohort {cohort_id} is in Mixpanel's project {self.project_id}, but cannot be queried (HTTP "
                f"{refused.code}); export a cohort of users, not of groups, and open it in Mixpanel to see that "
                "it still computes.",
                code=refused.code,
            ) from None
        if page.total == 0:
            self._must_exist(cohort_id)
        return page

    def page(self, cohort_id: int, session_id: str, number: int) -> Page:
        """Read a later page of a session; it counts as no query.

        Raises:
            SessionLost: Mixpanel no longer knows the session; begin a new one.
            MarketoProviderError: see `Exchange.ask`.
        """

        def read(body: bytes) -> Page:
            return _page(read_page(body), session_id=session_id)

        request = self._engage(cohort_id, {"session_id": session_id, "page": str(number)})
        try:
            page = self._exchange.ask(request, read, seconds=_QUERY_SECONDS)
        except AccessDenied as denied:
            if denied.code != "400":
                raise
            raise SessionLost(
                f"Mixpanel no longer knows the session of cohort {cohort_id} (page {number}); it is read anew.",
                code=denied.code,
            ) from None
        if page.session_id != session_id:
            raise SessionLost(f"Mixpanel answered page {number} of cohort {cohort_id} from another session.")
        return page

    def cohorts(self) -> list[Cohort]:
        """Return the project's saved cohorts: one counted query."""
        request = Request("POST", "/api/query/cohorts/list", params=self._scope, headers=_HEADERS)
        answer = self._exchange.ask(request, CohortsAnswer.model_validate_json, seconds=_QUERY_SECONDS)
        return [Cohort(each.id, each.name, each.count) for each in answer.root]

    def check_access(self) -> None:
        """Make sure that the account sees the project and may read it; costs no query.

        Raises:
            AccessDenied: it does not.
            InvalidSetting: the data view is not there.
            MarketoProviderError: see `Exchange.ask`.
        """
        request = Request("GET", "/api/app/me", params={"include_workspace_users": "false"}, headers=_HEADERS)

        def read(body: bytes) -> tuple[Account, Project | None]:
            account = MeAnswer.model_validate_json(body).results
            return account, account.project(self.project_id)

        account, project = self._exchange.ask(request, read, seconds=_APP_SECONDS)
        if project is None:
            raise AccessDenied(
                f"Mixpanel's region {self._region} shows this service account no project {self.project_id}; check "
                "the project id and the region, and add the account to the project."
            )
        if project.permissions is not None and _NEEDED_PERMISSION not in project.permissions:
            raise AccessDenied(
                f"The service account may not read reports in Mixpanel's project {self.project_id} "
                f"({_NEEDED_PERMISSION}); give it a role there that can, Consumer at least."
            )
        if (
            self.workspace_id is not None
            and account.workspaces
            and str(self.workspace_id) not in account.workspaces
        ):
            raise InvalidSetting(
                f"Mixpanel's project {self.project_id} shows this service account no data view "
                f"{self.workspace_id}; correct `workspace_id` in the extra of the Connection."
            )

    def _engage(self, cohort_id: int, place: dict[str, str]) -> Request:
        form = {
            "filter_by_cohort": json.dumps({"id": cohort_id}),
            "output_properties": json.dumps(["$email"]),
            "include_all_users": "false",
            "page_size": str(self._page_size),
        }
        return Request(
            "POST",
            "/api/query/engage",
            params=self._scope,
            form=form | place,
            most_bytes=MAX_BODY_BYTES + self._page_size * _MOST_BYTES_A_PROFILE,
            headers=_HEADERS,
        )

    def _must_exist(self, cohort_id: int) -> None:
        if all(cohort.cohort_id != cohort_id for cohort in self.cohorts()):
            raise CohortUnusable(
                f"There is no cohort {cohort_id} in Mixpanel's project {self.project_id}; check the export's "
                "`cohort_id` against the cohort's address in Mixpanel."
            )


def _page(answer: EngageAnswer, *, session_id: str | None) -> Page:
    session = answer.session_id or session_id
    if session is None:
        raise ValueError("page 0 without a session")
    return Page(answer.page, answer.page_size, answer.total, session, answer.distinct_ids, answer.emails)
