"""bench-limits: four exports that share one instance's limit, one of them alone at first, one leaving early."""

import threading
import time
from bisect import bisect_left, bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import requests

from include.sandbox.clock import SystemClock as SandboxClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_limits import Limits
from include.sandbox.serving import serve
from include.sandbox.wire import Request, Response, Step, Wire
from marketo_provider.clock import SystemClock
from marketo_provider.errors import VendorUnavailable
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.store import LocalStore
from marketo_provider.sync.run import Run
from marketo_provider.sync.sharing import join_instance, leave_instance
from tests.benchmarks.common import Limit, Work, quotient, report, scratch, size

_WINDOW_SECONDS = 20.0
_SETTLED_SECONDS = 40.0  # after a join or a leave
_CONCURRENT_CALLS = 10
_EXPORTS = {"first": (0, 4), "second": (1, 3), "third": (2, 4), "fourth": (2, 4)}  # begin and end, in phases


def main() -> None:
    """Run it."""
    rate, phase = size("RATE", 100), size("PHASE", 70)
    limits = Limits(calls_per_window=rate, concurrent_calls=_CONCURRENT_CALLS)
    sandbox = MarketoSandbox(SandboxClock(), limits=limits)
    watched = Watched(sandbox, sandbox.wire)
    began = time.monotonic()
    with scratch() as folder, serve(watched) as url, get_context("spawn").Pool(len(_EXPORTS)) as pool:
        credentials = sandbox.credentials
        connection = MarketoConnection.model_validate(
            {
                "rest_url": url,
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "calls_per_20_seconds": rate,
                "concurrent_calls": _CONCURRENT_CALLS,
            }
        )
        exports = [
            Export(name, folder, connection, began + phase * first, began + phase * last)
            for name, (first, last) in _EXPORTS.items()
        ]
        done = pool.map(deliver, exports, chunksize=1)
    changes = sorted(moment - began for both in done for moment in both)
    arrivals = [moment - began for moment in watched.arrivals]
    work = Work(
        changes[-1] - changes[0],
        len(arrivals),
        more={
            "rate": rate,
            "fullest_window": fullest(arrivals),
            "emptiest_settled_window": emptiest(arrivals, changes),
            "refused": watched.refused(),
        },
    )
    of_rate = {name: quotient(work.more[name], rate) for name in ("fullest_window", "emptiest_settled_window")}
    report(
        "bench-limits",
        {"four exports": work},
        [
            Limit("fullest window / rate", of_rate["fullest_window"], "<=", 1),
            Limit("emptiest settled window / rate", of_rate["emptiest_settled_window"], ">=", 0.95),
            Limit("refused / calls", quotient(work.more["refused"], len(arrivals)), "<", 1 / 200),
        ],
    )


@dataclass(slots=True)
class Watched:
    """A sandbox that notes when each call arrives."""

    sandbox: MarketoSandbox
    wire: Wire
    arrivals: list[float] = field(default_factory=list)

    def begin(self, request: Request) -> Response | Step:
        """Take a request as it arrives."""
        if request.path.startswith("/rest/"):
            self.arrivals.append(time.monotonic())
        return self.sandbox.begin(request)

    def admin(self, request: Request) -> Response:
        """Serve the sandbox's own admin API."""
        return self.sandbox.admin(request)

    def refused(self) -> int:
        """Return how many calls were refused for a limit."""
        errors = self.sandbox.instance.gate.errors(days=1)[0]["errors"]
        return sum(error["count"] for error in errors if error["errorCode"] in {"606", "615"})


def fullest(arrivals: list[float]) -> int:
    """Return the most calls in any window."""
    return max(bisect_left(arrivals, first + _WINDOW_SECONDS) - place for place, first in enumerate(arrivals))


def emptiest(arrivals: list[float], changes: list[float]) -> int:
    """Return the fewest calls in a window that begins late enough after a change, and ends before the next."""
    fewest = []
    for change, following in pairwise(changes):
        first, last = change + _SETTLED_SECONDS, following - _WINDOW_SECONDS
        begins = [first, *arrivals[bisect_left(arrivals, first) : bisect_left(arrivals, last)]]
        # Just behind a call, where a window that held it holds it no more.
        fewest += [
            bisect_left(arrivals, begin + _WINDOW_SECONDS) - bisect_right(arrivals, begin)
            for begin in begins
            if first <= last
        ]
    return min(fewest, default=0)


@dataclass(frozen=True, slots=True)
class Export:
    """What an export's process is told; begin and end are on the monotonic clock, which all processes share."""

    name: str
    folder: Path
    connection: MarketoConnection
    begin: float
    end: float


def deliver(export: Export) -> tuple[float, float]:
    """Call as often as the export's part of the limit allows; return when it joined and left."""
    time.sleep(max(0.0, export.begin - time.monotonic()))
    run = _run(export)
    lease, presence = run.lease(run.open_log()), run.presence()
    lease.take()
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                run.marketo.sync_leads(
                    [{"email": f"{export.name}@example.com", "firstName": export.name}],
                    action="updateOnly",
                    lookup_field="email",
                    partition=None,
                    deadline=min(run.clock.monotonic() + _WINDOW_SECONDS, presence.deadline),
                )
            except VendorUnavailable:
                continue

    joined_at = time.monotonic()
    join_instance(run, lease, presence)
    with ThreadPoolExecutor(_CONCURRENT_CALLS) as pool:
        for _ in range(_CONCURRENT_CALLS):
            pool.submit(call)
        while time.monotonic() < export.end:
            lease.keep()
            presence.keep()
            time.sleep(1.0)
        over.set()
    leave_instance(presence, may_land=False)
    lease.give_back()
    return joined_at, time.monotonic()


def _run(export: Export) -> Run:
    clock, session = SystemClock(), requests.Session()
    mixpanel = MixpanelConnection.model_validate({"username": "bench", "secret": "bench", "project_id": 1})
    return Run(
        export=CohortExport.model_validate(
            {"name": export.name, "cohort_id": 1, "marketo_field": f"{export.name}Bench", "sync_type": "dynamic"}
        ),
        parameters=RunParameters(),
        settings=ProviderSettings.model_validate({"state_url": str(export.folder)}),
        limits=export.connection,
        marketo=MarketoClient(export.connection, session=session, clock=clock),
        mixpanel=MixpanelClient(mixpanel, session=session, clock=clock),
        store=LocalStore(export.folder),
        clock=clock,
        run_id=export.name,
        holder=export.name,
    )


if __name__ == "__main__":
    main()
