"""The demo: `python -m include.demo [--once] [--seed N]`, or `make demo`.

Two cohorts come true in the sandbox's Marketo, through a real Airflow. Leaves no process behind.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from include.demo.airflow import running_airflow
from include.demo.exports import TRIAL_USERS
from include.demo.performance import faults_of, perform, stay, tell, undisturbed_end
from include.demo.progress import Say
from include.demo.sandbox import running_sandbox
from include.demo.story import Story
from include.demo.table import table


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; return 0 where everything is right, 1 where something is not."""
    return perform(_run, arguments, name="demo", description=__doc__)


def _run(folder: Path, *, seed: int, once: bool, say: Say) -> bool:
    """Play the demo, tell how it came out, and stay up if asked to; return whether anything is wrong."""
    with (
        running_sandbox(folder / "sandbox.log", seed=seed) as sandbox,
        running_airflow(folder / "airflow") as airflow,
        undisturbed_end(say),
    ):
        story = Story(airflow, sandbox, seed, say)
        faults = faults_of(story)
        _tell(story, faults)
        if not once:
            stay(
                airflow, [f"Then: Browse > Cohort exports > {TRIAL_USERS.name}", f"Sandbox: {sandbox.addresses()}"]
            )
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
