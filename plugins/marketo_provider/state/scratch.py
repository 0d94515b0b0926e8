"""The folder where a task works. It holds addresses, so it ends with the task, or after it where that was killed.

A folder is locked while somebody works in it, and the lock ends with the process, however that ends. Whoever makes
one first removes what killed tasks of the same machine and user have left.
"""

import fcntl
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

from marketo_provider.errors import StoreUnusable

_PREFIX = "marketo-provider-task-"


class Scratch:
    """A new folder, readable by this process's user only.

    Raises:
        StoreUnusable: DuckDB would take a part of its path, `name=value`, for a column of every file in it.

    Attributes:
        path: where it is.
        remove: removes it, with all that is in it.
    """

    def __init__(self) -> None:
        if "=" in tempfile.gettempdir():
            raise StoreUnusable(
                "The path of the folder for temporary files holds `=`. Nothing was sent. Set TMPDIR to another "
                "folder on the worker."
            )
        for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
            _remove_if_left(left)
        held = None
        while held is None:  # between making and locking it, somebody may take it for one that was left
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            held = _hold(self.path)
        self.remove = weakref.finalize(self, _remove, self.path, held)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):  # another user's, or no folder
        held = _hold(folder)
        if held is not None:
            _remove(folder, held)


def _remove(folder: Path, held: int) -> None:
    # What cannot be removed now is, by whoever makes the next one.
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def _hold(folder: Path) -> int | None:
    """Return a descriptor that locks a folder while it is open; None where somebody else has locked or removed it.

    Raises:
        OSError: it is another user's, or no folder.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if found.st_nlink and found.st_uid == os.getuid():
            return descriptor
    os.close(descriptor)
    return None
