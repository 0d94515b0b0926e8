"""The demo: `python -m include.demo [--once] [--seed N]`, or `make demo`.

Two cohorts come true in the sandbox's Marketo, through a real Airflow. Leaves no process behind.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from include.demo.airflow import running_airflow
from include.demo.failure import DemoFailed
from include.demo.performance import parser, perform, stay, tell, undisturbed_end
from include.demo.progress import Say, narrator
from include.demo.sandbox import running_sandbox
from include.demo.story import Story
from include.demo.table import table


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; return 0 where everything is right, 1 where something is not."""
    options = parser("include.demo", __doc__).parse_args(arguments)
    seed = int(time.time()) if options.seed is None else options.seed
    say = narrator()
    say(f"Cohorts come from seed {seed}; make demo SEED={seed} repeats them.")
    return perform(lambda folder: _run(folder, seed=seed, once=options.once, say=say), say)


def _run(folder: Path, *, seed: int, once: bool, say: Say) -> bool:
    """Play the demo, tell how it came out, and stay up if asked to; return whether anything is wrong."""
    with (
        running_sandbox(folder / "sandbox.log", seed=seed) as sandbox,
        running_airflow(folder / "airflow") as airflow,
        undisturbed_end(say),
    ):
        story = Story(airflow, sandbox, seed, say)
        try:
            story.play()
            faults = story.verdict()
        except (DemoFailed, requests.RequestException) as failure:
            faults = [str(failure)]
        _tell(story, faults)
        if not once:
            stay(airflow)
    say("Every process of the demo has ended.")
    return bool(faults)


def _tell(story: Story, faults: list[str]) -> None:
    lines = [table(story.chapters), ""] if story.chapters else []
    if faults:
        lines += ["NOT RIGHT:", *(f"  {fault}" for fault in faults)]
    else:
        lines += ["Right: every flag in the sandbox's Marketo is as the cohorts say, and the table is true."]
    tell(lines)


if __name__ == "__main__":
    sys.exit(main())
