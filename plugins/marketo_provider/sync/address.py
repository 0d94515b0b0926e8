"""What counts as an address, of all that a Mixpanel profile may hold as `$email`."""

import re
from enum import StrEnum

_MISSING = frozenset({"", "null", "undefined", "<null>", "<undefined>"})
_LONGEST = 255
_FORM = re.compile(r'[^@\s,;<>"()\[\]]+@[^@\s,;<>"()\[\]]+\.[^@\s,;<>"()\[\]]+')


class Unusable(StrEnum):
    """Why a profile is not exported."""

    WITHOUT_EMAIL = "without_email"
    INVALID_EMAIL = "invalid_email"


def read_address(value: object) -> str | Unusable:
    """Return the valid address that `value` holds, trimmed, its case kept; or why there is none."""
    if value is None:
        return Unusable.WITHOUT_EMAIL
    if not isinstance(value, str):
        return Unusable.INVALID_EMAIL
    address = value.strip()
    if address.lower() in _MISSING:
        return Unusable.WITHOUT_EMAIL
    # Of the ASCII characters just the control characters are not printable.
    if len(address) <= _LONGEST and address.isascii() and address.isprintable() and _FORM.fullmatch(address):
        return address
    return Unusable.INVALID_EMAIL
