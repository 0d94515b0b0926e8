import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import pytest
from fsspec import AbstractFileSystem

from marketo_provider.errors import StoreUnavailable, StoreUnusable
from marketo_provider.state.store import LocalStore, S3Store, Store, TypedStore, open_store
from tests.state.support import BUCKET, StoreProxy

RACERS = 8
ROUNDS = 5


def test_a_created_file_can_be_read(store: Store) -> None:
    """What `create` wrote is there."""
    store.create("a/log/1.json", b"one")

    assert store.read("a/log/1.json") == b"one"


def test_a_file_is_created_once(store: Store) -> None:
    """A second create is refused and leaves the first one's content."""
    store.create("a/1.json", b"one")

    with pytest.raises(FileExistsError):
        store.create("a/1.json", b"two")

    assert store.read("a/1.json") == b"one"


def test_of_racing_creates_just_one_wins(store: Store) -> None:
    """Whoever is told that he won is alone, and the file holds what he wrote."""
    barrier = Barrier(RACERS)

    def race(path: str, racer: int) -> int | None:
        barrier.wait(timeout=30)
        try:
            store.create(path, str(racer).encode())
        except FileExistsError:
            return None
        return racer

    with ThreadPoolExecutor(RACERS) as pool:
        for number in range(ROUNDS):
            path = f"log/{number}.json"
            winners = [racer for racer in pool.map(race, [path] * RACERS, range(RACERS)) if racer is not None]

            assert len(winners) == 1
            assert store.read(path) == str(winners[0]).encode()


def test_a_write_replaces(store: Store) -> None:
    """`write` does not ask what is there."""
    store.write("a/head.json", b"one")
    store.write("a/head.json", b"two")

    assert store.read("a/head.json") == b"two"


def test_what_is_not_there_cannot_be_read(store: Store) -> None:
    """A missing file is told by its own error."""
    with pytest.raises(FileNotFoundError):
        store.read("a/none.json")


def test_names_are_sorted_and_of_one_folder(store: Store) -> None:
    """Names come in order, without the folder's, and nothing of its neighbours."""
    for path in ("a/pages/000002", "a/pages/000000", "a/pages/000001", "a/pages2/000009", "a/other"):
        store.write(path, b"x")

    assert store.names("a/pages") == ["000000", "000001", "000002"]


def test_a_folder_that_is_not_there_has_no_names(store: Store) -> None:
    """No folder is no files."""
    assert store.names("a/pages") == []


def test_names_see_what_was_written_since(store: Store) -> None:
    """A listing is never an old one."""
    store.write("a/1", b"x")
    store.names("a")
    store.write("a/2", b"x")

    assert store.names("a") == ["1", "2"]


def test_a_file_is_deleted(store: Store) -> None:
    """A deleted file is gone."""
    store.write("a/1", b"x")

    store.delete("a/1")

    assert store.names("a") == []


def test_a_folder_is_deleted_with_all_below_it_and_nothing_beside(store: Store) -> None:
    """Snapshot 1 goes, snapshot 10 stays."""
    for path in ("snapshots/1/session", "snapshots/1/pages/0", "snapshots/10/session"):
        store.write(path, b"x")

    store.delete("snapshots/1")

    assert store.names("snapshots/1") == []
    assert store.names("snapshots/1/pages") == []
    assert store.names("snapshots/10") == ["session"]


def test_what_is_not_there_may_be_deleted(store: Store) -> None:
    """Deleting nothing is no error."""
    store.delete("a/none")

    assert store.names("a") == []


def test_a_published_file_moves_into_the_store(store: Store, tmp_path: Path) -> None:
    """The local file is gone and can be fetched, in place of what was there."""
    local = tmp_path / "local"
    store.write("a/base.parquet", b"old")
    local.write_bytes(b"new")

    store.publish(local, "a/base.parquet")

    assert not local.exists()
    assert store.fetch("a/base.parquet", tmp_path).read_bytes() == b"new"


