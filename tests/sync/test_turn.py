"""The create turn: exports of one instance that meet the same new people make each of them once. Rule 11."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import LeaseHeld, Superseded, TryAgain, WaitUntil
from marketo_provider.state.instance import InstanceLog
from marketo_provider.state.presence import Presence
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.test_interleaving import ADDRESSES, Stage
from tests.sync.world import FIELD, OTHER_FIELD, Killed, World

# Each step of one is followed by a step of the other, and no time passes.
LOCKSTEP: dict[str, Any] = {"patience": (1,), "jumps": (0.0,)}
ALONE: dict[str, Any] = {"patience": (10**9,)}


class SharedInstance(Stage):
    """Exports of one cohort to two fields, which take turns at every request and store operation."""

    def __init__(self, folder: Path, schedule: Random, members: Iterable[str], **pace: Any) -> None:
        super().__init__(folder, schedule, **pace)
        self.world.set_cohort(members)
        self.names = {field: read_snapshot(self._run(field)).name for field in (FIELD, OTHER_FIELD)}

    def check_lease(self, holder: str) -> None:
        """Each has its own target's; the sandbox's leads tell whether the turn was kept."""

    def deliver(self, field: str) -> Callable[[], None]:
        """Return the delivery to a field: it waits, and tries again, as Airflow's task does."""

        def work() -> None:
            for _ in range(40):
                try:
                    export_cohort(self._run(field), self.names[field])
                except WaitUntil as wait:
                    self.world.clock.sleep(max(0.0, (wait.resume_at - self.world.clock.now()).total_seconds()))
                    self.baton.step()
                except TryAgain:
                    self.world.clock.sleep(300)
                else:
                    return
            raise AssertionError("the export does not come to its end")

        return work

    def once_each(self) -> bool:
        """Whether each address has one lead, with both flags True."""
        leads = list(self.world.marketo.instance.leads)
        each = Counter(str(lead.values["email"]) for lead in leads)
        return set(each.values()) == {1} and all(
            lead.values.get(field) is True for lead in leads for field in (FIELD, OTHER_FIELD)
        )

    def _run(self, field: str) -> Run:
        run = self.world.run(f"run-of-{field}")
        export = self.world.export.model_copy(
            update={"name": field.lower(), "marketo_field": field, "sync_type": "one_time"}
        )
        return replace(run, export=export)


@given(schedule=st.randoms(use_true_random=False))
@settings(max_examples=15, phases=[Phase.generate])
def test_two_exports_may_interleave_at_every_step(schedule: Random) -> None:
    """However they take turns, and whoever is stalled for however long."""
    with tempfile.TemporaryDirectory() as folder:
        stage = SharedInstance(Path(folder), schedule, ADDRESSES)

        stage.baton.run([stage.deliver(FIELD), stage.deliver(OTHER_FIELD)])

        assert len(stage.world.flags()) == len(ADDRESSES)
        assert stage.once_each()


def test_a_thousand_common_new_addresses_make_a_thousand_leads(tmp_path: Path) -> None:
    """Both exports begin in the same second, and go on step by step, side by side."""
    addresses = [f"person{number}@example.com" for number in range(1000)]
    stage = SharedInstance(tmp_path, Random(3), addresses, **LOCKSTEP)  # noqa: S311 - a schedule, no secret

    stage.baton.run([stage.deliver(FIELD), stage.deliver(OTHER_FIELD)])

    assert len(list(stage.world.marketo.instance.leads)) == 1000
    assert stage.once_each()


def test_the_turn_of_a_run_that_was_killed_in_it_is_taken_over(tmp_path: Path) -> None:
    """Its request takes effect late, and still nobody is created twice."""
    stage = SharedInstance(tmp_path, Random(4), ADDRESSES, **ALONE)  # noqa: S311 - as above
    stage.world.break_marketo("delay", seconds=80)

    def die(path: str) -> None:
        if path.startswith("before create") and "/log/" in path and _writes(stage.world):
            raise Killed

    stage.hook = die
    with pytest.raises(Killed):
        stage.deliver(FIELD)()
    stage.hook = lambda _: None

    stage.deliver(OTHER_FIELD)()
    stage.deliver(FIELD)()

    assert stage.once_each()


