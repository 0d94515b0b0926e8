from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fsspec import AbstractFileSystem

from marketo_provider.state.store import S3Store
from marketo_provider.state.verify import verify_target
from marketo_provider.sync.dry_run import preview_export
from marketo_provider.sync.erase import Erasure
from marketo_provider.sync.repair import repair_target
from marketo_provider.sync.retire import retire_target
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


def test_a_store_on_s3_is_looked_after(s3: AbstractFileSystem, tmp_path: Path) -> None:
    """Verified, repaired, without a person, and retired, as one on disk."""
    world = World(tmp_path)
    world.store = S3Store(s3, f"{BUCKET}/upkeep")
    world.sync(MEMBERS)
    world.sync(MEMBERS[1:])
    base = world.run().open_log().target.base or ""

    def problems() -> list[str]:
        with world.run().workspace() as workspace:
            found = verify_target(world.store, world.run().folder, clock=world.clock, workspace=workspace)
        return [problem.path for problem in found]

    assert problems() == []
    world.store.delete(base)
    assert problems() == [base]
    repair_target(world.run())
    assert problems() == []
    run = world.run()
    with run.workspace() as workspace:
        Erasure(run.lease(run.open_log()), MEMBERS[1], workspace, open_work=lambda: run).carry_out()
    assert problems() == []
    for path in s3.find(f"{BUCKET}/upkeep"):
        local = tmp_path / "file"
        s3.get_file(path, str(local))
        text = repr(pq.read_table(local).to_pylist()) if path.endswith(".parquet") else local.read_text()
        assert f"{MEMBERS[1]}'" not in text
        assert f"{MEMBERS[1]}," not in text
    assert world.flags()[MEMBERS[1]] is False
    assert world.sync(MEMBERS[2:]).entered == 0
    retire_target(world.run())
    assert set(world.flags().values()) == {False}
