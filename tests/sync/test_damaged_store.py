"""A run that meets a missing or a damaged file names it, and nothing is sent."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import StoreUnusable, TargetClaimed, WaitUntil
from marketo_provider.sync.check import check_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.retire import retire_target
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.test_interleaving import Baton
from tests.sync.world import FIELD, HookedStore, Killed, World

TARGET = f"marketo/127.0.0.1:8001/{FIELD.lower()}"
MEMBERS = [f"user{number}@example.com" for number in range(120)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world whose ledger is a base, a delta, and the intent and the journal of a run that died."""
    world = World(tmp_path)
    world.limits = {"concurrent_calls": 1}
    world.sync(MEMBERS)
    world.sync(MEMBERS[3:])
    whole = world.store

    def die(told: str) -> None:
        if told.startswith("before publish") and "/ledger/" in told:
            raise Killed

    world.store = HookedStore(whole, die)
    with pytest.raises(Killed):
        world.sync([*MEMBERS[3:], "new@example.com"])
    world.store = whole
    world.clock.sleep(300)
    world.set_cohort(MEMBERS[6:])
    return world


def named(world: World) -> dict[str, str]:
    """Return a file of each kind that the next run reads, its snapshot being read."""
    target = world.run().open_log().target
    files = {path.split("/")[-2]: path for path in target.files if "/ledger/" not in path}
    files["base"], files["delta"] = target.base or "", target.deltas[0]
    snapshot = f"{TARGET}/snapshots/{world.store.names(f'{TARGET}/snapshots')[-1]}"
    files["addresses"], files["shared"] = f"{snapshot}/addresses.parquet", f"{snapshot}/shared.parquet"
    files["record"] = f"{TARGET}/log/{target.number - 1:08d}.json"
    files["checkpoint"] = (
        f"{TARGET}/log/{json.loads(world.store.read(f'{TARGET}/head.json'))['checkpoint']:08d}.json"
    )
    return files


@pytest.mark.parametrize(
    "kind", ["base", "delta", "intents", "journals", "addresses", "shared", "record", "checkpoint"]
)
@pytest.mark.parametrize("damage", ["missing", "cut off", "empty", "something else"])
def test_nothing_is_sent_and_the_file_is_named(world: World, kind: str, damage: str) -> None:
    """Whichever file it is, and whatever happened to it."""
    name = read_snapshot(world.run("run")).name
    path = named(world)[kind]
    content = world.store.read(path)
    if damage == "missing":
        world.store.delete(path)
    else:
        cut = {"cut off": content[: len(content) // 2], "empty": b"", "something else": b"x" * len(content)}
        world.store.write(path, cut[damage])
    before = len(world.marketo.wire.log)

    with pytest.raises(StoreUnusable, match=path) as stopped:
        export_cohort(world.run("run"), name)

    assert "example.com" not in str(stopped.value)
    assert "Nothing was sent" in str(stopped.value) or "Nothing more was sent" in str(stopped.value)
    assert [one.path for one in world.marketo.wire.log[before:] if one.path == "/rest/v1/leads.json"] == []


def test_a_store_of_a_newer_format_stops_before_anything_is_read(world: World) -> None:
    """Whoever cannot read a log must not add to it; the message asks for the newer release."""
    last = world.store.names(f"{TARGET}/log")[-1]
    record = json.loads(world.store.read(f"{TARGET}/log/{last}")) | {"format": 2}
    world.store.write(f"{TARGET}/log/{last}", json.dumps(record).encode())
    asked = len(world.mixpanel.wire.log), len(world.marketo.wire.log)

    for begin in (lambda: check_export(world.run(), interval_end=None), lambda: read_snapshot(world.run())):
        with pytest.raises(StoreUnusable, match=r"format 2; this release reads 1.*Nothing was sent"):
            begin()

    assert (len(world.mixpanel.wire.log), len(world.marketo.wire.log)) == asked


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files be everybody's, where their maker does not care."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_whatever_is_kept_is_its_owner_s_alone(tmp_path: Path) -> None:
    """After runs of both routes, a run that died, and a retirement."""
    root = tmp_path / "state"
    world = World(root)
    world.sync(MEMBERS)
    world.route = "bulk_import"
    with pytest.raises(WaitUntil):
        world.sync([*MEMBERS[1:], "new@example.com"])
    modes = _modes(root)
    world.clock.sleep(24 * 3600)
    retire_target(world.run())
    modes |= _modes(root)

    assert len(modes) > 20
    assert {path: oct(mode) for path, (mode, kind) in modes.items() if mode != (0o700 if kind else 0o600)} == {}


def _modes(root: Path) -> dict[str, tuple[int, bool]]:
    return {str(path): (path.stat().st_mode & 0o777, path.is_dir()) for path in (root, *root.rglob("*"))}


@given(schedule=st.randoms(use_true_random=False))
@settings(max_examples=25, phases=[Phase.generate])
def test_of_two_exports_that_claim_a_field_at_once_exactly_one_wins(
    tmp_path_factory: pytest.TempPathFactory, schedule: Random
) -> None:
    """At whatever steps they meet: one cohort is in the field, and nobody of the other's was ever sent."""
    folder = tmp_path_factory.mktemp("claims")
    first, second = World(folder), World(folder, name="others", cohort_id=2002)
    second.clock, second.marketo = first.clock, first.marketo
    baton = Baton(schedule, first.clock, jumps=(0.0,))
    first.set_cohort(MEMBERS[:2])
    second.set_cohort(MEMBERS[2:4], cohort_id=2002)
    outcomes: list[str] = []

    def task(world: World) -> Callable[[], None]:
        world.store = HookedStore(world.store, lambda told: baton.step() if told.startswith("before") else None)

        def work() -> None:
            outcomes.append(_outcome(world))

        return work

    baton.run([task(first), task(second)])

    sent = {record["email"] for body in first.writes() for record in body["input"]}
    assert sorted(outcomes) == ["done", "refused"]
    assert sent in (set(MEMBERS[:2]), set(MEMBERS[2:4]))


def _outcome(world: World) -> str:
    """Check, read and export, as the three tasks do, waiting where a run waits."""
    run = world.run()
    try:
        check_export(run, interval_end=None)
        name = read_snapshot(run).name
        while True:
            try:
                export_cohort(world.run(), name)
            except WaitUntil:
                world.clock.sleep(10)
            else:
                return "done"
    except (TargetClaimed, StoreUnusable):
        # The other one's settle may have removed the snapshot already.
        return "refused"
