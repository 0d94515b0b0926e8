"""What the tests of the state share: an S3 server, stores that fail on purpose, and records of every kind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from fsspec import AbstractFileSystem

from include.distributed.bucket import NAME, serving
from marketo_provider.state.records import (
    Adopted,
    Claim,
    Intended,
    Journaled,
    LeaseGivenBack,
    LeaseRenewed,
    LeaseTaken,
    Record,
    Released,
    Settled,
    SnapshotBegun,
)
from marketo_provider.state.store import Store

FOLDER = "marketo/123-abc-456.mktorest.com/mixpaneltrialusers"
BUCKET = NAME
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@contextmanager
def s3_filesystem() -> Iterator[AbstractFileSystem]:
    """Serve S3 on loopback, with one empty bucket; yield a filesystem that reaches it."""
    with serving() as bucket:
        yield bucket.filesystem()


class StoreProxy:
    """A store that hands everything on; tests override what is to fail, or look at what was asked."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.read_paths: list[str] = []

    def create(self, path: str, data: bytes) -> None:
        """Hand on."""
        self.inner.create(path, data)

    def write(self, path: str, data: bytes) -> None:
        """Hand on."""
        self.inner.write(path, data)

    def read(self, path: str) -> bytes:
        """Hand on, and note the path."""
        self.read_paths.append(path)
        return self.inner.read(path)

    def names(self, folder: str) -> list[str]:
        """Hand on."""
        return self.inner.names(folder)

    def delete(self, path: str) -> None:
        """Hand on."""
        self.inner.delete(path)

    def fetch(self, path: str, scratch: Path) -> Path:
        """Hand on."""
        return self.inner.fetch(path, scratch)

    def publish(self, local: Path, path: str) -> None:
        """Hand on."""
        self.inner.publish(local, path)


class CreateFails(StoreProxy):
    """Fails the first `times` creates: before the file is there, or (`after`) after it, as a lost answer."""

    def __init__(
        self, inner: Store, *, times: int, after: bool, meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(inner)
        self._times = times
        self._after = after
        self._meanwhile = meanwhile

    def create(self, path: str, data: bytes) -> None:
        """Fail, while it is time to."""
        if not self._times:
            self.inner.create(path, data)
            return
        self._times -= 1
        if self._after:
            self.inner.create(path, data)
            self._meanwhile()
        raise OSError


def claim(*, cohort_id: int = 1001, sync_type: str = "dynamic", finished_at: datetime | None = None) -> Claim:
    """Return a claim."""
    return Claim.model_validate(
        {
            "project_id": 7,
            "workspace_id": None,
            "cohort_id": cohort_id,
            "sync_type": sync_type,
            "export": "trial_users",
            "claimed_at": NOW,
            "finished_at": finished_at,
        }
    )


def begun(by: str = "try-1", *, run_id: str = "run-1", at: datetime = NOW) -> SnapshotBegun:
    """Return the record that a snapshot begins."""
    return SnapshotBegun(at=at, by=by, run_id=run_id)


def taken(by: str = "try-1", *, at: datetime = NOW) -> LeaseTaken:
    """Return the record that takes the lease."""
    return LeaseTaken(at=at, by=by, takeover_seconds=230)


def intended(snapshot: int, rows: str = "intent.parquet", *, by: str = "try-1", at: datetime = NOW) -> Intended:
    """Return an intent."""
    return Intended(
        at=at, by=by, run_id="run-1", snapshot=snapshot, claim=claim(), rows=rows, change_list="changes.csv"
    )


def settled(snapshot: int, *, by: str = "try-1", delivered: int | None = None, at: datetime = NOW) -> Settled:
    """Return a settle."""
    return Settled(
        at=at,
        by=by,
        run_id="run-1",
        snapshot=snapshot,
        snapshot_begun_at=NOW,
        claim=claim(),
        base="base.parquet",
        base_rows=3,
        deltas=("delta.parquet",),
        delivered=snapshot if delivered is None else delivered,
        address_share=0.8,
        report={"members": 3},
        left_over=0,
        takeover_seconds=230,
    )


def every_kind() -> list[Record]:
    """Return a record of each kind."""
    return [
        begun(),
        taken(),
        LeaseRenewed(at=NOW, by="try-1"),
        intended(1),
        Journaled(at=NOW, by="try-1", rows="journal.parquet"),
        settled(1),
        LeaseGivenBack(at=NOW, by="try-1"),
        Adopted(at=NOW, by="try-1", rows="adopted.parquet"),
        Released(at=NOW, by="try-1"),
    ]
