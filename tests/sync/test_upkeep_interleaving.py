"""Retiring, repairing and erasing beside a run, taking turns at every request and step of the store."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import MarketoProviderError, WaitUntil
from marketo_provider.state.verify import verify_target
from marketo_provider.sync.erase import Erasure
from marketo_provider.sync.repair import repair_target
from marketo_provider.sync.retire import retire_target
from tests.sync.test_erase import traces
from tests.sync.test_interleaving import ADDRESSES, COHORTS, Stage
from tests.sync.world import FIELD

ANN = ADDRESSES[0]


def erase(stage: Stage, address: str = ANN) -> None:
    """Erase an address from the stage's target."""
    run = stage.world.run()
    with run.workspace() as workspace:
        Erasure(run.lease(run.open_log()), address, workspace, open_work=lambda: run).carry_out()


COMMANDS: dict[str, Callable[[Stage], object]] = {
    "retire": lambda stage: retire_target(stage.world.run()),
    "repair": lambda stage: repair_target(stage.world.run()),
    "erase": erase,
}


def typed_again(stage: Stage, command: Callable[[Stage], object]) -> Callable[[], None]:
    """Return a person who runs a command, and again when he is told to wait."""

    def work() -> None:
        for _ in range(5):
            try:
                command(stage)
            except WaitUntil:
                stage.world.clock.sleep(60)
                stage.baton.step()
            except MarketoProviderError:
                return
            else:
                return

    return work


@pytest.mark.parametrize("name", COMMANDS)
@given(before=COHORTS, during=COHORTS, after=COHORTS, schedule=st.randoms(use_true_random=False))
@settings(max_examples=15, phases=[Phase.generate])
def test_a_command_and_a_run_may_interleave_at_every_step(
    name: str, before: set[str], during: set[str], after: set[str], schedule: Random
) -> None:
    """Nobody sends without the lease; afterwards the command's word holds, and every flag comes true."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), schedule)
        stage.world.sync(sorted(before))
        leads = stage.world.marketo.instance.leads

        stage.baton.run([stage.task(during), typed_again(stage, COMMANDS[name])])
        stage.world.clock.sleep(300)
        COMMANDS[name](stage)

        if name == "retire":
            assert not any(lead.values.get(FIELD) for lead in leads)
            assert stage.world.run().open_log().target.closed
            return
        if name == "erase":
            assert traces(Path(folder), ANN) == []
            after = (after - {ANN}) or {ADDRESSES[1]}
        run = stage.world.run()
        with run.workspace() as workspace:
            found = verify_target(stage.files, stage.folder, clock=stage.world.clock, workspace=workspace)
        assert found == []
        stage.world.sync(sorted(after))
        assert all(bool(lead.values.get(FIELD)) is (lead.values["email"] in after) for lead in leads)
        assert len(list(leads)) == len(stage.world.flags())
