"""Which addresses are members of a cohort, worked out for the demo alone.

Simple on purpose and independent of the provider: what the demo's verdict rests on must not share the provider's
mistakes. The rule is the one that docs/report.md gives.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_PLACEHOLDERS = ("", "null", "undefined", "<null>", "<undefined>")
_FORBIDDEN = ',;<>"()[]'
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Cohort:
    """What is in a cohort: how many profiles, also those that add no address; and the distinct addresses."""

    profiles: int
    without_email: int
    invalid_email: int
    duplicate_email: int
    members: frozenset[str]


def read_cohort(emails: Iterable[object]) -> Cohort:
    """Return what a cohort holds whose profiles have these values as `$email`."""
    values = list(emails)
    texts = [value.strip() for value in values if isinstance(value, str)]
    placeholders = sum(text.lower() in _PLACEHOLDERS for text in texts)
    without_email = placeholders + sum(value is None for value in values)
    addresses = [text.lower() for text in texts if _is_address(text)]
    members = frozenset(addresses)
    return Cohort(
        profiles=len(values),
        without_email=without_email,
        invalid_email=len(values) - without_email - len(addresses),
        duplicate_email=len(addresses) - len(members),
        members=members,
    )


def _is_address(text: str) -> bool:
    name, at, domain = text.partition("@")
    plain = all("!" <= character <= "~" and character not in _FORBIDDEN for character in text)
    return bool(plain and len(text) <= _LONGEST and name and at and "@" not in domain and "." in domain[1:-1])
