"""What counts as an address, of all that a Mixpanel profile may hold as `$email`."""

import re
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MISSING = frozenset({"", "null", "undefined", "<null>", "<undefined>"})
_LONGEST = 255
# In printable ASCII, without spaces and what separates or encloses addresses.
_PART = r"[!#-'*+\-./0-9:=?A-Z\\^-~]+"
_ADDRESS = rf"{_PART}@{_PART}\.{_PART}"
_FORM = re.compile(_ADDRESS)


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
    if len(address) <= _LONGEST and _FORM.fullmatch(address):
        return address
    return Unusable.WITHOUT_EMAIL if address.lower() in _MISSING else Unusable.INVALID_EMAIL


def read_addresses(values: Sequence[object]) -> tuple[list[str | None], list[Unusable | None]]:
    """Return what `read_address` makes of each value: the address or the cause; one call for all settles most."""
    addresses = [value if type(value) is str else None for value in values]
    causes: list[Unusable | None] = [None] * len(values)
    column = pa.array(addresses, pa.string())
    short = pc.less_equal(pc.binary_length(column), pa.scalar(_LONGEST))
    plain = pc.and_(pc.match_substring_regex(column, rf"\A{_ADDRESS}\z"), short).fill_null(fill_value=False)
    for index in np.flatnonzero(~plain.to_numpy(zero_copy_only=False)).tolist():
        read = read_address(values[index])
        addresses[index], causes[index] = (None, read) if isinstance(read, Unusable) else (read, None)
    return addresses, causes
