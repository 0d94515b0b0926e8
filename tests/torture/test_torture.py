"""The fault harness itself: seeds repeat, planted bugs are found, and fifty seeds find nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import read
from tests.torture import kinds
from tests.torture.planted import ROOT, find
from tests.torture.schedule import Schedule

MUTATIONS = Path(__file__).parent / "mutations"


def torture(*arguments: str) -> tuple[int, dict[str, object]]:
    """Return how the command ends, and what its last line says; in a process of its own, which it changes."""
    command = [sys.executable, "-m", "tests.torture", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_fifty_seeds_find_nothing() -> None:
    """Hundreds of faults take effect in them."""
    status, report = torture("--seeds=50")

    assert (status, report["seeds"], report["violations"]) == (0, 50, 0)


def test_a_seed_repeats() -> None:
    """The same faults take effect."""
    first, again = (torture("--seed=5")[1] for _ in range(2))

    assert first["faults"] == again["faults"]


def test_the_docs_say_how_often_each_kind_took_effect() -> None:
    """At least twenty times."""
    told = {kind: int(times) for kind, times in re.findall(r"`(\w+)` (\d+)", read("docs/reliability.md"))}

    assert {kind for kind, times in told.items() if times >= 20} == set(kinds.ALL)


def test_a_schedule_repeats() -> None:
    """It depends on the seed only."""
    assert Schedule.draw(7) == Schedule.draw(7)
    assert Schedule.draw(7) != Schedule.draw(8)


@pytest.mark.parametrize("name", ["exits_after_entries", "unknown_ignored", "upload_not_announced"])
def test_a_planted_bug_is_found(name: str) -> None:
    """The watch, the verdict and the announcements of files each find theirs."""
    assert find(MUTATIONS / f"{name}.patch", 60) is not None
