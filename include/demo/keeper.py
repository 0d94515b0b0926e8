"""Keeps a command, and all that it starts, from outliving the demo.

`python -m include.demo.keeper PATIENCE COMMAND...`, begun as the leader of a session of its own, runs the command
until it ends or its own standard input closes, and then ends every process of the session, which has PATIENCE
seconds to obey. The pipe closes however the demo ends, even killed. A process group would not do: Airflow's
supervisors and DAG processor make groups of their own, and `airflow standalone` leaves its children behind when it
is terminated.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

_ENDINGS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_KILLED_WITHIN = 10.0
_LOOK_EVERY = 0.1
_BECOME_SUBREAPER = 36  # prctl(2): PR_SET_CHILD_SUBREAPER


def main(command: Sequence[str], *, patience: float) -> int:
    """Run a command for as long as standard input stays open; return its exit code."""
    for number in _ENDINGS:
        signal.signal(number, lambda *_: sys.exit(1))
    _adopt_orphans()
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the demo's own command
        while child.poll() is None:
            readable, _, _ = select.select([sys.stdin], [], [], _LOOK_EVERY)
            if readable:
                break
        return child.returncode or 0
    finally:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        end_session(patience)


def end_session(patience: float) -> None:
    """End all other processes of this session: ask first, then insist."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILLED_WITHIN)):
        deadline = time.monotonic() + seconds
        told: set[int] = set()
        while (left := _others()) and time.monotonic() < deadline:
            for pid in left - told:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            told |= left
            time.sleep(_LOOK_EVERY)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _adopt_orphans() -> None:
    """Make orphans this process's children: the first process of a container may never reap them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def _others() -> set[int]:
    """Return the living processes of this session but this one; what is only unreaped has ended."""
    session, found = os.getsid(0), set()
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if (
                pid != os.getpid()
                and os.getsid(pid) == session
                and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
            ):
                found.add(pid)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], patience=float(sys.argv[1])))
