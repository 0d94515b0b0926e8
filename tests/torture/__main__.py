"""`make torture`: plays seeds, two at a time, and prints what came of them; or plants bugs and looks for them."""

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from types import FrameType

from tests import in_memory
from tests.torture import kinds
from tests.torture.play import Played, play

WORKERS = 2
_STUCK_AFTER_SECONDS = 180


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; 0 where nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="how many seeds to play, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play this one, and say how its runs ended")
    parser.add_argument("--mutations", type=Path, help="plant each patch of this folder, and look for it")
    parser.add_argument("--until-found", action="store_true", help="stop at the first seed that is wrong")
    options = parser.parse_args(arguments)
    if options.mutations:
        from tests.torture.planted import hunt  # noqa: PLC0415 - it runs this module in processes of its own

        return hunt(options.mutations, options.seeds)
    in_memory.set_up()
    seeds = range(options.first, options.first + options.seeds) if options.seed is None else [options.seed]
    began = time.monotonic()
    effects: Counter[str] = Counter()
    wrong: list[int] = []
    played = 0
    for one in results(seeds):
        played += 1
        effects.update(one.effects)
        if one.violations:
            wrong.append(one.seed)
            _print(f"seed {one.seed}:", *one.violations[:5], f"replay: make torture SEED={one.seed}")
        if options.seed is not None:
            _print(*one.ended)
        if wrong and options.until_found:
            break
    _print(
        json.dumps(
            {
                "seeds": played,
                "faults": {kind: effects[kind] for kind in kinds.ALL},
                "violations": len(wrong),
                "wrong_seeds": wrong,
                "planted_found": 0,
                "seconds": round(time.monotonic() - began),
                "processor_seconds": round(_processor_seconds()),
            }
        )
    )
    return bool(wrong)


def _processor_seconds() -> float:
    """Return what this process and those it has waited for have used: other work beside it does not count."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def results(seeds: Sequence[int]) -> Iterator[Played]:
    """Yield what came of each seed, in the order of the seeds."""
    if len(seeds) == 1:
        yield _guarded(seeds[0])
        return
    with get_context("fork").Pool(WORKERS, maxtasksperchild=100) as pool:
        yield from pool.imap(_guarded, seeds)


def _guarded(seed: int) -> Played:
    """Play a seed; one that gets stuck, or breaks the harness, is wrong too."""
    signal.signal(signal.SIGALRM, _stuck)
    signal.alarm(_STUCK_AFTER_SECONDS)
    try:
        return play(seed)
    except Exception as error:  # noqa: BLE001 - told with its seed
        return Played(seed, Counter(), [f"the harness broke: {type(error).__name__}: {error}"], [])
    finally:
        signal.alarm(0)


def _stuck(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError("stuck")


def _print(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201 - what a command prints is its result


if __name__ == "__main__":
    sys.exit(main())
