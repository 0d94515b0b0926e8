"""Get Leads by Filter Type.

Values are separated by commas, so an address that holds one cannot be asked for. Pages are found again by a
token that holds the last id and a digest of the question: with another question it is refused.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads ("Query")
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from include.sandbox.marketo_answers import Refused
from include.sandbox.marketo_fields import Catalog
from include.sandbox.marketo_leads import Lead, LeadStore
from include.sandbox.marketo_partitions import Partitions
from include.sandbox.marketo_values import Scalar

PAGE = 300
_DEFAULT_FIELDS = ("firstName", "lastName", "email", "updatedAt", "createdAt")


@dataclass(frozen=True, slots=True)
class Query:
    """Get Leads by Filter Type on one instance."""

    catalog: Catalog
    leads: LeadStore
    partitions: Partitions
    max_values: int
    max_matches: int

    def run(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return one page: `result`, and `moreResult` with `nextPageToken` if it is not the last.

        Raises:
            Refused: the question is not one that Marketo takes, or has too many answers.
        """
        name, values = self._filter(parameters)
        names = self._names(parameters.get("fields", ""))
        size = batch_size(parameters)
        question = digest(name, sorted(values), names)
        after = last_id(parameters.get("nextPageToken"), question)
        found = [lead for lead in self._find(name, values) if self.partitions.accessible(lead.partition)]
        if len(found) > self.max_matches:
            raise Refused("1003", "Too many results match the filter")
        page = [lead for lead in found if lead.lead_id > after]
        answer: dict[str, Any] = {"result": [self._shown(lead, names) for lead in page[:size]]}
        if len(page) > size:
            answer |= {"moreResult": True, "nextPageToken": token(question, page[size - 1].lead_id)}
        return answer

    def _filter(self, parameters: Mapping[str, str]) -> tuple[str, list[str]]:
        for parameter in ("filterType", "filterValues"):
            if not parameters.get(parameter, "").strip():
                raise Refused("701", f"{parameter} cannot be blank")
        name = parameters["filterType"]
        if self.catalog.get(name) is None:
            raise Refused("1006", f"Field '{name}' not found")
        if not self.catalog.searchable(name):
            raise Refused("1011", f"Field '{name}' not supported")
        values = [value for value in parameters["filterValues"].split(",") if value]
        if len(values) > self.max_values:
            raise Refused("1003", f"No more than {self.max_values} filter values are allowed")
        if name in {"id", "leadPartitionId"} and not all(value.isdecimal() for value in values):
            raise Refused("1003", f"Invalid value for filter '{name}'")
        return name, values

    def _names(self, listed: str) -> list[str]:
        names = [name for name in listed.split(",") if name] or list(_DEFAULT_FIELDS)
        for name in names:
            if self.catalog.get(name) is None:
                raise Refused("1006", f"Field '{name}' not found")
        return names

    def _find(self, name: str, values: list[str]) -> list[Lead]:
        if name != "leadPartitionId":
            return self.leads.find(name, values)
        ids = {int(value) for value in values}
        return [lead for lead in self.leads if self.partitions.id_of(lead.partition) in ids]

    def _shown(self, lead: Lead, names: list[str]) -> dict[str, Scalar]:
        return {"id": lead.lead_id} | {name: self._value(lead, name) for name in names}

    def _value(self, lead: Lead, name: str) -> Scalar:
        if name == "id":
            return lead.lead_id
        if name == "leadPartitionId":
            return self.partitions.id_of(lead.partition)
        if name in {"createdAt", "updatedAt"}:
            return _moment(lead.created_at if name == "createdAt" else lead.updated_at)
        if name not in lead.values:
            # Seen on a real instance: a Boolean that was never set reads as false, all else as null.
            field = self.catalog.get(name)
            return False if field and field.data_type == "boolean" else None
        return lead.values[name]


def batch_size(parameters: Mapping[str, str]) -> int:
    """Return how many results a page may hold."""
    asked = parameters.get("batchSize", str(PAGE))
    if not asked.isdecimal() or int(asked) == 0:
        raise Refused("1003", "Invalid value for 'batchSize'")
    return min(int(asked), PAGE)


def digest(*parts: object) -> str:
    """Return what a token keeps of the question it belongs to."""
    return sha256(repr(parts).encode()).hexdigest()[:24].upper()


def token(question: str, last: int) -> str:
    """Return the token of the page after `last`."""
    return f"{question}{last:X}===="


def last_id(page_token: str | None, question: str) -> int:
    """Return the id after which the page begins.

    Raises:
        Refused: the token was not given for this question.
    """
    if page_token is None:
        return 0
    tail = page_token.removeprefix(question).removesuffix("====")
    if page_token != f"{question}{tail}====":
        raise Refused("1003", "Invalid nextPageToken")
    try:
        return int(tail, 16)
    except ValueError:
        raise Refused("1003", "Invalid nextPageToken") from None


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
