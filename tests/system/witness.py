"""Whether Marketo's leads are right, judged without the provider."""

from collections import Counter
from collections.abc import Collection, Sequence

from include.demo.sandbox import Lead


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
