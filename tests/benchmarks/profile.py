"""Where a side's processor time goes, package by package: `PROFILE=1 make bench-deliver`.

Every thread is profiled on its own processor clock, so that waiting costs nothing. What is compiled counts for
whoever calls it. The profiler makes Python's own calls look dearer than they are.
"""

import cProfile
import pstats
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

_SHOWN = 12
_HERE = ("marketo_provider", "tests")


def profile(side: Callable[..., object], *arguments: Any) -> list[tuple[str, float]]:
    """Run a side, and return the packages that took most of the processor's time, each with its share."""
    seconds: Counter[str] = Counter()
    finished = threading.Lock()
    run = threading.Thread.run

    def profiled(work: Callable[..., object], *its: Any) -> None:
        profiler = cProfile.Profile(time.thread_time)
        try:
            profiler.runcall(work, *its)
        finally:
            with finished:
                seconds.update(_by_package(profiler))

    def profiled_run(self: threading.Thread) -> None:
        profiled(run, self)

    threading.Thread.run = profiled_run  # type: ignore[method-assign]
    try:
        profiled(side, *arguments)
    finally:
        threading.Thread.run = run  # type: ignore[method-assign]
    total = sum(seconds.values())
    return [(package, taken / total) for package, taken in seconds.most_common(_SHOWN)]


def _by_package(profiler: cProfile.Profile) -> Counter[str]:
    seconds: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, callers) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        if file == "~":  # compiled
            for (caller, _, _), (_, _, part, _) in callers.items():
                seconds[_package(caller, name)] += part
        else:
            seconds[_package(file, name)] += own
    return seconds


def _package(file: str, name: str) -> str:
    if file == "~":
        return name
    _, found, rest = file.rpartition("site-packages/")
    parts = rest.split("/") if found else file.split("/")
    for own in _HERE:
        if own in parts:
            return ".".join(parts[parts.index(own) :][:3]).removesuffix(".py")
    return parts[0] if found else f"{sys.implementation.name}: {parts[-1].removesuffix('.py')}"
