"""Exports that deliver to one instance at the same time: together they keep to its limit. Rule 13."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from include.sandbox.marketo_fields import Field
from marketo_provider.errors import WaitUntil
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.side_by_side import SideBySide
from tests.sync.world import World

LIMIT = 6
WINDOW = 20.0
Exporting = Callable[[], Report]


class Instance:
    """A world in which exports run side by side, a call takes a moment, and arrivals are noted."""

    def __init__(self, folder: Path) -> None:
        self.clock = SideBySide()
        self.world = World(folder, page_size=5000, clock=self.clock)
        self.world.limits = {"calls_per_20_seconds": LIMIT}
        self.world.marketo.wire.latency = 0.2
        self.arrivals: list[float] = []
        self.world.before_marketo = self._note

    def exporting(self, name: str, emails: list[str], **export: Any) -> Exporting:
        """Return an export to a field of its own, its snapshot read: it waits where it is told to."""
        field = f"mixpanel{name.title()}"
        self.world.marketo.instance.catalog.put(
            Field(name=field, display_name=name, data_type="boolean", custom=True)
        )
        keys = {"name": name, "marketo_field": field, "max_reject_share": 1.0, **export}
        self.world.set_cohort(emails)
        snapshot = read_snapshot(self._run(name, keys)).name

        def work() -> Report:
            while True:
                try:
                    return export_cohort(self._run(name, keys), snapshot)
                except WaitUntil as wait:
                    self.clock.sleep(max(1.0, (wait.resume_at - self.clock.now()).total_seconds()))

        return work

    def fullest_window(self) -> int:
        """Return the most calls of any 20 seconds."""
        return max(self.in_window(first) for first in self.arrivals)

    def in_window(self, begin: float) -> int:
        """Return how many calls arrived in the 20 seconds from a time on."""
        return sum(begin <= one < begin + WINDOW for one in self.arrivals)

    def _run(self, name: str, keys: dict[str, Any]) -> Run:
        return replace(self.world.run(f"run-of-{name}"), export=self.world.export.model_copy(update=keys))

    def _note(self, path: str) -> None:
        if path.startswith("/rest/"):
            self.arrivals.append(self.clock.seconds)


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Return an instance with a low limit."""
    return Instance(tmp_path)


def people(name: str, calls: int) -> list[str]:
    """Return addresses for so many calls."""
    return [f"{name}{number}@example.com" for number in range(300 * calls)]


def test_exports_together_keep_to_the_limit(instance: Instance) -> None:
    """Whenever they come and go."""
    begins = {"ann": 0.0, "bob": 0.0, "cid": 40.0}
    tasks = [
        (begin, instance.exporting(name, people(name, 12), create_leads=False)) for name, begin in begins.items()
    ]

    instance.clock.run(tasks)

    assert instance.fullest_window() == LIMIT
    assert instance.world.marketo.instance.gate.used() >= 3 * 12


def test_the_whole_limit_is_used_soon_after_another_has_joined(instance: Instance) -> None:
    """A call takes a moment, which costs each of them one call of a window at most."""
    instance.world.limits = {"calls_per_20_seconds": 20}
    tasks = [
        (begin, instance.exporting(name, people(name, 56), create_leads=False))
        for name, begin in (("ann", 0.0), ("bob", 10.0))
    ]

    instance.clock.run(tasks)

    windows = [begin / 2 for begin in range(2 * 51, 2 * 56)]
    assert min(instance.in_window(begin) for begin in windows) >= 18


def test_the_turn_is_not_passed_on_while_a_request_may_still_create_leads(instance: Instance) -> None:
    """Its connection broke, and Marketo works on it for longer than the rest of the minute."""
    emails = people("ann", 20)
    tasks = [
        (0.0, instance.exporting("ann", emails)),
        (5.0, instance.exporting("bob", emails)),
    ]
    instance.world.break_marketo("delay", seconds=89, skip=10)

    instance.clock.run(tasks)

    assert len(list(instance.world.marketo.instance.leads)) == len(emails)


def test_exports_that_create_leads_keep_to_the_limit_too(instance: Instance) -> None:
    """As the turn passes from one to the other."""
    tasks = [(0.0, instance.exporting(name, people(name, 30))) for name in ("ann", "bob")]

    instance.clock.run(tasks)

    assert instance.fullest_window() == LIMIT
    assert len(list(instance.world.marketo.instance.leads)) == 2 * 30 * 300


def test_a_small_export_finishes_beside_a_large_one(instance: Instance) -> None:
    """It waits for a minute's turn of the other, not for its end."""
    large = instance.exporting("large", people("large", 60))
    small = instance.exporting("small", people("small", 1))

    instance.clock.run([(0.0, large), (30.0, small)])

    large_ended, small_ended = instance.clock.ended_at
    assert small_ended < 240
    assert large_ended > small_ended
    assert instance.world.flags("mixpanelSmall")["small7@example.com"] is True


def test_a_small_export_that_only_updates_need_not_wait_for_the_turn(instance: Instance) -> None:
    """Only to have its part of the limit."""
    large = instance.exporting("large", people("large", 60))
    small = instance.exporting("small", people("small", 1), create_leads=False)

    instance.clock.run([(0.0, large), (10.0, small)])

    large_ended_at, small_ended_at = instance.clock.ended_at
    assert small_ended_at < 10 + 30 + 40 < large_ended_at / 2
