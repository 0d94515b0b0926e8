"""`make fuzz INPUTS=100000`: Hypothesis bends so many inputs for each parser; the last line is JSON."""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import MarketoProviderError
from tests.fake_wire import shown
from tests.hostile.clients import CANARY
from tests.hostile.parsers import Parser, parsers


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
    """Fuzz, and say what came of it."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--inputs", type=int, default=100_000, help="for each parser")
    arguments.add_argument("--only", default="", help="the parsers whose name holds this")
    asked = arguments.parse_args()
    logging.disable(logging.CRITICAL)
    faults: list[str] = []
    count, begun = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for parser in parsers(Path(folder)):
            if asked.only in parser.name:
                since = time.monotonic()
                found = fuzz(parser, asked.inputs)
                print(f"{parser.name}: {len(found)} unhandled, {time.monotonic() - since:.0f} s", flush=True)  # noqa: T201 - its result
                print("".join(f"  {fault}\n" for fault in found[:3]), end="")  # noqa: T201 - as above
                count, faults = count + 1, faults + found
    seconds = round(time.monotonic() - begun)
    summary = {"parsers": count, "inputs": asked.inputs, "unhandled": len(faults), "seconds": seconds}
    print(json.dumps(summary))  # noqa: T201 - as above
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
