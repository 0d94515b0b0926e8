"""What every benchmark shares: each side in processes of its own, best of three, a table, and a line of JSON."""

import json
import multiprocessing
import operator
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from tests.benchmarks.profile import profile

_COMPARE = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "==": operator.eq}
MIB = 1024 * 1024
T = TypeVar("T")


@dataclass(slots=True)
class Work:
    """What one side has done: the seconds that count, rows, bytes, and other raw figures by name."""

    seconds: float
    rows: int
    bytes: int = 0
    rss_bytes: int = 0
    more: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """A line to reach: `figure` is a quotient of raw figures, or one of them."""

    figure: str
    value: float
    operator: str
    bound: float

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        reached: bool = _COMPARE[self.operator](self.value, self.bound)
        return reached


class Stopwatch:
    """Adds up the seconds of the blocks that count."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the seconds of a block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began


def best(side: Callable[..., Work], *arguments: Any, rounds: int | None = None) -> Work:
    """Return the fastest of some rounds, each in a new process, with the largest memory of all of them.

    Three rounds, or as many as ROUNDS says. With PROFILE=1 it is told first where the processor's time goes.
    """
    if os.environ.get("PROFILE"):
        parts = _apart(profile, side, *arguments)
        shares = "".join(f"{package:<40}{share:>8.1%}\n" for package, share in parts)
        sys.stdout.write(f"processor time of {side.__name__}\n{shares}\n")
    done = [_apart(_observed, side, *arguments) for _ in range(rounds or size("ROUNDS", 3))]
    fastest = min(done, key=lambda work: work.seconds)
    fastest.rss_bytes = max(work.rss_bytes for work in done)
    return fastest


def _apart(work: Callable[..., T], *arguments: Any) -> T:
    # Spawned: the peak of a forked process would begin with its parent's.
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _observed(side: Callable[..., Work], *arguments: Any) -> Work:
    work = side(*arguments)
    work.rss_bytes = peak_rss()
    return work


def peak_rss() -> int:
    """Return the most memory that this process has had resident, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not tell a process's peak memory")


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is gone afterwards; BENCH_FOLDER says on which disk."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_FOLDER")) as folder:
        yield Path(folder)


def peer_duckdb() -> duckdb.DuckDBPyConnection:
    """Return DuckDB at its defaults, but for the progress that it would print."""
    db = duckdb.connect()
    db.execute("SET enable_progress_bar = false")
    return db


def size(name: str, default: int) -> int:
    """Return a parameter, as in `make bench-diff ROWS=3000000`."""
    return int(os.environ.get(name) or default)


def quotient(dividend: float, divisor: float) -> float:
    """Return a quotient as it is shown and judged."""
    return round(dividend / divisor, 3) if divisor else float("inf")


def report(target: str, sides: dict[str, Work], limits: list[Limit]) -> None:
    """Print the table, then the line of JSON."""
    out = sys.stdout.write
    out(f"{'side':<28}{'seconds':>10}{'rows':>14}{'MB':>10}{'peak MiB':>10}\n")
    for name, work in sides.items():
        memory = work.rss_bytes / MIB
        out(f"{name:<28}{work.seconds:>10.3f}{work.rows:>14,}{work.bytes / 1e6:>10.1f}{memory:>10.0f}\n")
        for key, value in work.more.items():
            out(f"{'  ' + key:<28}{value:>10.3f}\n")
    for limit in limits:
        verdict = "met" if limit.met else "NOT MET"
        out(f"{limit.figure:<52}{limit.value:>10.3f} {limit.operator} {limit.bound:<8g}{verdict}\n")
    line = {
        "target": target,
        "figures": {name: asdict(work) for name, work in sides.items()},
        "limits": [asdict(limit) for limit in limits],
        "met": all(limit.met for limit in limits),
    }
    out(json.dumps(line) + "\n")
