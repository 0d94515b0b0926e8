"""`make fuzz INPUTS=100000`: Hypothesis bends so many inputs for each parser; the last line is JSON."""

import argparse
import json
import logging
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import MarketoProviderError
from tests import in_memory
from tests.fake_wire import shown
from tests.hostile.clients import CANARY
from tests.hostile.parsers import Parser, parsers

_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class _Found:
    parser: str
    faults: list[str]
    seconds: float
    """Of a processor."""


def fuzz(parser: Parser, inputs: int) -> list[str]:
    """Return what a parser did wrong: exceptions that are none of ours, and messages that quote an address."""
    faults: list[str] = []

    @settings(
        max_examples=inputs,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(parser.valid), st.integers(0, 2**63))
    def bent(valid: bytes, seed: int) -> None:
        content = parser.bend(valid, seed)
        try:
            parser.parse(content)
        except MarketoProviderError as error:
            if CANARY in shown(error):
                faults.append(f"{parser.name}: quotes: {content[:200]!r}")
        except Exception as error:  # noqa: BLE001 - that there is none of another kind is what is tried
            faults.append(f"{parser.name}: {type(error).__name__}: {content[:2000]!r}")

    bent()
    return faults


def main() -> int:
    """Fuzz, a parser in each of two processes at a time, and say what came of it."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--inputs", type=int, default=100_000, help="for each parser")
    arguments.add_argument("--only", default="", help="the parsers whose name holds this")
    asked = arguments.parse_args()
    in_memory.set_up()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        names = [parser.name for parser in parsers(Path(folder)) if asked.only in parser.name]
    faults = 0
    with get_context("spawn").Pool(_PROCESSES, maxtasksperchild=1) as pool:
        for found in pool.imap_unordered(partial(_apart, inputs=asked.inputs), names):
            print(f"{found.parser}: {len(found.faults)} unhandled, {found.seconds:.0f} s", flush=True)  # noqa: T201 - its result
            print("".join(f"  {fault}\n" for fault in found.faults[:3]), end="")  # noqa: T201 - as above
            faults += len(found.faults)
    seconds = round(time.monotonic() - begun)
    summary = {"parsers": len(names), "inputs": asked.inputs, "unhandled": faults, "seconds": seconds}
    print(json.dumps(summary))  # noqa: T201 - as above
    return 1 if faults else 0


def _apart(name: str, inputs: int) -> _Found:
    """Fuzz the parser of a name, in a process of its own."""
    logging.disable(logging.CRITICAL)
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        (parser,) = (parser for parser in parsers(Path(folder)) if parser.name == name)
        faults = fuzz(parser, inputs)
    return _Found(name, faults, time.process_time() - begun)


if __name__ == "__main__":
    raise SystemExit(main())
