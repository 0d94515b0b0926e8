"""How an export of a size fares: `python -m include.simulator --members 30000000`, or `make simulate`.

Prints what was assumed, then what days of syncs come to.
"""

import sys
from collections.abc import Sequence

from include.simulator.assumptions import Assumptions
from include.simulator.clock import HOUR
from include.simulator.simulation import Figures, highest_churn, load_once, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, and print the figures; return the exit code."""
    assumed = Assumptions.parse(arguments)
    out = sys.stdout.write
    for flag, value, meaning, source in assumed.lines():
        out(f"{flag:<32}{value:>12}  {meaning} [{source}]\n")
    out("\n")
    lines = [
        *_syncs(simulate(assumed)),
        ("a one-time export of the same members", _hours(load_once(assumed), "not ended")),
        (f"highest churn in {assumed.interval_hours:g} hours that keeps up", f"{highest_churn(assumed):.1%}"),
    ]
    for name, figure in lines:
        out(f"{name:<44}{figure}\n")
    return 0


def _syncs(figures: Figures) -> list[tuple[str, str]]:
    done = [run for run in figures.runs if not run.skipped]
    by_import = sum(run.route == "bulk_import" for run in done)
    known, first_calls = bool(figures.delays), figures.first_load_calls
    return [
        ("first load", _hours(figures.first_load, "not ended")),
        ("calls of the first load", "not ended" if first_calls is None else f"{first_calls:,}"),
        ("runs", f"{len(done)}, of which {by_import} with imports"),
        ("runs skipped for want of calls", f"{len(figures.runs) - len(done)}"),
        ("calls, day by day", ", ".join(f"{calls:,}" for calls in figures.calls)),
        ("left over after the last run", f"{figures.left_over:,}"),
        ("a later change waits, median", _hours(figures.median if known else None, "unknown")),
        ("a later change waits, at worst", _hours(figures.worst if known else None, "unknown")),
    ]


def _hours(seconds: float | None, otherwise: str) -> str:
    return otherwise if seconds is None else f"{seconds / HOUR:.1f} hours"


if __name__ == "__main__":
    sys.exit(main())
