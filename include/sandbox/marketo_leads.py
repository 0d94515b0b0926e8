"""The lead database: leads by id, an index of their addresses, and what an operator does to them by hand.

Addresses match in any case. Ids are never used twice. `updated_at` follows standard fields only, as the real
`updatedAt` does ("Bulk Lead Extract"), so that it proves nothing about a custom field.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from include.sandbox.clock import Clock
from include.sandbox.marketo_fields import Catalog
from include.sandbox.marketo_values import Scalar

Values = Mapping[str, Scalar]
_ID_DIGITS = 18


@dataclass(slots=True)
class Lead:
    """One person; a value that was never set is not in `values`."""

    lead_id: int
    partition: str
    created_at: datetime
    updated_at: datetime
    values: dict[str, Scalar] = field(default_factory=dict)


def key(value: Scalar) -> str:
    """Return the form in which values are compared."""
    return str(value).lower()


class LeadStore:
    """All leads of an instance."""

    def __init__(self, catalog: Catalog, clock: Clock, *, first_id: int) -> None:
        self._catalog = catalog
        self._clock = clock
        self._next_id = first_id
        self._leads: dict[int, Lead] = {}
        self._by_email: dict[str, list[int]] = {}

    def __iter__(self) -> Iterator[Lead]:
        return iter(self._leads.values())

    def __len__(self) -> int:
        return len(self._leads)

    def get(self, lead_id: int) -> Lead | None:
        """Return the lead of that id."""
        return self._leads.get(lead_id)

    def find(self, name: str, values: Iterable[Scalar]) -> list[Lead]:
        """Return the leads whose field `name` holds one of `values`, by id."""
        keys = {key(value) for value in values}
        if name == "id":
            ids = [int(value) for value in keys if value.isdecimal()]
        elif name == "email":
            ids = [lead_id for value in keys for lead_id in self._by_email.get(value, ())]
        else:
            ids = [lead.lead_id for lead in self if name in lead.values and key(lead.values[name]) in keys]
        return [self._leads[lead_id] for lead_id in sorted(ids) if lead_id in self._leads]

    def finder(self, name: str) -> Callable[[str], Sequence[int]]:
        """Return what finds the ids of the leads whose field `name` holds a value, without a search for each."""
        if name == "id":
            return self._existing
        index = self._by_email if name == "email" else self._index(name)
        return lambda value: index.get(value.lower(), ())

    def latest(self, lead_ids: Iterable[int]) -> Lead:
        """Return the lead that was updated last."""
        return max(
            (self._leads[lead_id] for lead_id in lead_ids), key=lambda lead: (lead.updated_at, lead.lead_id)
        )

    def create(self, values: Values, *, partition: str) -> Lead:
        """Add a lead, whatever there is already."""
        now = self._clock.now()
        lead = Lead(self._next_id, partition, now, now)
        self._next_id += 1
        self._leads[lead.lead_id] = lead
        self._write(lead, values)
        return lead

    def update(self, lead: Lead, values: Values) -> None:
        """Write `values` over those of a lead."""
        self._write(lead, values)

    def delete(self, lead_ids: Iterable[int]) -> None:
        """Remove leads; ids that are not there are passed over."""
        for lead_id in lead_ids:
            lead = self._leads.pop(lead_id, None)
            if lead is not None:
                self._unindex(lead)

    def merge(self, winner: Lead, losers: Iterable[Lead]) -> None:
        """Keep the winner's values, false ones too, fill what is null from the losers, and remove those."""
        for loser in losers:
            missing = {name: value for name, value in loser.values.items() if winner.values.get(name) is None}
            self._write(winner, missing)
            self.delete([loser.lead_id])

    def _existing(self, value: str) -> Sequence[int]:
        lead_id = int(value) if value.isascii() and value.isdecimal() and len(value) <= _ID_DIGITS else None
        return [] if lead_id is None or lead_id not in self._leads else [lead_id]

    def _index(self, name: str) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for lead in self:
            if lead.values.get(name) is not None:
                index.setdefault(key(lead.values[name]), []).append(lead.lead_id)
        return index

    def _write(self, lead: Lead, values: Values) -> None:
        self._unindex(lead)
        for name, value in values.items():
            stored = None if value == "" else value
            known = self._catalog.get(name)
            if lead.values.get(name) != stored and not (known and known.custom):
                lead.updated_at = self._clock.now()
            lead.values[name] = stored
        email = lead.values.get("email")
        if email is not None:
            self._by_email.setdefault(key(email), []).append(lead.lead_id)

    def _unindex(self, lead: Lead) -> None:
        email = lead.values.get("email")
        if email is not None and lead.lead_id in self._by_email.get(key(email), ()):
            self._by_email[key(email)].remove(lead.lead_id)
