"""Temporary files in memory, where there is room: they are soon gone, and a disk takes most of the tests' time."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - who makes a file there does so as in any folder for temporary files
_ROOM: Final = 2 * 1024**3


def set_up() -> None:
    """Let this process, and those that it starts, make their temporary files there."""
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)
