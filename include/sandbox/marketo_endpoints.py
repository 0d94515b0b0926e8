"""The endpoints under /rest: what each needs, and what it does; those of bulk import are in `marketo_bulk`.

An endpoint runs as its request arrives and returns what happens when the answer is due: a sync looks up first
and writes then, a read reads then.
https://developer.adobe.com/marketo-apis/api/mapi/
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from include.sandbox.marketo_answers import Refused
from include.sandbox.marketo_fields import Field
from include.sandbox.marketo_instance import (
    CUSTOM_SCHEMA,
    READ_LEAD,
    STANDARD_SCHEMA,
    WRITE_LEAD,
    Instance,
)
from include.sandbox.marketo_query import Query, batch_size, digest, last_id, token
from include.sandbox.marketo_schema import create_fields, schema_field
from include.sandbox.marketo_sync import Sync
from include.sandbox.wire import Response


@dataclass(frozen=True, slots=True)
class Call:
    """A request as an endpoint sees it: its parameters, its body, and the name in its path."""

    parameters: Mapping[str, str]
    body: bytes
    content_type: str
    name: str = ""

    def json(self) -> Any:
        """Return the body.

        Raises:
            Refused: it is not said to be JSON (612), or it is not (609); a key given twice is not either.
        """
        if self.content_type.partition(";")[0].strip().lower() != "application/json":
            raise Refused("612")
        try:
            text = self.body.decode("utf-8")
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Refused("609") from None


Finish = Callable[[], Mapping[str, Any] | Response]
"""What an endpoint does when its answer is due: the envelope's members, or an answer that has no envelope."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation, open to who has any of `permissions` (to all, where none is named)."""

    begin: Callable[[Instance, Call], Finish]
    permissions: frozenset[str] = frozenset()


def _sync(instance: Instance, call: Call) -> Finish:
    limits = instance.gate.limits
    sync = Sync(instance.catalog, instance.leads, instance.partitions, limits.max_records)
    finish = sync.begin(call.json())
    return lambda: {"result": finish()}


def _query(instance: Instance, call: Call) -> Finish:
    limits = instance.gate.limits
    query = Query(instance.catalog, instance.leads, instance.partitions, limits.max_values, limits.max_matches)
    return lambda: query.run(call.parameters)


def _describe(instance: Instance, _: Call) -> Finish:
    return lambda: {"result": instance.catalog.describe()}


def _describe2(instance: Instance, _: Call) -> Finish:
    return lambda: {"result": instance.catalog.describe2()}


def _partitions(instance: Instance, _: Call) -> Finish:
    return lambda: {"result": instance.partitions.result()}


def _schema(instance: Instance, call: Call) -> Finish:
    def finish() -> Mapping[str, Any]:
        reachable = [field for field in instance.catalog if field.rest]
        fields = [field for field in reachable if _schema_permission(field) in instance.permissions]
        size, question = batch_size(call.parameters), digest("schema", sorted(instance.permissions))
        start = last_id(call.parameters.get("nextPageToken"), question)
        end = start + size
        more = end < len(fields)
        page = {"result": [schema_field(field) for field in fields[start:end]], "moreResult": more}
        return page | ({"nextPageToken": token(question, end)} if more else {})

    return finish


def _schema_by_name(instance: Instance, call: Call) -> Finish:
    def finish() -> Mapping[str, Any]:
        field = instance.catalog.get(call.name)
        if field is None:
            raise Refused("702")  # the vendor does not say which code this is
        if _schema_permission(field) not in instance.permissions:
            raise Refused("603")
        return {"result": [schema_field(field)]}

    return finish


def _create_fields(instance: Instance, call: Call) -> Finish:
    body = call.json()
    if not isinstance(body, dict):
        raise Refused("609")
    limit = instance.gate.limits.max_custom_fields
    return lambda: {"result": create_fields(instance.catalog, body.get("input"), limit=limit)}


def _schema_permission(field: Field) -> str:
    return CUSTOM_SCHEMA if field.custom else STANDARD_SCHEMA


def _usage(days: int) -> Callable[[Instance, Call], Finish]:
    return lambda instance, _: lambda: {"result": instance.gate.usage(days=days)}


def _errors(days: int) -> Callable[[Instance, Call], Finish]:
    return lambda instance, _: lambda: {"result": instance.gate.errors(days=days)}


_READ = frozenset({READ_LEAD, WRITE_LEAD})
_SCHEMA = frozenset({STANDARD_SCHEMA, CUSTOM_SCHEMA})
ENDPOINTS: Mapping[str, Mapping[str, Endpoint]] = {
    "/rest/v1/leads.json": {
        "GET": Endpoint(_query, _READ),
        "POST": Endpoint(_sync, frozenset({WRITE_LEAD})),
    },
    "/rest/v1/leads/describe.json": {"GET": Endpoint(_describe, _READ)},
    "/rest/v1/leads/describe2.json": {"GET": Endpoint(_describe2, _READ)},
    "/rest/v1/leads/partitions.json": {"GET": Endpoint(_partitions, _READ)},
    "/rest/v1/leads/schema/fields.json": {
        "GET": Endpoint(_schema, _SCHEMA),
        "POST": Endpoint(_create_fields, frozenset({CUSTOM_SCHEMA})),
    },
    "/rest/v1/leads/schema/fields/{fieldApiName}.json": {"GET": Endpoint(_schema_by_name, _SCHEMA)},
    "/rest/v1/stats/usage.json": {"GET": Endpoint(_usage(1))},
    "/rest/v1/stats/usage/last7days.json": {"GET": Endpoint(_usage(7))},
    "/rest/v1/stats/errors.json": {"GET": Endpoint(_errors(1))},
    "/rest/v1/stats/errors/last7days.json": {"GET": Endpoint(_errors(7))},
}
"""By path, as the vendor's Swagger file writes it, and method."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key is given twice")
    return content


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
