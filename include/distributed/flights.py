"""Whether two requests that must not meet were at Marketo's at once, judged by its own log.

A request counts from its arrival until Marketo has dealt with it, whether or not who sent it was still alive.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from include.demo.sandbox import Lead, LoggedCall
from include.demo.verdict import SYNC_LEADS

_CREATES = "createOrUpdate"


@dataclass(frozen=True, slots=True)
class _Write:
    """A request that wrote to leads.

    Attributes:
        call: it.
        action: Marketo's word for what it may do.
        fields: which it set.
        records: addresses and ids in it.
        people: whose they are; an id that is no lead's by now stands for itself.
    """

    call: LoggedCall
    action: str
    fields: frozenset[str]
    records: Counter[str]
    people: frozenset[str]

    def meets(self, other: "_Write") -> bool:
        """Whether the other was there at the same time."""
        return self.call.arrived_at <= other.call.number and other.call.arrived_at <= self.call.number


def writes_of(field: str, calls: Iterable[LoggedCall]) -> int:
    """Return how many requests have written to a field so far."""
    return sum(field in write.fields for write in _writes(calls, {}))


def judge_flights(calls: Iterable[LoggedCall], leads: Iterable[Lead]) -> list[str]:
    """Return what is wrong, in words without addresses."""
    writes = list(_writes(calls, {lead.lead_id: lead.key for lead in leads}))
    faults = Counter[str]()
    for write in writes:
        if max(write.records.values(), default=0) > 1:
            faults["requests hold an address or an id twice"] += 1
    for one, other in combinations(writes, 2):
        if not one.meets(other):
            continue
        if one.fields & other.fields and one.people & other.people:
            faults["pairs of requests set one person's field at once"] += 1
        if one.action == other.action == _CREATES and not one.fields & other.fields:
            faults["pairs of requests of two exports could create leads at once"] += 1
    return [f"{count:,} {what}." for what, count in sorted(faults.items())]


def _writes(calls: Iterable[LoggedCall], keys: Mapping[int, str]) -> Iterable[_Write]:
    for call in calls:
        if call.method != "POST" or call.path != SYNC_LEADS or call.query.get("_method") == "GET":
            continue
        body = json.loads(call.body)
        rows = body["input"]
        yield _Write(
            call,
            action=body["action"],
            fields=frozenset(name for row in rows for name in row.keys() - {"id", "email"}),
            records=Counter(_record(row) for row in rows),
            people=frozenset(keys.get(row["id"], _record(row)) if "id" in row else _record(row) for row in rows),
        )


def _record(row: Mapping[str, object]) -> str:
    return str(row["id"] if "id" in row else row["email"]).lower()
