"""A state store whose operations fail, before they take effect or after it, stall, or end the process."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from marketo_provider.state.store import Store
from tests.torture.process import Process


class FaultyStore:
    """The store as one process has it.

    Args:
        inner: what is durable.
        process: whose store it is.
        wrote: told of each file that is there from now on, acknowledged or not.
    """

    def __init__(self, inner: Store, process: Process, wrote: Callable[[Process, str, bytes], None]) -> None:
        self._inner = inner
        self._process = process
        self._wrote = wrote

    def create(self, path: str, data: bytes) -> None:
        """Write a file that is not there yet."""
        with self._operation("create"):
            self._inner.create(path, data)
            self._wrote(self._process, path, data)

    def write(self, path: str, data: bytes) -> None:
        """Write a file."""
        with self._operation("write"):
            self._inner.write(path, data)
            self._wrote(self._process, path, data)

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        with self._operation("read"):
            return self._inner.read(path)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""
        with self._operation("names"):
            return self._inner.names(folder)

    def delete(self, path: str) -> None:
        """Remove a file or a folder."""
        with self._operation("delete"):
            self._inner.delete(path)

    def fetch(self, path: str, scratch: Path) -> Path:
        """Return a local path of a file."""
        with self._operation("fetch"):
            return self._inner.fetch(path, scratch)

    def publish(self, local: Path, path: str) -> None:
        """Move a local file into the store."""
        with self._operation("publish"):
            self._inner.publish(local, path)

    @contextmanager
    def _operation(self, name: str) -> Iterator[None]:
        process = self._process
        process.alive()
        process.stepper.step()
        kind = process.plan.take(f"store.{name}")
        after = kind == "store_fails_after" or (kind != "store_fails_before" and process.random.random() < 0.5)
        if kind and (not after or kind == "store_unreadable"):
            self._fail(kind)
        process.alive()
        yield
        if kind and after:
            self._fail(kind)
        process.alive()

    def _fail(self, kind: str) -> None:
        if not self._process.disturb(kind):
            self._process.effects[kind] += 1
            raise OSError(errno.EIO, "")
