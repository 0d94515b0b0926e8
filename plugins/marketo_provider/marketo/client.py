"""The endpoints of Marketo's REST API that a sync needs, as typed calls.

Only what goes over the wire stands here; how a call is carried through is told in `exchange`
(https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads).
"""

import random as random_module
from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from urllib.parse import quote

import requests

from marketo_provider.clock import Clock
from marketo_provider.errors import AccessDenied, RequestRefused
from marketo_provider.marketo.answers import (
    DescribeRow,
    LeadRow,
    Page,
    PartitionRow,
    Row,
    SchemaRow,
    SyncAnswer,
    UsageRow,
)
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.marketo.exchange import Exchange
from marketo_provider.marketo.imports import Imports
from marketo_provider.marketo.limits import Share
from marketo_provider.marketo.models import FailedRequest, Field, Lead, LeadResult, LeadResults, Scalar
from marketo_provider.marketo.schema import Schema
from marketo_provider.transport import Request

__all__ = ["FailedRequest", "Field", "Lead", "LeadResult", "LeadResults", "MarketoClient", "Scalar", "Share"]

MAX_RECORDS = 300
_NO_DATA = "702"
_TOO_MANY = "1003"
_NO_PERMISSION = "603"


class MarketoClient:
    """One Marketo instance; safe to share between threads.

    Args:
        connection: the instance, its account and its limits.
        session: brings proxies, TLS settings and adapters.
        clock: measures deadlines and waits.
        patience_seconds: how long a call that only reads is repeated, unless it is given a deadline.
        random: spreads waits; a number from 0 to 1.

    Attributes:
        host: the instance's, without a scheme.
        imports: the endpoints of bulk import.
        schema: the endpoints that list and create fields.
    """

    def __init__(
        self,
        connection: MarketoConnection,
        *,
        session: requests.Session,
        clock: Clock,
        patience_seconds: float = 600.0,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.host = connection.host
        self._exchange = Exchange(
            connection, session=session, clock=clock, patience_seconds=patience_seconds, random=random
        )
        self.imports = Imports(self._exchange)
        self.schema = Schema(self._exchange)

    def keep_to(self, share: Callable[[], Share]) -> None:
        """Keep to what `share` says when a call begins, instead of all that the Connection allows."""
        self._exchange.limits.share = share

    def calls_in_window(self) -> int:
        """Return how many of its calls may be in the last 20 seconds, as Marketo counts them."""
        return self._exchange.limits.held()

    def end_by(self, until: float) -> None:
        """Let no call that brings no deadline of its own go on beyond a time on the monotonic clock."""
        self._exchange.until = until

    @property
    def calls(self) -> int:
        """How many calls of this client counted against the quota, as far as can be known."""
        return self._exchange.calls

    @property
    def failed_requests(self) -> list[FailedRequest]:
        """Every answer that was a failure, repeated or not."""
        return self._exchange.failed_requests

    def sync_leads(
        self,
        records: Sequence[Mapping[str, Scalar]],
        *,
        action: Literal["createOrUpdate", "updateOnly"],
        lookup_field: Literal["email", "id"],
        partition: str | None,
        deadline: float,
    ) -> LeadResults:
        """Write up to 300 records; return what became of each, in their order.

        Raises:
            NoAnswer: the records may or may not have been written; nothing was repeated.
            MarketoProviderError: see `Exchange.ask`.
        """
        _at_most(records)
        body: dict[str, object] = {"action": action, "lookupField": lookup_field, "input": list(records)}
        if partition is not None:
            body["partitionName"] = partition

        def read(answer: bytes) -> LeadResults:
            results = SyncAnswer.model_validate_json(answer).values()
            if len(results) != len(records):
                raise ValueError("results do not pair up with records")
            return results

        request = Request("POST", "/rest/v1/leads.json", json=body)
        return (
            self._exchange.ask(request, read, deadline=deadline, writes=True)
            if records
            else LeadResults([], [], [])
        )

    def find_leads(
        self,
        filter_type: Literal["email", "id"],
        values: Sequence[str | int],
        *,
        field: str,
        deadline: float | None = None,
    ) -> list[Lead]:
        """Return every lead that matches one of up to 300 values, with the flag that `field` holds.

        Values that more than 1,000 leads match, which Marketo refuses, are asked for in halves.
        """
        _at_most(values)
        ends_at = self._exchange.deadline() if deadline is None else deadline
        form = {
            "filterType": filter_type,
            "filterValues": ",".join(str(value) for value in values),
            "fields": f"id,email,{field}",
            "batchSize": str(MAX_RECORDS),
        }

        def read(answer: bytes) -> tuple[list[Lead], str | None]:
            page = Page[LeadRow].model_validate_json(answer)
            if len(page.result) > MAX_RECORDS or page.following in asked:
                raise ValueError("pages that do not end")
            return [row.value(field) for row in page.result], page.following

        found: list[Lead] = []
        asked: set[str] = set()
        following: str | None = "" if values else None
        while following is not None:
            asked.add(following)
            token = {"nextPageToken": following} if following else {}
            # As a POST: 300 addresses are more than the 8 KB that a URL may have, and URLs end up in logs.
            request = Request("POST", "/rest/v1/leads.json", params={"_method": "GET"}, form=form | token)
            try:
                leads, following = self._exchange.ask(request, read, deadline=ends_at)
            except RequestRefused as refused:
                if refused.code == _NO_DATA:
                    break
                if refused.code != _TOO_MANY or len(values) == 1:
                    raise
                middle = len(values) // 2
                halves = (values[:middle], values[middle:])
                return [
                    lead
                    for half in halves
                    for lead in self.find_leads(filter_type, half, field=field, deadline=ends_at)
                ]
            found += leads
        return found

    def fields(self) -> list[Field]:
        """Return every lead field that the API can reach."""
        return [field for row in self._get("leads/describe2", Page[DescribeRow]) for field in row.values()]

    def is_custom(self, field: str) -> bool | None:
        """Tell whether a field is a custom one; None where the account may not know (603)."""
        try:
            rows = self._get(f"leads/schema/fields/{quote(field, safe='')}", Page[SchemaRow])
        except AccessDenied as denied:
            if denied.code != _NO_PERMISSION:
                raise
            return None
        return rows[0].is_custom if rows else None

    def partitions(self) -> list[str]:
        """Return the names of the lead partitions that the account sees."""
        return [row.name for row in self._get("leads/partitions", Page[PartitionRow])]

    def calls_today(self) -> int:
        """Return the calls that all integrations of the instance have made today."""
        days = self._get("stats/usage", Page[UsageRow])
        return max(days, key=lambda day: day.date).total if days else 0

    def _get(self, path: str, page: type[Page[Row]]) -> list[Row]:
        request = Request("GET", f"/rest/v1/{path}.json")
        return self._exchange.ask(request, page.model_validate_json, deadline=self._exchange.deadline()).result


def _at_most(items: Sequence[object]) -> None:
    if len(items) > MAX_RECORDS:
        raise ValueError(f"Marketo takes {MAX_RECORDS} records in a request, not {len(items)}.")
