"""Where state lies: a folder on disk or a prefix in S3, behind one small protocol.

Everything rests on `create`, which only one of many racing writers can win. Another object store is refused
until its exclusive create has been proven. Large files travel by `fetch` and `publish`, through a scratch
folder, so that DuckDB reads and writes plain local files wherever the state lies.
"""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from fsspec import AbstractFileSystem

from marketo_provider.errors import StoreUnavailable, StoreUnusable

TEMPORARY = ".tmp-"


class Store(Protocol):
    """What the state asks of storage. Paths are relative, with forward slashes."""

    def create(self, path: str, data: bytes) -> None:
        """Write a file that is not there yet, durably.

        Raises:
            FileExistsError: it is there.
        """

    def write(self, path: str, data: bytes) -> None:
        """Write a file whole, in place of one that may be there."""

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: it is not there.
        """

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the files in a folder; none where there is no folder."""

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder; no matter if it is not there."""

    def fetch(self, path: str, scratch: Path) -> Path:
        """Return a local path that holds the file's content, below `scratch` where it had to be copied."""

    def publish(self, local: Path, path: str) -> None:
        """Move a local file into the store, in place of one that may be there."""


class LocalStore:
    """A folder on disk, private to its owner."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, path: str, data: bytes) -> None:
        """Write a temporary file and link it to its name, which fails where the name is taken."""
        target = self._place(path)
        temporary = self._temporary(target, data)
        try:
            os.link(temporary, target)
        finally:
            temporary.unlink()
        _sync_folder(target.parent)

    def write(self, path: str, data: bytes) -> None:
        """Write a temporary file and rename it."""
        target = self._place(path)
        self._temporary(target, data).replace(target)
        _sync_folder(target.parent)

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        return (self.root / path).read_bytes()

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the files in a folder."""
        try:
            names = [entry.name for entry in (self.root / folder).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if not name.startswith(TEMPORARY))

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder."""
        target = self.root / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    def fetch(self, path: str, scratch: Path) -> Path:  # noqa: ARG002 - the file is local already
        """Return the file's own path."""
        local = self.root / path
        if not local.exists():
            raise FileNotFoundError(path)
        return local

    def publish(self, local: Path, path: str) -> None:
        """Copy beside the target, make durable, rename."""
        target = self._place(path)
        temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        with _removed_on_failure(temporary):
            shutil.move(local, temporary)
            temporary.chmod(0o600)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
        _sync_folder(target.parent)

    def _place(self, path: str) -> Path:
        target = self.root / path
        _make_folder(target.parent)
        return target

    def _temporary(self, target: Path, data: bytes) -> Path:
        temporary = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        with _removed_on_failure(temporary):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        return temporary


class S3Store:
    """A prefix in an S3 bucket, through the s3fs filesystem that is handed in, its listing cache off."""

    def __init__(self, filesystem: AbstractFileSystem, root: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")

    def create(self, path: str, data: bytes) -> None:
        """Put with `If-None-Match: *`."""
        self._fs.pipe_file(self._key(path), data, mode="create")

    def write(self, path: str, data: bytes) -> None:
        """Put."""
        self._fs.pipe_file(self._key(path), data)

    def read(self, path: str) -> bytes:
        """Get."""
        content: bytes = self._fs.cat_file(self._key(path))
        return content

    def names(self, folder: str) -> list[str]:
        """List."""
        try:
            keys = self._fs.ls(self._key(folder), detail=False, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(key.rstrip("/").rsplit("/", 1)[-1] for key in keys)

    def delete(self, path: str) -> None:
        """Delete an object, or all below a prefix; `rm` would not tell what S3 has refused to delete."""
        self._fs.invalidate_cache()
        bucket = self._root.partition("/")[0]
        with contextlib.suppress(FileNotFoundError):
            there = [{"Key": key.partition("/")[2]} for key in self._fs.find(self._key(path))]
            while there:
                some, there = {"Objects": there[:1000], "Quiet": True}, there[1000:]
                if self._fs.call_s3("delete_objects", Bucket=bucket, Delete=some).get("Errors"):
                    raise PermissionError(errno.EACCES, "an object was not deleted")

    def fetch(self, path: str, scratch: Path) -> Path:
        """Download, to another name: a path may be longer than a file's name."""
        local = scratch / hashlib.sha256(path.encode()).hexdigest()
        self._fs.get_file(self._key(path), str(local))
        return local

    def publish(self, local: Path, path: str) -> None:
        """Upload, then drop the local file."""
        self._fs.put_file(str(local), self._key(path))
        local.unlink()

    def _key(self, path: str) -> str:
        return f"{self._root}/{path}"


class TypedStore:
    """A store whose failures are errors of this package, whatever its library raises.

    What `create`, `read` and `fetch` say of a file that is there or not, they say still.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def create(self, path: str, data: bytes) -> None:
        """Write a file that is not there yet."""
        with _typed("written", FileExistsError):
            self.inner.create(path, data)

    def write(self, path: str, data: bytes) -> None:
        """Write a file whole."""
        with _typed("written"):
            self.inner.write(path, data)

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        with _typed("read", FileNotFoundError):
            return self.inner.read(path)

    def names(self, folder: str) -> list[str]:
        """Return the sorted names of the files in a folder."""
        with _typed("read"):
            return self.inner.names(folder)

    def delete(self, path: str) -> None:
        """Remove a file or a whole folder."""
        with _typed("written"):
            self.inner.delete(path)

    def fetch(self, path: str, scratch: Path) -> Path:
        """Return a local path that holds the file's content."""
        with _typed("read", FileNotFoundError):
            return self.inner.fetch(path, scratch)

    def publish(self, local: Path, path: str) -> None:
        """Move a local file into the store."""
        with _typed("written"):
            self.inner.publish(local, path)


@contextlib.contextmanager
def _typed(done: str, *meant: type[OSError]) -> Iterator[None]:
    try:
        yield
    except meant:
        raise
    except Exception as error:  # noqa: BLE001 - S3's libraries have errors of many families
        number = error.errno if isinstance(error, OSError) else None
        cause = errno.errorcode.get(number or 0, type(error).__name__)
        raise StoreUnavailable(
            f"The state store could not be {done} ({cause}). {_ADVICE.get(number or 0, _OUT_OF_REACH)} "
            "What is not recorded there is done again by the next try; nothing is sent without a record."
        ) from None


_OUT_OF_REACH = (
    "Look whether the storage of [marketo_provider] state_url can be reached from the worker, and whether the "
    "credentials of state_conn_id still hold."
)
_FULL = "The disk is full: free space, on that of [marketo_provider] state_url and on the worker's own."
_FORBIDDEN = "The worker's user may not: give it the folder of [marketo_provider] state_url."
_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _FORBIDDEN),
}


def open_store(protocol: str, path: str, filesystem: AbstractFileSystem | None) -> TypedStore:
    """Return the store at `path` of a protocol.

    Raises:
        StoreUnusable: the protocol is neither `file` nor `s3`.
    """
    if protocol == "file":
        return TypedStore(LocalStore(Path(path)))
    if protocol == "s3" and filesystem is not None:
        return TypedStore(S3Store(filesystem, path))
    raise StoreUnusable(
        f"The state store cannot lie in {protocol}:// storage: only file:// and s3:// are known to let "
        "exactly one of two racing writers win. Set [marketo_provider] state_url to one of these."
    )


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, all private; `mkdir(parents=True)` would leave those above open."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


@contextlib.contextmanager
def _removed_on_failure(temporary: Path) -> Iterator[None]:
    """Leave nothing half written: on a full disk it would be in the way."""
    try:
        yield
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
