"""What surrounds a play: a folder of its own for all logs, staying up for whoever looks, and one clean end."""

import argparse
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from include.demo.airflow import Airflow
from include.demo.airflow_home import USER
from include.demo.failure import DemoFailed
from include.demo.processes import ROOT
from include.demo.progress import Say

_INTERRUPTED = 130
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a play's arguments."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    made.add_argument("--once", action="store_true", help="end after the check instead of staying up")
    made.add_argument("--seed", type=int, help="decides who is in the cohorts; taken from the clock by default")
    return made


def perform(play: Callable[[Path], bool], say: Say) -> int:
    """Play in a new folder, which stays if something is wrong; return the exit code.

    Args:
        play: is given the folder, and returns whether anything is wrong.
        say: is told how it ended.
    """
    for number in _ENDINGS:
        signal.signal(number, signal.default_int_handler)
    folder = _new_folder()
    faults = True
    try:
        faults = play(folder)
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


def stay(airflow: Airflow) -> None:
    """Wait for Ctrl-C, or for Airflow to end."""
    sys.stdout.write(f"Airflow: {airflow.api.url}  log in as {USER}, password {airflow.password}\n")
    sys.stdout.write("Ctrl-C ends it.\n")
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
