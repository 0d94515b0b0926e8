"""Days of runs, one after the other as Airflow's scheduler has them, and what is to be learnt from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from include.simulator.assumptions import Assumptions
from include.simulator.clock import DAY, HOUR, VirtualClock
from include.simulator.cohort import Cohort, Delay, median, worst
from include.simulator.marketo import Marketo
from include.simulator.run import Outcome, Runs

_STEADY_DAYS = 3
# Delays differ a little from day to day, since no day has the same number of runs.
_TOLERANCE = 1.05
_BISECTIONS = 9
_MOST_CHURN = 0.5  # the default of max_exit_share


@dataclass(frozen=True, slots=True)
class Figures:
    """What days of runs came to. `first_load` is in seconds, or None if it has not ended; so are its calls."""

    runs: list[Outcome]
    first_load: float | None
    first_load_calls: int | None
    calls: list[int]
    left_over: int
    delays: list[Delay]

    @property
    def median(self) -> float:
        """How long half of the changes after the first load waited at most."""
        return median(self.delays)

    @property
    def worst(self) -> float:
        """How long the last of the changes after the first load waited."""
        return worst(self.delays)


def simulate(assumed: Assumptions, *, loaded: bool = False) -> Figures:
    """Play days of a dynamic export; `loaded` says that Marketo holds all members at their start."""
    clock, interval = VirtualClock(), assumed.interval_hours * HOUR
    marketo = Marketo(assumed, clock)
    cohort = Cohort(assumed.members, assumed.churn, interval, loaded=loaded)
    export = Runs(assumed, clock, marketo, cohort)
    runs: list[Outcome] = []
    end = assumed.days * DAY
    while clock.seconds < end:
        # One run at a time; of those that were due meanwhile only the latest is made up for.
        next_due = export.next_due()
        runs.append(export.run())
        clock.sleep_until(next_due)
    first_load, first_load_calls = (0.0, 0) if loaded else _first_load(runs)
    delays = [delay for run in runs for delay in run.delays]
    # Who is still waiting has waited at least so long.
    waiting = [*cohort.entered.slices, *cohort.exited.slices]
    delays += [Delay(since, clock.seconds, people) for since, people in waiting if people]
    return Figures(
        runs=runs,
        first_load=first_load,
        first_load_calls=first_load_calls,
        calls=[marketo.calls_by_day.get(day, 0) for day in range(assumed.days)],
        left_over=runs[-1].left_over,
        delays=[] if first_load is None else [delay for delay in delays if delay.since > first_load],
    )


def _first_load(runs: Sequence[Outcome]) -> tuple[float, int] | tuple[None, None]:
    """Return when all were first sent, and in how many calls of all runs until then."""
    calls = 0
    for run in runs:
        calls += run.calls
        if not run.left_over:
            return run.ended, calls
    return None, None


def load_once(assumed: Assumptions) -> float | None:
    """Return how long a one-time export takes, in seconds; None if longer than the days to be played."""
    clock = VirtualClock()
    cohort = Cohort(assumed.members, 0.0, assumed.interval_hours * HOUR, loaded=False)
    return Runs(assumed, clock, Marketo(assumed, clock), cohort).load_once()


def keeps_up(assumed: Assumptions) -> bool:
    """Whether, once all are loaded, nobody waits longer than a day, nor longer on the third day than before."""
    delays = simulate(replace(assumed, days=_STEADY_DAYS), loaded=True).delays
    last_day = (_STEADY_DAYS - 1) * DAY
    earlier = worst([delay for delay in delays if delay.until < last_day])
    last = worst([delay for delay in delays if delay.until >= last_day])
    return last <= DAY and last <= earlier * _TOLERANCE


def highest_churn(assumed: Assumptions) -> float:
    """Return the highest churn that keeps up, by bisection; 0 where none does."""
    low, high = 0.0, _MOST_CHURN
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if keeps_up(replace(assumed, churn=middle)):
            low = middle
        else:
            high = middle
    return low