def _writes(world: World) -> int:
    return sum(
        logged.method == "POST" and logged.path == "/rest/v1/leads.json" for logged in world.marketo.wire.log
    )


def holding_the_turn(world: World) -> Presence:
    """Return the presence of another export that creates leads, and does not give the turn back."""
    other = replace(world.run("another run"), holder="another try").presence()
    other.join()
    other.want_turn(sending=True)
    assert other.take_turn()
    return other


def keep_for(world: World, other: Presence, seconds: int) -> None:
    """Have another export keep its presence up while time passes."""
    for second in range(0, seconds, 30):
        world.clock.later(second, other.keep)


def test_a_run_whose_turn_is_long_in_coming_waits_without_a_worker(tmp_path: Path) -> None:
    """What creates nobody is sent meanwhile; the rest goes on with the same snapshot, in one report."""
    world = World(tmp_path)
    world.sync(["ann@example.com", "bob@example.com"])
    other = holding_the_turn(world)
    keep_for(world, other, 300)
    world.set_cohort(["bob@example.com", "cid@example.com"])
    snapshot = read_snapshot(world.run("the run")).name

    with pytest.raises(LeaseHeld, match="wait for the run's turn") as held:
        export_cohort(world.run("the run"), snapshot)

    assert held.value.resume_at - world.clock.now() == timedelta(seconds=60)
    assert world.flags() == {"ann@example.com": False, "bob@example.com": True}
    other.give_turn_back()
    other.leave()
    report = export_cohort(world.run("the run"), snapshot)
    assert world.flags()["cid@example.com"] is True
    assert (report.entered, report.exited, report.set_true, report.set_false) == (1, 1, 1, 1)
    assert (report.left_over, report.read_back) == (0, 3)
    assert export_cohort(world.run("the run"), snapshot) == report


def test_what_a_run_leaves_that_never_comes_back_is_the_next_run_s(tmp_path: Path) -> None:
    """The lease was given back before the wait, and the settle says what is left."""
    world = World(tmp_path)
    other = holding_the_turn(world)
    keep_for(world, other, 300)
    with pytest.raises(LeaseHeld):
        world.sync(["ann@example.com"])
    other.give_turn_back()
    other.leave()

    report = world.sync()

    assert world.flags() == {"ann@example.com": True}
    assert (report.entered, report.set_true) == (1, 1)


def test_a_run_is_superseded_by_one_that_came_while_it_waited(tmp_path: Path) -> None:
    """The field never moves back."""
    world = World(tmp_path)
    other = holding_the_turn(world)
    keep_for(world, other, 300)
    world.set_cohort(["ann@example.com"])
    snapshot = read_snapshot(world.run("first")).name
    with pytest.raises(LeaseHeld):
        export_cohort(world.run("first"), snapshot)
    other.give_turn_back()
    other.leave()
    world.sync(["bob@example.com"])

    with pytest.raises(Superseded):
        export_cohort(world.run("first"), snapshot)

    assert world.flags() == {"bob@example.com": True}


def test_a_request_without_an_answer_keeps_the_turn_until_it_can_no_longer_land(tmp_path: Path) -> None:
    """Another export could make a second lead meanwhile."""
    world = World(tmp_path)
    world.break_marketo("reset_after", skip=1)  # before it, members are read
    began = world.clock.now()

    world.sync(["ann@example.com"])

    log = InstanceLog(world.store, "marketo/127.0.0.1:8001", world.clock)
    turns = [record for _, record in log.records(1) if record.kind == "turn_given_back"]
    assert len(turns) == 1
    assert turns[0].at - began >= timedelta(seconds=90)
