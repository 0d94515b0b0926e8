"""Which of Marketo's two endpoints a change set goes to. Rules 5 and 7 of the sync.

Sync leads tells what became of each record and can be kept from creating leads, so it is preferred, and exits
always go by it. Bulk import costs a hundredth of the calls, so what sync leads cannot carry in the calls or the
time left goes by it: the entered only, and only where they may create leads, since an import by e-mail does.

Vendor pages: help/rest-api/leads.md, help/rest-api/bulk-lead-import.md (AdobeDocs/marketo-developer.en).
"""

import math
from dataclasses import dataclass
from typing import Literal

from marketo_provider.sync.batches import MOST_RECORDS

RouteName = Literal["sync_leads", "bulk_import"]


@dataclass(frozen=True, slots=True)
class Route:
    """The way that the entered go, and why, in words for the report."""

    name: RouteName
    reason: str


def choose_route(  # noqa: PLR0911, PLR0913 - one a reason, and what they depend on
    *,
    entered: int,
    exited: int,
    calls_left: int,
    calls_per_second: float,
    seconds_left: float | None,
    may_create: bool,
    forced: RouteName | None = None,
) -> Route:
    """Return the route.

    Args:
        entered: how many addresses are to be set True and may become new leads.
        exited: how many other addresses are to be written; they go by sync leads in any case.
        calls_left: what of the day's calls is ours.
        calls_per_second: how many calls a second our share of the limits allows.
        seconds_left: how long it is until the schedule's next run; None where there is none.
        may_create: whether the export may create leads.
        forced: the route that a person has asked for; it is taken wherever it can carry the change set.
    """
    if not may_create:
        return Route("sync_leads", "the export may not create leads, and an import would")
    if not entered:
        return Route("sync_leads", "nobody enters who could go by import")
    if calls_left <= 0:
        return Route("sync_leads", "there are no calls left for either")
    if forced:
        return Route(forced, "asked for by the operator's argument")
    calls = math.ceil(entered / MOST_RECORDS) + math.ceil(exited / MOST_RECORDS)
    if calls > calls_left:
        return Route("bulk_import", f"sync leads would take {calls:,} calls, and {max(0, calls_left):,} are left")
    seconds = calls / calls_per_second
    if seconds_left is not None and seconds > seconds_left:
        return Route(
            "bulk_import",
            f"sync leads would take {seconds / 60:,.0f} minutes, and the next run is in {seconds_left / 60:,.0f}",
        )
    return Route("sync_leads", f"needs {calls:,} of the calls left, and there is time")
