"""A run among others on one instance: it takes its part of the limits, and leaves it to them. Rule 13 of the sync.

What a run asks before it has something to send (the field check's few calls, a dry run's samples) is not shared
out: Adobe's advice, the default of the limits, leaves half of what Marketo allows for that and for others.
"""

from marketo_provider.marketo.client import Share
from marketo_provider.state.lease import Lease
from marketo_provider.state.presence import Presence
from marketo_provider.sync.run import Work, logger

_LOOK_SECONDS = 1.0


def join_instance(run: Work, lease: Lease, presence: Presence) -> None:
    """Join those who deliver, wait until there is room, and keep the run's client to its part from here on."""
    limits = run.limits
    presence.join()

    def share() -> Share:
        part = presence.part()
        calls = part.of(limits.calls_per_20_seconds - part.taken)
        return Share(calls, part.of(limits.concurrent_calls), even=part.count > 1)

    run.marketo.keep_to(share)
    if not presence.ready:
        logger.info(
            "%s: others deliver to this instance, or did just now; making room takes up to half a minute.",
            run.label,
        )
    while not presence.ready:
        run.clock.sleep(_LOOK_SECONDS)
        lease.keep()
        presence.keep()


def leave_instance(presence: Presence, *, may_land: bool) -> None:
    """Leave the limits to others; and the turn, unless a request of ours may still land."""
    if not presence.joined:
        return
    if presence.has_turn and not may_land:
        presence.give_turn_back()
    presence.leave()
