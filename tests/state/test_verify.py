"""Whether the store is whole: what is missing or damaged is named, what a run removes meanwhile is not missed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from marketo_provider.state.records import decode
from marketo_provider.state.store import LocalStore
from marketo_provider.state.verify import Problem, verify_log, verify_target
from marketo_provider.state.workspace import Workspace
from tests.sync.world import FIELD, HookedStore, World

TARGET = f"marketo/127.0.0.1:8001/{FIELD.lower()}"
MEMBERS = [f"user{number}@example.com" for number in range(150)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which two runs have been: there is a base, a delta, a snapshot and lists."""
    world = World(tmp_path)
    world.sync(MEMBERS)
    world.sync([*MEMBERS[5:], "new@example.com"])
    return world


def problems(world: World) -> list[Problem]:
    """Verify the target."""
    with Workspace(world.store, memory_limit="512MiB") as workspace:
        return verify_target(world.store, TARGET, clock=world.clock, workspace=workspace)


def files(world: World) -> dict[str, str]:
    """Return a file of each kind."""
    target = world.run().open_log().target
    run = target.settled.report["snapshot"] if target.settled else ""
    lists = world.store.names(f"{TARGET}/runs/{run}")
    journals = world.store.names(f"{TARGET}/runs/{run}/journals")
    return {
        "base": target.base or "",
        "delta": target.deltas[0],
        "addresses": f"{TARGET}/snapshots/{run}/addresses.parquet",
        "shared": f"{TARGET}/snapshots/{run}/shared.parquet",
        "changes": f"{TARGET}/runs/{run}/{next(name for name in lists if name.startswith('changes'))}",
        "journal": f"{TARGET}/runs/{run}/journals/{journals[0]}",
        "record": f"{TARGET}/log/00000002.json",
        "head": f"{TARGET}/head.json",
    }


def test_a_store_in_use_is_whole(world: World) -> None:
    """After ordinary runs there is nothing to say."""
    assert problems(world) == []


@pytest.mark.parametrize("kind", ["base", "delta", "addresses", "shared", "changes", "journal", "record"])
def test_a_missing_file_is_named(world: World, kind: str) -> None:
    """Whichever it is."""
    path = files(world)[kind]
    world.store.delete(path)

    assert [problem.path for problem in problems(world)] == [path]


@pytest.mark.parametrize("kind", ["base", "delta", "addresses", "shared", "changes", "journal"])
@pytest.mark.parametrize("half", [0.3, 0.9])
def test_a_file_that_is_cut_off_is_named(world: World, kind: str, half: float) -> None:
    """As a full disk or a broken copy leaves it."""
    path = files(world)[kind]
    content = world.store.read(path)
    world.store.write(path, content[: int(len(content) * half)])

    found = problems(world)

    assert [problem.path for problem in found] == [path]
    assert "is damaged" in str(found[0])


@pytest.mark.parametrize("kind", ["record", "head"])
def test_a_damaged_record_is_named(world: World, kind: str) -> None:
    """And the hint, though it is only one."""
    path = files(world)[kind]
    world.store.write(path, b"{")

    assert [problem.path for problem in problems(world)] == [path]


def test_a_damaged_record_that_a_run_would_read_is_named(world: World) -> None:
    """The log cannot be opened; the record is named all the same."""
    last = world.store.names(f"{TARGET}/log")[-1]
    world.store.write(f"{TARGET}/log/{last}", b"{")

    assert [problem.path for problem in problems(world)] == [f"{TARGET}/log/{last}"]


def change(world: World, path: str, column: str, value: object) -> None:
    """Change one cell of a Parquet file, or leave the column out where there is no value."""
    local = world.store.fetch(path, Path("/nowhere"))
    table = pq.read_table(local)
    number = table.schema.get_field_index(column)
    if value is None:
        table = table.remove_column(number)
    else:
        cells = [value, *table[column].to_pylist()[1:]]
        table = table.set_column(
            number, table.schema.field(number), pa.array(cells, table.schema.field(number).type)
        )
    pq.write_table(table, local)


@pytest.mark.parametrize(
    ("column", "value"), [("address", "other@example.com"), ("key_low", 1), ("flag", "maybe"), ("tries", None)]
)
def test_rows_that_are_not_what_was_written_are_seen(world: World, column: str, value: object) -> None:
    """The keys prove the addresses; no address is shown."""
    path = files(world)["base"]
    change(world, path, column, value)

    (found,) = problems(world)

    assert found.path == path
    assert "example.com" not in str(found)


@pytest.mark.parametrize(("kind", "words"), [("base", "the records say 150"), ("addresses", "for 146 addresses")])
def test_a_row_that_is_lost_is_seen(world: World, kind: str, words: str) -> None:
    """The records say how many there are."""
    path = files(world)[kind]
    local = world.store.fetch(path, Path("/nowhere"))
    pq.write_table(pq.read_table(local).slice(1), local)

    (found,) = problems(world)

    assert found.path == path
    assert words in str(found)


def test_the_snapshot_that_a_one_time_export_goes_on_with_must_be_there(tmp_path: Path) -> None:
    """Nobody else may be set True instead."""
    world = World(tmp_path, sync_type="one_time", max_changes_per_run=3)
    report = world.sync(MEMBERS[:5])
    world.store.delete(f"{TARGET}/snapshots/{report.snapshot}")

    assert [problem.path for problem in problems(world)] == [f"{TARGET}/snapshots/{report.snapshot}"]


def test_a_run_beside_it_is_not_missed(world: World, tmp_path: Path) -> None:
    """Files that a settle replaces while they are looked at were not lost."""
    files = LocalStore(tmp_path)
    ran: list[str] = []

    def run_meanwhile(told: str) -> None:
        if told.startswith("before fetch") and "/ledger/" in told and not ran:
            ran.append(told)
            world.store = files
            for _ in range(3):
                world.sync(MEMBERS[len(ran) * 40 :])
                world.sync(MEMBERS)

    world.store = HookedStore(files, run_meanwhile)
    with Workspace(world.store, memory_limit="512MiB") as workspace:
        found = verify_target(world.store, TARGET, clock=world.clock, workspace=workspace)

    assert ran
    assert found == []


def test_lists_of_runs_that_are_not_kept_any_more_are_not_missed(world: World) -> None:
    """They go together, after their time."""
    world.store.delete(f"{TARGET}/runs/{world.store.names(f'{TARGET}/runs')[0]}")

    assert problems(world) == []


def test_a_log_that_begins_with_a_hole_is_named(world: World) -> None:
    """Though no run reads the first record any more."""
    world.store.delete(f"{TARGET}/log/00000001.json")

    assert [problem.path for problem in verify_log(world.store, TARGET, decode)] == [f"{TARGET}/log/00000001.json"]