def test_what_is_not_there_cannot_be_fetched(store: Store, tmp_path: Path) -> None:
    """A missing file is told by its own error."""
    with pytest.raises(FileNotFoundError):
        store.fetch("a/none", tmp_path)


def test_a_path_may_be_longer_than_a_file_name(store: Store, tmp_path: Path) -> None:
    """A field's name has up to 255 characters, and is only a part of the path."""
    path = f"marketo/{'f' * 255}/ledger/base.parquet"
    store.write(path, b"x")

    assert store.fetch(path, tmp_path).read_bytes() == b"x"


def test_folders_and_files_on_disk_are_their_owners_alone(local: LocalStore, tmp_path: Path) -> None:
    """Everything below the root, folders on the way included, has the mode 0700 or 0600."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    source.chmod(0o644)

    local.create("marketo/host/field/log/1.json", b"x")
    local.write("marketo/host/field/head.json", b"x")
    local.publish(source, "marketo/host/field/ledger/1/base.parquet")

    root = tmp_path / "state"
    modes = {path: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    assert len(modes) == 10
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items())


def test_files_that_a_crash_left_half_written_are_not_listed(local: LocalStore, tmp_path: Path) -> None:
    """Temporary names are nobody's business."""
    local.write("a/1", b"x")
    (tmp_path / "state/a/.tmp-0123456789abcdef").write_bytes(b"half")

    assert local.names("a") == ["1"]


def test_who_loses_a_race_leaves_nothing_behind(local: LocalStore, tmp_path: Path) -> None:
    """The temporary file of a create that failed is removed."""
    local.create("a/1", b"one")

    with pytest.raises(FileExistsError):
        local.create("a/1", b"two")

    assert [path.name for path in (tmp_path / "state/a").iterdir()] == ["1"]


@pytest.mark.parametrize("operation", ["create", "write", "publish"])
def test_a_full_disk_leaves_nothing_half_written(
    local: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """It would be in the way of the next try."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    local.write("b", b"there before")
    monkeypatch.setattr(os, "fsync", fail_with(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        getattr(local, operation)(*((source, "a") if operation == "publish" else ("a", b"x")))

    assert [path.name for path in (tmp_path / "state").iterdir()] == ["b"]


def fail_with(number: int) -> Callable[..., None]:
    """Return a function that fails with an error of the operating system."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/ann@example.com")

    return fail


