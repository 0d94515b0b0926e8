"""What pydantic found wrong, in our own words.

Pydantic's texts quote the value, which may be a secret or somebody's address. What to do about it is taken
from the field's description, so that forms, files and messages explain a key in one and the same way.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]

_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_YES_OR_NO: Final = "must be true or false"
_TEXT: Final = "must be a text (in quotes where it looks like a number or a date)"
_DATE: Final = "must be a date such as 2026-01-31"

_MESSAGES: Final = {
    "bool_parsing": _YES_OR_NO,
    "bool_type": _YES_OR_NO,
    "date_from_datetime_inexact": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_parsing": _DATE,
    "date_type": _DATE,
    "dict_type": "must be a mapping of keys to values",
    "extra_forbidden": "is not a known key",
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be a mapping of keys to values",
    "string_pattern_mismatch": "is not written as it has to be",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "must not be empty",
    "string_type": _TEXT,
    "tuple_type": "must be a list",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what, and what to do."""

    path: Path
    message: str
    remedy: str


def explain(error: ErrorDetails, model: type[BaseModel]) -> Fault:
    """Say what is wrong, and what to do about it.

    Args:
        error: one of the errors of a `ValidationError`.
        model: the model that declares the key, for its description and for its neighbours' names.
    """
    path = error["loc"] or ("",)  # a key that is no text at all has no place
    message = _MESSAGES.get(error["type"], "is not what is expected here").format(**error.get("ctx", {}))
    if error["type"] == "extra_forbidden":
        return Fault(path, message, _did_you_mean(str(path[-1]), model.model_fields))
    described = [model.model_fields[part].description for part in path if part in model.model_fields]
    return Fault(path, message, next((text for text in described if text), ""))


def shown(key: object) -> str:
    """Return a key that somebody wrote as a message may show it: nothing that could be an address."""
    text = str(key)
    return text if len(text) <= 60 and text.replace("_", "").replace("-", "").isalnum() else "(a key)"  # noqa: PLR2004 - long enough for any key of ours, and one line


def _did_you_mean(key: str, known: Iterable[str]) -> str:
    close = get_close_matches(key.lower(), known, n=1)
    return f"Did you mean {close[0]}?" if close else f"The keys are: {', '.join(known)}."
