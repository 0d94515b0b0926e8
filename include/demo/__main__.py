"""The demo: `python -m include.demo [--once] [--seed N]`, or `make demo`.

Two cohorts come true in the sandbox's Marketo, through a real Airflow. Leaves no process behind.
"""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from include.demo.airflow import USER, Airflow, running_airflow
from include.demo.failure import DemoFailed
from include.demo.processes import ROOT
from include.demo.progress import Say, narrator
from include.demo.sandbox import running_sandbox
from include.demo.story import Story
from include.demo.table import table

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; return 0 where everything is right, 1 where something is not."""
    options = _parser().parse_args(arguments)
    seed = int(time.time()) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended in the same orderly way as by Ctrl-C
    say = narrator()
    say(f"Cohorts come from seed {seed}; make demo SEED={seed} repeats them.")
    folder = _new_folder()
    try:
        faults = _run(folder, seed=seed, once=options.once, say=say)
    except KeyboardInterrupt:
        say("Interrupted.")
        shutil.rmtree(folder, ignore_errors=True)
        return _INTERRUPTED
    if faults:
        say(f"All logs are in {folder}.")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _run(folder: Path, *, seed: int, once: bool, say: Say) -> list[str]:
    with (
        _closing(say),
        running_sandbox(folder / "sandbox.log", seed=seed) as sandbox,
        running_airflow(folder / "airflow") as airflow,
    ):
        story = Story(airflow, sandbox, seed, say)
        try:
            story.play()
            faults = story.verdict()
        except DemoFailed as failure:
            faults = [str(failure)]
        _tell(story, faults)
        if not once:
            _stay(airflow)
    return faults


@contextmanager
def _closing(say: Say) -> Iterator[None]:
    """Let nobody interrupt the ending of processes: it takes a few seconds and is what Ctrl-C asks for."""
    try:
        yield
    finally:
        say("Every process of the demo has ended.")


def _tell(story: Story, faults: list[str]) -> None:
    lines = ["", table(story.chapters), ""] if story.chapters else [""]
    if faults:
        lines += ["NOT RIGHT:", *(f"  {fault}" for fault in faults)]
    else:
        lines += ["Right: every flag in the sandbox's Marketo is as the cohorts say, and the table is true."]
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def _stay(airflow: Airflow) -> None:
    sys.stdout.write(f"Airflow: {airflow.api.url}  log in as {USER}, password {airflow.password}\n")
    sys.stdout.write("Ctrl-C ends the demo.\n")
    sys.stdout.flush()
    try:
        airflow.process.wait()
    except KeyboardInterrupt:
        return
    sys.stdout.write("Airflow has ended by itself.\n")


def _new_folder() -> Path:
    parent = ROOT / ".demo"
    parent.mkdir(exist_ok=True)
    return Path(mkdtemp(prefix=f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-", dir=parent))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the check instead of staying up")
    parser.add_argument("--seed", type=int, help="decides who is in the cohorts; taken from the clock by default")
    return parser


if __name__ == "__main__":
    sys.exit(main())