class Failing(StoreProxy):
    """A store of which each operation fails with one error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(LocalStore(Path("/nowhere")))
        self.error = error

    def __getattribute__(self, name: str) -> Any:
        """Return what fails, for any operation."""
        if name in {"create", "write", "read", "names", "delete", "fetch", "publish"}:
            return self.fail
        return super().__getattribute__(name)

    def fail(self, *_: object) -> None:
        """Fail."""
        raise self.error


OPERATIONS: list[tuple[str, tuple[Any, ...]]] = [
    ("create", ("a", b"x")),
    ("write", ("a", b"x")),
    ("read", ("a",)),
    ("names", ("a",)),
    ("delete", ("a",)),
    ("fetch", ("a", Path("/nowhere"))),
    ("publish", (Path("/nowhere"), "a")),
]


@pytest.mark.parametrize(("operation", "arguments"), OPERATIONS)
@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(errno.ENOSPC, "ann@example.com"), r"\(ENOSPC\)\. The disk is full: free space"),
        (PermissionError(errno.EACCES, "ann@example.com"), r"\(EACCES\)\. The worker's user may not"),
        (ConnectionRefusedError("ann@example.com"), r"\(ConnectionRefusedError\)\. Look whether the storage"),
        (RuntimeError("ann@example.com"), r"\(RuntimeError\)\. Look whether the storage"),
    ],
)
def test_failures_of_storage_are_typed(
    operation: str, arguments: tuple[Any, ...], error: Exception, advice: str
) -> None:
    """Whatever the library raises; its own words, which may hold anything, are not told."""
    with pytest.raises(StoreUnavailable, match=advice) as caught:
        getattr(TypedStore(Failing(error)), operation)(*arguments)

    assert "ann@example.com" not in str(caught.value)


def test_whether_a_file_is_there_is_no_failure(local: LocalStore, tmp_path: Path) -> None:
    """Those who ask rely on it."""
    store = TypedStore(local)
    store.create("a", b"x")

    with pytest.raises(FileExistsError):
        store.create("a", b"y")
    with pytest.raises(FileNotFoundError):
        store.read("b")
    with pytest.raises(FileNotFoundError):
        store.fetch("b", tmp_path)
    store.write("a", b"z")
    assert (store.read("a"), store.names("")) == (b"z", ["a"])


def test_stores_are_opened_by_protocol(tmp_path: Path) -> None:
    """A path on disk needs no filesystem, S3 does."""
    filesystem = cast("AbstractFileSystem", object())

    assert isinstance(open_store("file", str(tmp_path), None).inner, LocalStore)
    assert isinstance(open_store("s3", "bucket/state", filesystem).inner, S3Store)


@pytest.mark.parametrize("protocol", ["gs", "abfs", "http", "memory", ""])
def test_stores_whose_exclusive_create_is_not_proven_are_refused(protocol: str) -> None:
    """The message says which are known to work, and what to set."""
    with pytest.raises(StoreUnusable, match=r"file:// and s3://.*state_url"):
        open_store(protocol, "bucket/state", cast("AbstractFileSystem", object()))


def test_s3_without_a_filesystem_is_refused() -> None:
    """Nothing is guessed about credentials."""
    with pytest.raises(StoreUnusable):
        open_store("s3", "bucket/state", None)


def test_what_s3_does_not_delete_is_told(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers 200 all the same, and the address of somebody who was erased would stay."""
    store = TypedStore(S3Store(s3, f"{BUCKET}/kept"))
    store.write("a/1", b"x")

    async def delete_objects(**_: object) -> dict[str, Any]:
        return {"Errors": [{"Key": "ann@example.com", "Code": "AccessDenied"}]}

    monkeypatch.setattr(s3.s3, "delete_objects", delete_objects)
    with pytest.raises(StoreUnavailable, match=r"\(EACCES\)\. The worker's user may not") as caught:
        store.delete("a")

    assert "ann@example.com" not in str(caught.value)
    assert store.names("a") == ["1"]


def test_a_large_folder_on_s3_is_listed_and_deleted_whole(s3: AbstractFileSystem) -> None:
    """S3 lists and deletes a thousand objects at a time."""
    store = S3Store(s3, f"{BUCKET}/large")
    names = [f"{number:06d}.parquet" for number in range(2001)]
    s3.pipe({f"{BUCKET}/large/a/pages/{name}": b"x" for name in names})
    store.write("a/pages2", b"x")
    assert store.names("a/pages") == names

    store.delete("a/pages")

    assert store.names("a") == ["pages2"]


@pytest.fixture
def cached(s3: AbstractFileSystem) -> AbstractFileSystem:
    """Return a filesystem that caches its listings, as Airflow's does."""
    return type(s3)(
        key="key", secret="secret", endpoint_url=s3.endpoint_url, use_listings_cache=True, skip_instance_cache=True
    )


def test_a_cached_listing_is_not_believed(s3: AbstractFileSystem, cached: AbstractFileSystem) -> None:
    """Names show what another worker wrote since the last listing."""
    mine, others = S3Store(cached, f"{BUCKET}/names"), S3Store(s3, f"{BUCKET}/names")
    others.write("a/1", b"x")
    mine.names("a")
    others.write("a/2", b"x")

    assert mine.names("a") == ["1", "2"]


def test_a_cached_listing_spares_nothing_from_deletion(s3: AbstractFileSystem, cached: AbstractFileSystem) -> None:
    """A deleted folder takes along what another worker wrote since the last listing."""
    mine, others = S3Store(cached, f"{BUCKET}/delete"), S3Store(s3, f"{BUCKET}/delete")
    others.write("a/1", b"x")
    mine.names("a")
    others.write("a/2", b"x")

    mine.delete("a")

    assert others.names("a") == []
