"""Runs both sandbox servers: `python -m include.sandbox`.

Prints one line of JSON, the base URLs and the credentials, and serves until SIGINT or SIGTERM. SIGUSR1 makes an
outage of both vendors, and the next one ends it: nobody listens meanwhile, and nothing is forgotten.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_limits import Limits
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.serving import Sandboxes, port_kept, port_of, serve_both

_OUTAGE = signal.SIGUSR1
_SIGNALS = {signal.SIGINT, signal.SIGTERM, _OUTAGE}
_USERNAME, _SECRET, _PROJECT_ID = "sandbox.service-account", "sandbox-secret", 2_000_001


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    options = _parser().parse_args(arguments)
    # Blocked before the threads start, so that they inherit it and the signal waits for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    clock = SystemClock()
    limits = Limits(
        daily_quota=options.daily_quota,
        calls_per_window=options.calls_per_20_seconds,
        concurrent_calls=options.concurrent_calls,
    )
    marketo = MarketoSandbox(clock, options.seed, limits=limits)
    mixpanel = MixpanelSandbox(clock, username=_USERNAME, secret=_SECRET, project_id=_PROJECT_ID)
    try:
        with serve_both(
            marketo, mixpanel, marketo_port=options.marketo_port, mixpanel_port=options.mixpanel_port
        ) as served:
            sys.stdout.write(json.dumps(_greeting(served)) + "\n")
            sys.stdout.flush()
            goes_on = _told_to_break()
        while goes_on:
            goes_on = _break_off(served)
    except OSError as error:
        sys.stderr.write(f"cannot serve: {error.strerror}\n")
        return 1
    return 0


def _break_off(served: Sandboxes) -> bool:
    """Be away until told to come back, and then be there again; False where it is time to end."""
    marketo_port, mixpanel_port = port_of(served.marketo_url), port_of(served.mixpanel_url)
    with port_kept(marketo_port), port_kept(mixpanel_port):
        if not _told_to_break():
            return False
    with serve_both(served.marketo, served.mixpanel, marketo_port=marketo_port, mixpanel_port=mixpanel_port):
        return _told_to_break()


def _told_to_break() -> bool:
    """Wait for a signal; False where it is one to end."""
    return signal.sigwait(_SIGNALS) == _OUTAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.sandbox", description=__doc__)
    defaults = Limits()
    parser.add_argument("--seed", type=int, default=0, help="decides ids and tokens")
    parser.add_argument("--marketo-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--mixpanel-port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--daily-quota", type=int, default=defaults.daily_quota, help="Marketo calls a day")
    parser.add_argument("--calls-per-20-seconds", type=int, default=defaults.calls_per_window)
    parser.add_argument("--concurrent-calls", type=int, default=defaults.concurrent_calls)
    return parser


def _greeting(served: Sandboxes) -> dict[str, dict[str, str | int]]:
    credentials = served.marketo.credentials
    return {
        "marketo": {
            "url": served.marketo_url,
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
        },
        "mixpanel": {
            "url": served.mixpanel_url,
            "username": _USERNAME,
            "secret": _SECRET,
            "project_id": _PROJECT_ID,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
