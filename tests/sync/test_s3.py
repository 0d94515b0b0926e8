from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec import AbstractFileSystem

from marketo_provider.state.store import S3Store
from marketo_provider.sync.dry_run import preview_export
from marketo_provider.sync.snapshot import read_snapshot
from tests.state.support import BUCKET, s3_filesystem
from tests.sync.world import World

MEMBERS = [f"user{number}@example.com" for number in range(250)]


@pytest.fixture(scope="module")
def s3() -> Iterator[AbstractFileSystem]:
    """Return a filesystem on an S3 server."""
    with s3_filesystem() as filesystem:
        yield filesystem


def test_a_dynamic_sync_runs_twice_with_its_state_on_s3(s3: AbstractFileSystem, tmp_path: Path) -> None:
    """In and out, by what the first run left in the bucket; nothing is kept on the worker's own disk."""
    world = World(tmp_path)
    world.store = S3Store(s3, f"{BUCKET}/marketo_state")
    first = world.sync(MEMBERS)

    second = world.sync([*MEMBERS[50:], "new@example.com"])

    assert (first.entered, first.exited, first.created) == (250, 0, 250)
    assert (second.entered, second.exited, second.ledger_size) == (1, 50, 251)
    assert world.flags() == {
        **dict.fromkeys(MEMBERS[:50], False),
        **dict.fromkeys(MEMBERS[50:], True),
        "new@example.com": True,
    }
    assert list(tmp_path.iterdir()) == []


def test_a_third_run_without_a_change_writes_nothing(s3: AbstractFileSystem, tmp_path: Path) -> None:
    """The ledger in the bucket says that Marketo holds all of it."""
    world = World(tmp_path)
    world.store = S3Store(s3, f"{BUCKET}/again")
    world.sync(MEMBERS)
    writes = len(world.writes())

    report = world.sync(MEMBERS)

    assert (report.entered, report.exited) == (0, 0)
    assert len(world.writes()) == writes


def test_a_dry_run_leaves_no_object(s3: AbstractFileSystem, tmp_path: Path) -> None:
    """Not in the bucket either."""
    world = World(tmp_path)
    world.store = S3Store(s3, f"{BUCKET}/dry")
    world.set_cohort(MEMBERS)
    run = world.run(dry_run=True)

    report = preview_export(run, read_snapshot(run).name)

    assert report.entered == 250
    assert s3.find(f"{BUCKET}/dry/marketo") == []
