"""The create turn: exports of one instance that meet the same new people make each of them once. Rule 11."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import TryAgain, WaitUntil
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.test_interleaving import ADDRESSES, Stage
from tests.sync.world import FIELD, OTHER_FIELD, World

# Each step of one is followed by a step of the other, and no time passes.
LOCKSTEP: dict[str, Any] = {"patience": (1,), "jumps": (0.0,)}
ALONE: dict[str, Any] = {"patience": (10**9,)}


class Killed(BaseException):
    """The end of a process, which no code of ours sees."""


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
