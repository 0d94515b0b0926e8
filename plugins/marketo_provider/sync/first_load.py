"""What the first run of an export that is being declared would come to: an estimate, which writes nothing.

It costs one of Mixpanel's queries, for the cohort's first page: the exports of a project leave one of the five at
once to others. Addresses stay in memory; what is returned are figures.
"""

import hashlib
import math
from dataclasses import dataclass

from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.marketo.limits import WINDOW_SECONDS
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.state.suppression import SuppressionList
from marketo_provider.sync.address import read_addresses
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.budget import Budget
from marketo_provider.sync.import_files import rows_per_file
from marketo_provider.sync.lead_sample import LeadSample
from marketo_provider.sync.route import RouteName, choose_route
from marketo_provider.sync.snapshot import USABLE_FOR

# Each instance has it, and so it serves where the export's own field does not exist yet.
_ANY_FIELD = "emailInvalid"
_A_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLoad:
    """The figures.

    `members` and `new_leads` are estimated from the first page and the sample. `calls` and `days` are the fewest:
    other integrations need calls too, and how fast it imports Marketo does not tell. `seconds` is what the calls
    take within the limits.
    """

    profiles: int
    members: int
    sample: LeadSample
    new_leads: int
    route: RouteName
    route_reason: str
    calls: int
    calls_left: int
    days: int
    seconds: float

    def in_words(self, export: CohortExport) -> list[tuple[str, str]]:
        """Return what a person is told: on what, and what."""
        sample = self.sample
        new = f"about {self.new_leads:,} {'lead' if self.new_leads == 1 else 'leads'} would be new"
        unknown = new if export.create_leads else "others are left out"
        told = [
            ("Cohort", f"{self.profiles:,} profiles now, about {self.members:,} members with an address"),
            ("Leads", f"of {sample.size:,} members looked up {sample.known:,} are in Marketo; {unknown}"),
        ]
        if sample.holding:
            holding = (
                f"{sample.holding:,} of these leads hold True already: the first run will stop and ask. Better "
                "take a field that nobody has used"
            )
            told.append(("Beware", holding))
        calls = (
            f"At least {self.calls:,} {'call' if self.calls == 1 else 'calls'}, of {self.calls_left:,} left today"
        )
        minutes = f"{self.seconds / 60:,.0f} minutes" if self.seconds >= _A_MINUTE else "less than a minute"
        days = "today" if self.days == 1 else f"on {self.days:,} days"
        untold = ", and what Marketo needs to import" if self.route == "bulk_import" else ""
        load = f"by {self.route}: {self.route_reason}. {calls}: {minutes} at best{untold}, {days}"
        return [*told, ("First load", load)]


def estimate_first_load(  # noqa: PLR0913 - what it depends on
    mixpanel: MixpanelClient,
    marketo: MarketoClient,
    limits: MarketoConnection,
    *,
    export: CohortExport,
    is_new: bool,
    erased: SuppressionList,
) -> FirstLoad:
    """Return what a first load would come to.

    Args:
        mixpanel: the cohort's project.
        marketo: the field's instance.
        limits: of the instance's Connection.
        export: which is being declared.
        is_new: whether its field does not exist yet.
        erased: who is not exported.
    """
    page = mixpanel.first_page(export.cohort_id)
    valid = (address for address in read_addresses(page.emails)[0] if address and address not in erased)
    addresses = {address.lower(): address for address in valid}
    total = page.total or 0
    members = round(total * len(addresses) / len(page.emails)) if page.emails else 0
    sample = LeadSample.look_up(marketo, _some(addresses), field=_ANY_FIELD if is_new else export.marketo_field)
    budget, calls_per_second = Budget(marketo, limits), limits.calls_per_20_seconds / WINDOW_SECONDS
    calls_left = budget.left_for_entries()
    route = choose_route(
        entered=members,
        exited=0,
        calls_left=calls_left,
        calls_per_second=calls_per_second,
        seconds_left=None if export.sync_type == "one_time" else USABLE_FOR.total_seconds(),
        may_create=export.create_leads,
    )
    calls = math.ceil(members / MOST_RECORDS)
    if route.name == "bulk_import":
        # A file is uploaded, and its end looked for.
        calls = 2 * math.ceil(members / rows_per_file(sum(map(len, addresses)) / len(addresses)))
    return FirstLoad(
        profiles=total,
        members=members,
        sample=LeadSample(sample.size, sample.known, 0 if is_new else sample.holding),
        new_leads=sample.new_of(members) if export.create_leads else 0,
        route=route.name,
        route_reason=route.reason,
        calls=calls,
        calls_left=max(0, calls_left),
        days=budget.days_for_entries(calls),
        seconds=calls / calls_per_second,
    )


def _some(addresses: dict[str, str]) -> list[str]:
    """Return as many as one call looks up; by their hashes, so that it is a sample without favour."""
    keys = sorted(addresses, key=lambda key: hashlib.sha256(key.encode()).digest())
    return [addresses[key] for key in keys[:MOST_RECORDS]]
