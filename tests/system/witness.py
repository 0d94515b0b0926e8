"""What Marketo's log and leads say of the syncs: judged from these alone, without the provider.

Each function returns what is wrong, in words without addresses.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.demo.sandbox import Lead, LoggedCall

_SYNC_LEADS = "/rest/v1/leads.json"


@dataclass(frozen=True, slots=True)
class Write:
    """A request that wrote to leads: `keys` are addresses or ids. It overlapped those from `arrived_at` on."""

    number: int
    arrived_at: int
    keys: tuple[str | int, ...]


def writes_of(calls: Iterable[LoggedCall]) -> list[Write]:
    """Return the writes among calls, in the order in which they took effect."""
    return [
        Write(call.number, call.arrived_at, tuple(_keys(json.loads(call.body))))
        for call in calls
        if (call.method, call.path) == ("POST", _SYNC_LEADS) and "_method" not in call.query
    ]


def judge_writes(writes: Sequence[Write], leads: Iterable[Lead]) -> list[str]:
    """See that nobody was in two requests at once, nor twice in one."""
    addresses = {lead.lead_id: lead.key for lead in leads}
    people = [[addresses[key] if isinstance(key, int) else key for key in write.keys] for write in writes]
    at_once = sum(
        not set(people[first]).isdisjoint(people[second])
        for second, write in enumerate(writes)
        for first in range(second)
        if writes[first].number >= write.arrived_at
    )
    twice = sum(len(set(named)) < len(named) for named in people)
    faults = {
        "pairs of requests that were under way at once name the same person": at_once,
        "requests name a person twice": twice,
    }
    return [f"{count} {what}." for what, count in faults.items() if count]


def judge_leads(leads: Sequence[Lead], field: str, members: Collection[str]) -> list[str]:
    """See that exactly the members' leads hold True, and that each member has one lead."""
    number = Counter(lead.key for lead in leads)
    faults = {
        "leads of members do not hold True": sum(
            lead.key in members and lead.values.get(field) is not True for lead in leads
        ),
        "leads of others hold True": sum(
            lead.key not in members and lead.values.get(field) is True for lead in leads
        ),
        "members have no lead": sum(member not in number for member in members),
        "addresses have more than one lead": sum(count > 1 for count in number.values()),
    }
    return [f"{count} {what}." for what, count in faults.items() if count]


def _keys(body: Mapping[str, Any]) -> Iterable[str | int]:
    lookup = body["lookupField"]
    for record in body["input"]:
        yield record[lookup].lower() if isinstance(record[lookup], str) else record[lookup]
