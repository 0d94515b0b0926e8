"""Temporary files in memory, where there is room: they are soon gone, and a disk takes most of the tests' time.

With TMPDIR set they go there, and those of failed tests stay.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
_ROOM: Final = 2 * 1024**3


def set_up() -> None:
    """Let this process, and those that it starts, make their temporary files in a folder that ends with it."""
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM:
        folder = tempfile.mkdtemp(prefix="tests-", dir=_MEMORY)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
