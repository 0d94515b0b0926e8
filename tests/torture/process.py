"""One try of one task as an operating system sees it: it may be killed, stalled, or have a clock that is wrong."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from tests.sync.world import Killed
from tests.torture.stepping import Stepper

STALLS = (20.0, 45.0, 100.0, 130.0, 240.0, 400.0, 900.0)
# Clocks of workers are taken to agree within 10 seconds: each is 5 wrong at most.
_MOST_WRONG_SECONDS = 5.0


@dataclass(slots=True)
class Fault:
    """A fault that takes effect at the first chance at its place, `skip` of them spared."""

    kind: str
    place: str
    skip: int = 0


@dataclass(slots=True)
class Plan:
    """The faults that wait for one run."""

    faults: list[Fault] = field(default_factory=list)

    def take(self, place: str) -> str:
        """Return the kind of fault that is due at a place; nothing where there is none."""
        for fault in self.faults:
            if not place.startswith(fault.place):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            self.faults.remove(fault)
            return fault.kind
        return ""


class Process:
    """A process of a run.

    Args:
        name: of the try.
        plan: its run's faults.
        stepper: time, and the order of steps.
        random: draws what a fault leaves open.
        effects: counts faults that took effect.
    """

    def __init__(self, name: str, plan: Plan, stepper: Stepper, random: Random, effects: Counter[str]) -> None:
        self.name = name
        self.plan = plan
        self.stepper = stepper
        self.random = random
        self.effects = effects
        self.dead = False
        self._wrong_seconds = 0.0

    def alive(self) -> None:
        """End what a dead process would do."""
        if self.dead:
            raise Killed

    def die(self, kind: str) -> None:
        """End the process."""
        self.effects[kind] += 1
        self.dead = True
        raise Killed

    def stall(self, kind: str) -> None:
        """Do nothing for minutes."""
        self.effects[kind] += 1
        self.stepper.sleep(self.random.choice(STALLS))

    def disturb(self, kind: str) -> bool:
        """Let what befalls a process befall it; return whether the fault was one of these."""
        if kind.startswith("killed_"):
            self.die(kind)
        elif kind.startswith("stalled_"):
            self.stall(kind)
        elif kind == "clock_jump":
            self.effects[kind] += 1
            self._wrong_seconds = self.random.uniform(-_MOST_WRONG_SECONDS, _MOST_WRONG_SECONDS)
        else:
            return False
        return True

    def now(self) -> datetime:
        """Return the wall-clock time, as far as this process knows."""
        self.alive()
        return self.stepper.now() + timedelta(seconds=self._wrong_seconds)

    def monotonic(self) -> float:
        """Return the seconds since the world began."""
        self.alive()
        return self.stepper.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let time pass; a fault comes in the midst of it."""
        self.alive()
        if kind := self.plan.take("clock"):
            self.stepper.sleep(seconds / 2)
            self.disturb(kind)
        self.stepper.sleep(seconds)
        self.alive()
