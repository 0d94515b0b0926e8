"""How the page writes times, ages and numbers, and what it says of each step of the waterfall."""

from datetime import datetime
from typing import Final

_NOTHING: Final = "—"
_UNITS: Final = ((86400, "day"), (3600, "hour"), (60, "minute"))

# Each step: its name, and what to know or to do about it.
STEPS: Final = {
    "profiles": (
        "Profiles in Mixpanel",
        "The profiles that Mixpanel gave; its list of cohorts counts users, which may be another number.",
    ),
    "without_email": (
        "Without e-mail",
        (
            "Their $email is missing or blank, and Marketo knows people by address. Far more than you "
            "expect? Ask whoever runs Airflow: the service account may lack the right to classified data, "
            "or use a data view that filters."
        ),
    ),
    "invalid_email": ("Invalid address", "Marketo could not take it. Correct $email in Mixpanel."),
    "duplicate_email": (
        "Same address as another profile",
        "Mixpanel counts profiles, and Marketo people by address: nothing to do.",
    ),
    "members": ("Members", "Distinct addresses: those who should hold True."),
    "refused": (
        "Refused by Marketo",
        "Tried again by itself after 1, 2, 4 … 30 days. The reasons stand below.",
    ),
    "absent": (
        "Not in Marketo",
        "There is no such lead: the export creates none (create_leads: false), or it was deleted in Marketo.",
    ),
    "open": ("Not sent yet", "Left over for the next run, or in a file that Marketo is importing."),
    "accepted": ("True in Marketo", "Addresses; one with duplicates in Marketo counts several leads there."),
}


def number(value: float | None) -> str:
    """Return a number with separators; a dash where there is none."""
    return _NOTHING if value is None else f"{value:,.0f}"


def share(value: float | None) -> str:
    """Return a share in per cent; a dash where there is none."""
    return _NOTHING if value is None else f"{value:.1%}"


def moment(at: datetime | None) -> str:
    """Return a time in UTC; a dash where there is none."""
    return _NOTHING if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def age(seconds: float | None) -> str:
    """Return an age in its largest unit; a dash where there is none."""
    if seconds is None:
        return _NOTHING
    for size, unit in _UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
