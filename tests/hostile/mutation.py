"""Inputs bent out of valid ones: by what JSON can hold, and by bytes. A number decides all, so that it repeats."""

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from tests.hostile.clients import CANARY

_VALUES: Sequence[Any] = (
    *(None, True, False, 0, 1, -1, 1.5, 2**31, 2**63, 10**30, 10**400, 1e308, float("nan"), float("inf")),
    *("", " ", "0", "7", "1e5", "true", "null", CANARY, "\ud800", "\x00", "\u202e", "=1+1", "../..", "a" * 5000),
    *("2026-01-01", "2026-01-01T00:00:00", "9999-12-31T23:59:59Z", "http://[", "@", "%s{}"),
    *([], {}, [[]], [None], {"": ""}, {"a": {}}, [CANARY] * 3),
)
_PIECES = (
    *(b"", b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\r\n", b"\n", b"\t", b'"', b"'", b",", b":", b"{", b"}"),
    *(b"[", b"]", b"[" * 2000, b"&a ", b"*a", b"!!binary ", b"!!python/name:os.system ", b"|\n", b"- ", b"? "),
    *(b"9" * 5000, b"-", b"1e999", b"NaN", b"null", b"\\ud800", b"\\u0000", "\u202e".encode(), b"0x" + b"f" * 300),
    *(b"1:" * 60 + b"1", b"2026-02-30", b"#", b"%YAML 9.9\n", b"---\n", b"<html>", CANARY.encode(), b"=cmd()"),
)


def bend_json(valid: bytes, seed: int) -> bytes:
    """Return JSON with a few values, keys or items other than they were; and now and then bytes."""
    random = Random(seed)  # noqa: S311 - no secret
    whole = [json.loads(valid)]
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        _bend_value(whole, random)
    bent = json.dumps(whole[0] if whole else None).encode()
    return _bend_bytes(bent, random) if random.random() < 0.3 else bent


def bend_bytes(valid: bytes, seed: int) -> bytes:
    """Return bytes with a few of them other than they were."""
    return _bend_bytes(valid, Random(seed))  # noqa: S311 - no secret


def text(seed: int, words: Sequence[str]) -> str:
    """Return one of some words, or another text that an operating system could hand over."""
    random = Random(seed)  # noqa: S311 - no secret
    if random.random() < 0.7:
        return random.choice(words)
    raw = _bend_bytes(random.choice(words).encode(), random).replace(b"\x00", b"")
    return raw.decode("utf-8", "surrogateescape")


def _bend_value(whole: list[Any], random: Random) -> None:
    place: Any = whole
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            break
        key = random.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and random.random() < 0.8:
            place = place[key]
            continue
        change = random.random()
        if change < 0.7:
            place[key] = copy.deepcopy(random.choice(_VALUES))
        elif change < 0.85:
            del place[key]
        elif isinstance(place, list):
            place.append(copy.deepcopy(place[key]))
        else:
            place[random.choice(("", CANARY, "id", "errors", "result", "\ud800"))] = copy.deepcopy(
                random.choice(_VALUES)
            )
        break


def _bend_bytes(content: bytes, random: Random) -> bytes:
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        at = random.randrange(len(content) + 1)
        to = min(len(content), at + random.choice((0, 0, 1, 1, 2, 10, 100)))
        content = content[:at] + random.choice((*_PIECES, random.randbytes(random.randrange(4)))) + content[to:]
    return content
