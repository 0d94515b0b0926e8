"""Starting a program of the demo, and ending it with all that it has started."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from include.demo.failure import DemoFailed

ROOT = Path(__file__).resolve().parents[2]
_LONGEST_END = 30


@contextmanager
def kept(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    errors: Path,
    output: IO[bytes] | int | None = None,
    patience: float = 8.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command under its keeper while the context lasts.

    Args:
        command: program and arguments.
        env: its whole environment.
        errors: file for its standard error, and for its output too unless `output` says where that goes.
        output: what `subprocess` takes as `stdout`.
        patience: how many seconds its processes have to end when asked to.
    """
    with errors.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the demo's own command
            [sys.executable, "-m", "include.demo.keeper", str(patience), *command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=log if output is None else output,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LONGEST_END)
        if process.stdout:
            process.stdout.close()


@contextmanager
def kept_server(module: str, *arguments: str, log: Path) -> Iterator[tuple[Any, subprocess.Popen[bytes]]]:
    """Run a Python module that says where it serves in its first line, of JSON; yields that, and its keeper.

    Raises:
        DemoFailed: it does not come up.
    """
    command = [sys.executable, "-m", module, *arguments]
    with kept(command, env=os.environ, errors=log, output=subprocess.PIPE) as process:
        # The line comes, or the pipe is closed because the process has ended.
        greeting = process.stdout.readline() if process.stdout else b""
        if not greeting:
            raise DemoFailed(f"{module} does not start. The end of {log}:\n{tail(log)}")
        yield json.loads(greeting), process


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a file that may not be there."""
    with suppress(FileNotFoundError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return ""
