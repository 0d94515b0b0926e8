"""Guards: a change that is suspiciously large stops the run and asks, both ways.

A wrong exit silently loses customers; a wrong entry mails people, and leads once created are billed and cannot
be taken back. A run parameter lets a number through, in that run only; the message gives it.
"""

import math

from marketo_provider.errors import GuardedChange, GuardStopped
from marketo_provider.state.records import Settled
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.sync.changes import Extent
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run

_FEWEST_EXITS = 100
_FEWEST_ENTRIES = 1000
_LARGEST_FALL = 0.2
# What a message proposes above the count, since the cohort moves until the run is triggered again.
_HEADROOM = 1.05


def check_guards(run: Run, snapshot: Snapshot, extent: Extent, last: Settled | None) -> None:
    """Stop a run whose change is larger than its guards let through.

    Args:
        run: the run.
        snapshot: what is to come true.
        extent: how much that changes.
        last: the target's last settle, if there is one.

    Raises:
        GuardStopped: naming the figure, the guard and the parameter that lets it through.
    """
    _check_exits(run, snapshot, extent, last)
    _check_entries(run, extent, last)


def _check_exits(run: Run, snapshot: Snapshot, extent: Extent, last: Settled | None) -> None:
    reason = None
    if extent.held and not snapshot.members:
        reason = f"the cohort has no members with an address any more, the field is True for {extent.held:,}"
    elif extent.exited >= _FEWEST_EXITS and extent.exited > run.export.max_exit_share * extent.held:
        reason = (
            f"{extent.exited:,} of {extent.held:,} left the cohort, more than max_exit_share "
            f"({run.export.max_exit_share:g}) of them"
        )
    elif last and snapshot.profiles and round(last.address_share - snapshot.address_share, 6) > _LARGEST_FALL:
        reason = (
            f"the share of profiles with an address fell from {last.address_share:.0%} to "
            f"{snapshot.address_share:.0%} (is $email classified now, or another data view in use?), and "
            f"{extent.exited:,} would be set False"
        )
    allowed = run.parameters.allow_exits
    if reason and (allowed is None or extent.exited > allowed):
        _stop(run, reason, "allow_exits", extent.exited, extent.held)


def _check_entries(run: Run, extent: Extent, last: Settled | None) -> None:
    # A one-time export goes on with its own snapshot: whom it sets True was decided when it began.
    if last is None or run.one_time:
        return
    entered = extent.entered - _left_to_enter(last)
    allowed = run.parameters.allow_entries
    share = run.export.max_entry_share * extent.held
    if entered >= _FEWEST_ENTRIES and entered > share and (allowed is None or entered > allowed):
        reason = (
            f"{entered:,} entered the cohort, where the field is True for {extent.held:,}: more than "
            f"max_entry_share ({run.export.max_entry_share:g}) of them"
        )
        _stop(run, reason, "allow_entries", entered, extent.held)


def _left_to_enter(last: Settled) -> int:
    """Return how many entries the last run left over, at most; exits and a full refresh are left over too."""
    report = Report.stored(last.report)
    return min(last.left_over, max(0, report.entered - report.set_true))


def _stop(run: Run, reason: str, parameter: str, count: int, held: int) -> None:
    proposed = math.ceil(max(count, 1) * _HEADROOM)
    raise GuardStopped(
        f"{run.label} stopped and asks: {reason}. Nothing was sent. If this is right, trigger the DAG with "
        f"{parameter} = {proposed}; if not, look at the cohort in Mixpanel.",
        change=GuardedChange(parameter=parameter, count=count, held=held, proposed=proposed),
    )
