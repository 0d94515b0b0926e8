"""The people of the sandbox's cohorts: the same seed and number give the same person, mess included.

Real cohorts are not clean, so neither are these: addresses come twice and in mixed case, with blanks around
them, as placeholders, lists and numbers, or not at all. Every hundred people in a row hold each kind of mess
in the numbers of `_SLOTS`, so that small cohorts have it too. A person's own address holds his number, which
is never given twice in one sandbox: whoever comes later is somebody new, unless his kind is to share.
Nobody here can be written to: all domains are reserved for examples (RFC 2606).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, repeat
from typing import Literal

from pydantic import JsonValue

DistinctId = str | int
Properties = dict[str, JsonValue]
Kind = Literal[
    "plain", "missing", "shared", "shared_other_case", "mixed_case", "plus", "blank", "json_null", "null",
    "undefined", "list", "number", "quoted", "comma", "non_ascii", "spaces_around", "no_break_spaces_around",
    "no_break_space_inside", "long",
]  # fmt: skip

_SLOTS: dict[Kind, int] = {
    "plain": 40,
    "missing": 20,
    "shared": 8,
    "shared_other_case": 4,
    "mixed_case": 6,
    "plus": 4,
    "blank": 2,
    "json_null": 1,
    "null": 2,
    "undefined": 1,
    "list": 1,
    "number": 1,
    "quoted": 1,
    "comma": 1,
    "non_ascii": 2,
    "spaces_around": 2,
    "no_break_spaces_around": 2,
    "no_break_space_inside": 1,
    "long": 1,
}
_CYCLE: tuple[Kind, ...] = tuple(chain.from_iterable(repeat(kind, slots) for kind, slots in _SLOTS.items()))
_STRIDE = 37  # has no divisor in common with the cycle: spreads the kinds, and leaves none out
_FIRST = ("Ada", "Bela", "Carlos", "Dana", "Emeka", "Fatima", "Grace", "Hiro", "Iris", "Jonas", "Kira", "Li")
_LAST = ("Abe", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jansen", "O'Brien")
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
_NEIGHBOURS = 20  # who share within such a group share with the same person
_LONG = 300
_NBSP = "\u00a0"


@dataclass(frozen=True, slots=True)
class Person:
    """A profile to be; `$email` is missing where the person has none."""

    distinct_id: DistinctId
    properties: Properties


def kind_of(seed: int, number: int) -> Kind:
    """Return what is the matter with the address of person `number`."""
    return _CYCLE[(seed + number * _STRIDE) % len(_CYCLE)]


def person(seed: int, number: int) -> Person:
    """Return person `number` of the people of `seed`; a tenth have integers as ids."""
    digits = _digits(seed, number)
    first, last = _name(digits)
    properties: Properties = {"$name": f"{first} {last}"}
    make = _EMAILS.get(kind_of(seed, number))
    if make:
        properties["$email"] = make(seed, number)
    return Person(1_000_000 + number if digits % 10 == 0 else f"u-{digits:016x}-{number}", properties)


def people(seed: int, numbers: range) -> Iterator[Person]:
    """Yield the people of `seed` with these numbers."""
    return (person(seed, number) for number in numbers)


def stranger_id(seed: int, number: int) -> DistinctId:
    """Return an id as devices have it that never told Mixpanel who uses them: there is no profile to it."""
    return f"$device:{_digits(seed, number):016x}-{number}"


def _digits(seed: int, number: int) -> int:
    return int.from_bytes(blake2b(f"{seed}:{number}".encode(), digest_size=8).digest())


def _name(digits: int) -> tuple[str, str]:
    return _FIRST[(digits >> 8) % len(_FIRST)], _LAST[(digits >> 16) % len(_LAST)]


def _parts(seed: int, number: int) -> tuple[str, str]:
    digits = _digits(seed, number)
    first, last = _name(digits)
    return f"{first}.{last}{number}".lower(), _DOMAINS[(digits >> 24) % len(_DOMAINS)]


def _own(seed: int, number: int) -> str:
    local, domain = _parts(seed, number)
    return f"{local}@{domain}"


def _shared(seed: int, number: int) -> str:
    other = number - number % _NEIGHBOURS - 1
    while kind_of(seed, other) != "plain":
        other -= 1
    return _own(seed, other)


def _plus(seed: int, number: int) -> str:
    local, domain = _parts(seed, number)
    return f"{local}+news@{domain}"


def _quoted(seed: int, number: int) -> str:
    local, domain = _parts(seed, number)
    return f'"{local.replace(".", ", ")}"@{domain}'


_EMAILS: dict[Kind, Callable[[int, int], JsonValue]] = {
    "plain": _own,
    "shared": _shared,
    "shared_other_case": lambda seed, number: _shared(seed, number).upper(),
    "mixed_case": lambda seed, number: _own(seed, number).title(),
    "plus": _plus,
    "blank": lambda _, number: " " * (number % 3),
    "json_null": lambda _, __: None,
    "null": lambda _, __: "<null>",
    "undefined": lambda _, __: "<undefined>",
    "list": lambda seed, number: [_own(seed, number)],
    "number": lambda _, number: 4_900_000_000 + number,
    "quoted": _quoted,
    "comma": lambda seed, number: f"{_own(seed, number)},{_plus(seed, number)}",
    "non_ascii": lambda seed, number: f"jürgen.{_own(seed, number)}",
    "spaces_around": lambda seed, number: f"  {_own(seed, number)} ",
    "no_break_spaces_around": lambda seed, number: f"{_NBSP}{_own(seed, number)}{_NBSP}",
    "no_break_space_inside": lambda seed, number: _own(seed, number).replace(".", _NBSP, 1),
    "long": lambda seed, number: _own(seed, number).rjust(_LONG, "a"),
}
