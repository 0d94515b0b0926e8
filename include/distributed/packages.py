"""The programs that come from Debian's packages: found, or installed where this process may do that."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from include.demo.failure import DemoFailed
from include.demo.processes import tail
from include.demo.progress import Say

_POSTGRES = Path("/usr/lib/postgresql")
SERVERS: Final = {"postgresql": "postgres", "redis-server": "redis-server"}


def install_missing(programs: Mapping[str, str], log: Path, say: Say) -> None:
    """Install the packages whose programs are not there.

    Args:
        programs: a program of each package, by the package's name.
        log: of what is installed.
        say: tells that it takes a while.

    Raises:
        DemoFailed: a package is missing, and cannot be installed.
    """
    missing = [package for package, name in programs.items() if _found(name) is None]
    if not missing:
        return
    if os.geteuid():
        raise DemoFailed(f"Programs are missing. Install them: sudo apt-get install {' '.join(missing)}")
    say(f"Installing Debian's packages {', '.join(missing)} ...")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        _apt_get(command, log)


def program(name: str) -> str:
    """Return the path of a program.

    Raises:
        DemoFailed: its package did not bring it.
    """
    path = _found(name)
    if path is None:
        raise DemoFailed(f"There is no {name}, although its package is installed.")
    return path


def _found(name: str) -> str | None:
    # Debian keeps PostgreSQL's own programs by version, off the path.
    versions = [path for path in _POSTGRES.glob(f"*/bin/{name}") if path.parts[-3].isdecimal()]
    return str(max(versions, key=lambda path: int(path.parts[-3]))) if versions else shutil.which(name)


def _apt_get(arguments: list[str], log: Path) -> None:
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with log.open("ab") as output:
        ended = subprocess.run(  # noqa: S603 - our own arguments
            ["/usr/bin/apt-get", "--quiet", *arguments], env=env, stdout=output, stderr=output, check=False
        )
    if ended.returncode:
        raise DemoFailed(f"apt-get {arguments[0]} failed. The end of {log}:\n{tail(log)}")
