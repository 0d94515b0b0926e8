"""Nothing that the demo starts outlives it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from include.demo.processes import ROOT, kept
from include.demo.waiting import wait_for

# A parent that ignores being asked to end, in the session, and a child of it in a group of its own.
_STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
sys.stdout.write(f"{os.getpid()} {child.pid}\\n")
sys.stdout.flush()
time.sleep(600)
"""


# A demo that runs the command of its first argument under a keeper, and logs to the second.
_DEMO = """
import os, sys, time
from pathlib import Path
from include.demo.processes import kept
with kept([sys.executable, "-c", sys.argv[1]], env=os.environ, errors=Path(sys.argv[2]), patience=0.2):
    time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Say whether a process runs."""
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def pids(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the ids that the stubborn parent prints."""
    assert process.stdout
    return [int(word) for word in process.stdout.readline().split()]


def test_everything_ends_with_the_context(tmp_path: Path) -> None:
    """A process that ignores SIGTERM, and a child in another group, are ended all the same."""
    command = [sys.executable, "-c", _STUBBORN]

    with kept(command, env=os.environ, errors=tmp_path / "log", output=subprocess.PIPE, patience=0.2) as process:
        started = pids(process)
        assert all(map(alive, started))

    assert not any(map(alive, [process.pid, *started]))


def test_everything_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    """Even a demo that cannot clean up leaves nothing behind."""
    log = tmp_path / "log"
    demo = subprocess.Popen([sys.executable, "-c", _DEMO, _STUBBORN, str(log)], cwd=ROOT)  # noqa: S603 - our own
    line = wait_for(
        lambda: (log.exists() and log.read_text()) or None, seconds=30, otherwise=lambda: "nothing started"
    )
    started = [int(word) for word in line.split()]

    demo.kill()
    demo.wait()

    wait_for(
        lambda: None if any(map(alive, started)) else True, seconds=30, otherwise=lambda: "something lives on"
    )


def test_a_program_that_ends_by_itself_is_seen(tmp_path: Path) -> None:
    """The keeper ends with it, and with its exit code."""
    with kept([sys.executable, "-c", "raise SystemExit(3)"], env=os.environ, errors=tmp_path / "log") as process:
        code = wait_for(process.poll, seconds=30, otherwise=lambda: "it does not end")

    assert code == 3
