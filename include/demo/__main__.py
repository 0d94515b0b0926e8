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

import requests

from include.demo.airflow import USER, Airflow, running_airflow
from include.demo.failure import DemoFailed
from include.demo.processes import ROOT
from include.demo.progress import Say, narrator
from include.demo.sandbox import running_sandbox
from include.demo.story import Story
from include.demo.table import table

_INTERRUPTED = 130
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; return 0 where everything is right, 1 where something is not."""
    options = _parser().parse_args(arguments)
    seed = int(time.time()) if options.seed is None else options.seed
    for number in _ENDINGS:
        signal.signal(number, signal.default_int_handler)
    say = narrator()
    say(f"Cohorts come from seed {seed}; make demo SEED={seed} repeats them.")
    folder = _new_folder()
    faults = True
    try:
        faults = _run(folder, seed=seed, once=options.once, say=say)
    except DemoFailed as failure:
        say(str(failure))
    except KeyboardInterrupt:
        say("Interrupted.")
        shutil.rmtree(folder)
        return _INTERRUPTED
    if faults:
        say(f"All logs are in {folder}.")
        return 1
    shutil.rmtree(folder)
    return 0


def _run(folder: Path, *, seed: int, once: bool, say: Say) -> bool:
    """Play the demo, tell how it came out, and stay up if asked to; return whether anything is wrong."""
    with (
        running_sandbox(folder / "sandbox.log", seed=seed) as sandbox,
        running_airflow(folder / "airflow") as airflow,
        _undisturbed_end(say),
    ):
        story = Story(airflow, sandbox, seed, say)
        try:
            story.play()
            faults = story.verdict()
        except (DemoFailed, requests.RequestException) as failure:
            faults = [str(failure)]
        _tell(story, faults)
        if not once:
            _stay(airflow)
    say("Every process of the demo has ended.")
    return bool(faults)


@contextmanager
def _undisturbed_end(say: Say) -> Iterator[None]:
    """Ignore signals from the end of this context on: they ask for what is being done already."""
    try:
        yield
    finally:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        say("Ending Airflow and the sandbox ...")


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
