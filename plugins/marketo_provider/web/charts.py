"""The geometry of the page's charts: from figures to the points of an SVG. Colours are the templates'."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketo_provider.sync.summary import RunFigures, Standing


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: where it begins and how long it is, in hundredths of the chart."""

    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Moved:
    """One run's bars: who entered, upward, and who exited, downward, with the run itself."""

    run: RunFigures
    x: float
    width: float
    entered: float
    exited: float


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the waterfall; `key` names its words, `kind` whether it is a level or what is taken away."""

    key: str
    count: int
    kind: str
    bar: Bar


def line(values: Sequence[float], *, width: float, height: float) -> str:
    """Return the points of a line; the lowest value is at the bottom, the highest at the top."""
    if not values:
        return ""
    low, high = min(values), max(values)
    spread = high - low or 1
    steps = max(len(values) - 1, 1)
    same = [*values, *values] if len(values) == 1 else values
    return " ".join(
        f"{index * width / steps:.1f},{height - (value - low) * height / spread if high > low else height / 2:.1f}"
        for index, value in enumerate(same)
    )


def line_in_time(runs: Sequence[RunFigures], *, width: float, height: float) -> str:
    """Return the points of the members over time, from nought upward."""
    if not runs:
        return ""
    top = max(run.members for run in runs) or 1
    first, last = runs[0].at, runs[-1].at
    points = [
        f"{_place(run.at, first, last) * width:.1f},{height - run.members * height / top:.1f}" for run in runs
    ]
    return " ".join(points if len(points) > 1 else [points[0], f"{width:.1f},{points[0].split(',')[1]}"])


def moved(runs: Sequence[RunFigures], *, width: float, half: float) -> list[Moved]:
    """Return the bars of who entered and exited, run by run, on one scale."""
    if not runs:
        return []
    most = max(max(run.entered, run.exited) for run in runs) or 1
    room = width / len(runs)
    return [
        Moved(run, index * room, max(room * 0.8, 0.5), run.entered * half / most, run.exited * half / most)
        for index, run in enumerate(runs)
    ]


def waterfall(run: RunFigures, standing: Standing) -> list[Step]:
    """Return the way from the profiles in Mixpanel to the members for whom Marketo holds True.

    Args:
        run: what the cohort was.
        standing: what Marketo holds.
    """
    refused = sum(standing.refused.values())
    open_ = run.members - standing.accepted - refused - standing.absent
    steps = [
        ("profiles", run.profiles, "level"),
        ("without_email", run.without_email, "taken"),
        ("invalid_email", run.invalid_email, "taken"),
        ("duplicate_email", run.duplicate_email, "taken"),
        ("members", run.members, "level"),
        ("refused", refused, "taken"),
        ("absent", standing.absent, "taken"),
        ("open", max(open_, 0), "taken"),
        ("accepted", standing.accepted, "level"),
    ]
    whole = run.profiles or 1
    level = 0
    placed = []
    for key, count, kind in steps:
        level = count if kind == "level" else level - count
        start = 0 if kind == "level" else level
        placed.append(Step(key, count, kind, Bar(100 * max(start, 0) / whole, 100 * count / whole)))
    return placed


def _place(at: datetime, first: datetime, last: datetime) -> float:
    whole = (last - first).total_seconds()
    return (at - first).total_seconds() / whole if whole else 0.0
