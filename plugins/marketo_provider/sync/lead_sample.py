"""Some members, looked up in Marketo: how many it knows, and how many hold True already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from marketo_provider.marketo.client import MarketoClient


@dataclass(frozen=True, slots=True)
class LeadSample:
    """So many addresses were looked up; `known` of them are leads, and `holding` leads hold True."""

    size: int
    known: int
    holding: int

    @classmethod
    def look_up(cls, client: MarketoClient, addresses: Sequence[str], *, field: str) -> Self:
        """Look up to 300 addresses up, of which no two are the same person's."""
        leads = client.find_leads("email", addresses, field=field)
        known = {lead.email.lower() for lead in leads if lead.email is not None}
        return cls(len(addresses), len(known), sum(lead.flag for lead in leads))

    def new_of(self, candidates: int) -> int:
        """Estimate how many of so many people would be new leads."""
        return round(candidates * (1 - self.known / self.size)) if self.size else 0
