"""An export in a running Airflow, on a sandbox of its own: begun, held in the middle, and judged."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import requests

from include.demo.airflow import Airflow
from include.demo.airflow_api import NewConnection
from include.demo.sandbox import Sandbox
from include.demo.truth import read_cohort
from include.demo.waiting import wait_for
from include.distributed.flights import judge_flights, writes_of
from tests.system.running import Processes
from tests.system.witness import judge_leads

COHORT = 1001
FIELD = "mixpanelFlag"
_TASK = "export"
LATEST_SECONDS = 14.0
"""How long Marketo may work on a request: a little less than `replay_after_seconds` says."""
_SLOW_SECONDS = 4.0
_LONGEST = 300
_ALL = 1_000_000
_PROFILES = 10_000
_KNOWN = 2_000
_LIMITS = {"calls_per_20_seconds": 100, "concurrent_calls": 2, "replay_after_seconds": 15}
_DAG = '''
"""An export of one cohort."""

from datetime import timedelta

from airflow.sdk import DAG

from marketo_provider.operators.marketo import CohortToMarketoOperator

with DAG("{name}", schedule=None, default_args={{"retries": 10, "retry_delay": timedelta(seconds=1)}}):
    CohortToMarketoOperator(
        task_id="export",
        cohort_id=1001,
        marketo_field="mixpanelFlag",
        mixpanel_conn_id="mixpanel_{name}",
        marketo_conn_id="marketo_{name}",
    )
'''


def write_dag(folder: Path, name: str) -> None:
    """Write the DAG of the scene of a name."""
    (folder / f"{name}.py").write_text(_DAG.format(name=name))


@dataclass(frozen=True)
class Scene:
    """The export `name`, its sandbox, and the Airflow that runs it."""

    name: str
    sandbox: Sandbox
    airflow: Airflow
    processes: Processes

    def set_up(self) -> None:
        """Fill the cohort, make the field and some of the leads, and let Airflow run the DAG."""
        self.sandbox.generate(COHORT, seed=len(self.name), size=_PROFILES)
        self.sandbox.create_field(FIELD, display_name="Mixpanel Flag")
        self.sandbox.add_leads([{"email": email} for email in sorted(self.members())[:_KNOWN]])
        for connection in self.sandbox.connections():
            self.airflow.api.create_connection(self._own(connection))
        self.airflow.api.unpause(self.name)

    def begin(self, **parameters: object) -> str:
        """Begin a run; return its id."""
        return self.airflow.api.trigger(self.name, **parameters)

    def begin_slowly(self, *, seconds: float = _SLOW_SECONDS, **parameters: object) -> tuple[str, str]:
        """Begin a run and wait until it is in mid-delivery; return its id, and that of its task's try."""
        self.slow_down(4, seconds)
        run_id = self.begin(**parameters)
        self.wait_until_slow()
        return run_id, self.try_id(run_id)

    def slow_down(self, spared: int, seconds: float = _SLOW_SECONDS) -> None:
        """Let requests about leads take long from now on, the next few spared."""
        self.hurry()
        fault = {"kind": "delay", "path": "/v1/leads.json", "skip": spared, "seconds": seconds}
        self.sandbox.marketo("POST", "faults", {**fault, "times": _ALL})

    def stall(self) -> None:
        """Let Marketo turn all further requests about leads away, as when others use its limits up (606)."""
        self.hurry()
        fault = {"kind": "error_code", "code": "606", "path": "/v1/leads.json", "times": _ALL}
        self.sandbox.marketo("POST", "faults", fault)

    def hurry(self) -> None:
        """Let the requests to come through at once again."""
        self.sandbox.marketo("DELETE", "faults")

    def wait_until_slow(self) -> None:
        """Wait until Marketo works on as many of them as a run has under way."""

        def slow() -> bool:
            effects: dict[str, int] = self.sandbox.marketo("GET", "faults")["effects"]
            return effects.get("delay", 0) >= _LIMITS["concurrent_calls"] and self._works_on_all()

        self.wait(slow, "its requests to be under way")

    def freeze(self, *processes: psutil.Process) -> None:
        """Freeze processes while the last of them, a task's, does nothing but wait for Marketo's answers.

        Nobody promises anything of one that is frozen between its look at the lease and its request.
        """

        def frozen() -> bool:
            for process in processes:
                process.suspend()
            if self._works_on_all():
                return True
            for process in processes:
                process.resume()
            return False

        self.wait(frozen, "a moment to freeze it")

    def _works_on_all(self) -> bool:
        return bool(self.sandbox.marketo("GET", "limits")["in_flight"] == _LIMITS["concurrent_calls"])

    def churn(self) -> None:
        """Let people enter the cohort, and more leave it."""
        self.sandbox.churn(COHORT, seed=len(self.name), entered=400, exited=900)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Let both vendors be away while the context lasts; they forget nothing."""
        (server,) = psutil.Process(self.sandbox.process.pid).children()
        server.send_signal(signal.SIGUSR1)
        self.wait(lambda: not any(self._vendors_there()), "the vendors to be away")
        yield
        server.send_signal(signal.SIGUSR1)
        self.wait(lambda: all(self._vendors_there()), "the vendors to be back")

    def wait_for_end(self, run_id: str) -> str:
        """Return the state in which a run has ended."""
        return self.airflow.wait_for_end(self.name, run_id)

    def try_id(self, run_id: str) -> str:
        """Return the id of the newest try of a run's task."""
        return self.airflow.api.try_id(self.name, run_id, _TASK)

    def members(self) -> frozenset[str]:
        """Return the addresses in the cohort."""
        return read_cohort(self.sandbox.emails(COHORT)).members

    def writes(self) -> int:
        """Return how many requests have written so far."""
        return writes_of(FIELD, self.sandbox.calls())

    def faults(self) -> list[str]:
        """Return what is wrong with Marketo's leads and with what was asked of it."""
        leads = self.sandbox.leads()
        return judge_leads(leads, FIELD, self.members()) + judge_flights(self.sandbox.calls(), leads)

    def records(self, kind: str) -> int:
        """Return how many records of a kind the target's log holds."""
        logs = self.airflow.home.glob(f"marketo_state/marketo/{self._host}/{FIELD.lower()}/log/*.json")
        return sum(json.loads(path.read_bytes())["kind"] == kind for path in logs)

    @property
    def _host(self) -> str:
        return self.sandbox.connections()[0].host.removeprefix("http://")

    def _own(self, connection: NewConnection) -> NewConnection:
        limits = _LIMITS if connection.conn_type == "marketo" else {"page_size": 500}
        name = f"{connection.conn_type}_{self.name}"
        return replace(connection, conn_id=name, extra={**connection.extra, **limits})

    def _vendors_there(self) -> Iterator[bool]:
        for vendor in (self.sandbox.marketo, self.sandbox.mixpanel):
            try:
                vendor("GET", "latency")
            except requests.ConnectionError:
                yield False
            else:
                yield True

    def wait(self, come_true: Callable[[], bool], what: str) -> None:
        """Wait for something to come true."""
        wait_for(
            lambda: True if come_true() else None,
            seconds=_LONGEST,
            otherwise=lambda: f"{self.name} waited in vain for {what}.",
        )
