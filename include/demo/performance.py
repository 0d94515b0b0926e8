"""What surrounds a play: a folder of its own for all logs, staying up for whoever looks, and one clean end."""

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
from typing import Protocol

import requests

from include.demo.airflow import Airflow
from include.demo.airflow_home import USER, reading_settings
from include.demo.failure import DemoFailed
from include.demo.processes import ROOT
from include.demo.progress import Say, narrator

_INTERRUPTED = 130
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Play(Protocol):
    """Sets a story up in a folder, plays it, tells how it came out, and stays up unless `once`.

    It returns whether anything is wrong.
    """

    def __call__(self, folder: Path, *, seed: int, once: bool, say: Say) -> bool:
        """Play."""


class Story(Protocol):
    """What is played, and then judged."""

    def play(self) -> None:
        """Do everything."""

    def verdict(self) -> list[str]:
        """Return what is wrong."""


def perform(play: Play, arguments: Sequence[str] | None, *, name: str, description: str | None) -> int:
    """Play in a new folder, which stays if something is wrong; return the exit code.

    Args:
        play: what to do.
        arguments: of the command line.
        name: of the module in `include/`, and of the target in the Makefile.
        description: for `--help`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m include.{name}", description=description)
    parser.add_argument("--once", action="store_true", help="end after the check instead of staying up")
    parser.add_argument("--seed", type=int, help="decides who is in the cohorts; taken from the clock by default")
    options = parser.parse_args(arguments)
    seed = int(time.time()) if options.seed is None else options.seed
    say = narrator()
    say(f"Cohorts come from seed {seed}; make {name} SEED={seed} repeats them.")
    for number in _ENDINGS:
        signal.signal(number, signal.default_int_handler)
    folder = _new_folder()
    faults = True
    try:
        faults = play(folder, seed=seed, once=options.once, say=say)
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


def faults_of(story: Story) -> list[str]:
    """Play a story, and return what is wrong."""
    try:
        story.play()
        return story.verdict()
    except (DemoFailed, requests.RequestException) as failure:
        return [str(failure)]


@contextmanager
def undisturbed_end(say: Say) -> Iterator[None]:
    """Ignore signals from the end of this context on: they ask for what is being done already."""
    try:
        yield
    finally:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        say("Ending all processes ...")


def tell(lines: list[str]) -> None:
    """Print lines with space around them."""
    sys.stdout.write("\n".join(["", *lines]) + "\n\n")
    sys.stdout.flush()


def stay(airflow: Airflow, hints: Sequence[str] = ()) -> None:
    """Say how to look, with a play's own hints, and wait for Ctrl-C, or for Airflow to end."""
    tell(
        [
            f"Airflow: {airflow.api.url}  log in as {USER}, password {airflow.password}",
            *hints,
            f"For airflow and python -m marketo_provider, in another shell: {reading_settings(airflow.home)}",
            "Ctrl-C ends it.",
        ]
    )
    try:
        airflow.process.wait()
    except KeyboardInterrupt:
        return
    sys.stdout.write("Airflow has ended by itself.\n")


def _new_folder() -> Path:
    parent = ROOT / ".demo"
    parent.mkdir(exist_ok=True)
    return Path(mkdtemp(prefix=f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-", dir=parent))
