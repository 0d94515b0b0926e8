"""Which JSON value a lead field takes; what it does not take is the record-level error 1003.

Stricter than Marketo where its rule is unknown: a Boolean is JSON's true or false, never "true" or 1.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/field-types
"""

import re
from datetime import date, datetime

from include.sandbox.marketo_fields import Field

Scalar = str | int | float | bool | None
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
"""Only ASCII is taken in an address (Leads, "Create and Update")."""
INTEGERS = frozenset({"integer", "score", "percent"})
FLOATS = frozenset({"float", "currency"})


def accepts(field: Field, value: Scalar) -> bool:
    """Say whether `field` takes `value`; null is taken by all, and so is the empty string, as null."""
    if value is None or value == "":
        return True
    if field.data_type == "boolean":
        return isinstance(value, bool)
    if field.data_type in INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if field.data_type in FLOATS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) and _is_text(field, value)


def _is_text(field: Field, value: str) -> bool:
    if field.length is not None and len(value) > field.length:
        return False
    if field.data_type == "email":
        return EMAIL.fullmatch(value) is not None
    return field.data_type not in {"date", "datetime"} or _is_date(value, field.data_type)


def _is_date(value: str, data_type: str) -> bool:
    try:
        if data_type == "date":
            date.fromisoformat(value)
        else:
            datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def shown(value: Scalar) -> str:
    """Return a value as an error message quotes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
