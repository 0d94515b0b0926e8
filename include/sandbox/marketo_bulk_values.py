"""How the cells of a bulk import are read, by the type of their field.

Of Booleans, `true` and `false` in any case are taken and nothing else, for nothing else is documented. An empty
cell is null, by the lead database's general rule, also that of a Boolean. An address that is none is a warning,
and is stored as it stands.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/field-types
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from include.sandbox.marketo_fields import Field
from include.sandbox.marketo_values import EMAIL, FLOATS, INTEGERS, Scalar, accepts

_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]*)?")


class NotOfItsType(Exception):
    """A cell whose field does not take it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file, and how its cells are read; `read` raises NotOfItsType."""

    name: str
    display_name: str
    read: Callable[[str], Scalar]
    is_email: bool

    def warns(self, text: str) -> bool:
        """Say whether a cell of a column of addresses is none."""
        return EMAIL.fullmatch(text) is None


def column(field: Field) -> Column:
    """Return the column of a field."""
    return Column(field.name, field.display_name, _reader(field), field.data_type == "email")


def _reader(field: Field) -> Callable[[str], Scalar]:
    if field.data_type == "boolean":
        return _boolean
    if field.data_type in INTEGERS:
        return _integer
    if field.data_type in FLOATS:
        return _float
    if field.data_type == "email":
        return partial(_address, field.length)
    return partial(_text, field)


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise NotOfItsType
    return value


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise NotOfItsType
    return int(text)


def _float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise NotOfItsType
    return float(text)


def _address(length: int | None, text: str) -> str:
    if length is not None and len(text) > length:
        raise NotOfItsType
    return text


def _text(field: Field, text: str) -> str:
    if not accepts(field, text):
        raise NotOfItsType
    return text
