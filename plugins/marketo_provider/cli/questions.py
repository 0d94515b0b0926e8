"""Questions at a terminal, each of which an option answers as well.

They go to standard error, so that standard output holds a command's result and nothing else.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

from marketo_provider.errors import InvalidSetting, StopAndAsk

T = TypeVar("T")

_YES = "yes"


def tell(text: str = "") -> None:
    """Print a line that is no part of the result."""
    print(text, file=sys.stderr)  # noqa: T201 - a person reads it


def plain(text: str) -> str:
    """Return a vendor's text without what would steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def answer(
    question: str, *, option: str, given: str | None, read: Callable[[str], T], default: str | None = None
) -> T:
    """Return what `read` makes of an answer; at a terminal a wrong one is told and asked for again.

    Args:
        question: in words, without a mark.
        option: the one that answers it.
        given: what that option says.
        read: turns an answer into a value.
        default: the answer where nothing is typed, or there is nobody to ask.

    Raises:
        InvalidSetting: there is nobody to ask, and the option is missing.
        StopAndAsk: what `read` raises for the option's answer.
    """
    if given is not None:
        return read(given)
    if not sys.stdin.isatty():
        if default is None:
            raise _missing(option)
        return read(default)
    while True:
        text = _line(f"{question} [{default}]: " if default else f"{question}: ") or default
        if not text:
            continue
        try:
            return read(text)
        except StopAndAsk as refused:
            tell(str(refused))


def confirm(question: str, *, option: str, given: bool) -> None:
    """Go on only with an explicit yes.

    Raises:
        InvalidSetting: there is none.
    """
    if given:
        return
    if not sys.stdin.isatty():
        raise _missing(option)
    if _line(f"{question} Type {_YES}: ") != _YES:
        raise InvalidSetting("Stopped: nothing was created, written or sent.")


def _line(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)  # noqa: T201 - a prompt
    line = sys.stdin.readline()
    if not line:
        tell()
        raise InvalidSetting("Stopped: nothing was created, written or sent.")
    return line.strip()


def _missing(option: str) -> InvalidSetting:
    return InvalidSetting(f"There is no terminal to ask at, so the option {option} is missing. Give it.")
