"""A first load and a later sync through a real Airflow, and where the seconds go.

`make bench-end-to-end MEMBERS=1000000`. Marketo's and Mixpanel's parts are the sandbox's. The day's calls are set
so that sync leads cannot carry the first load, which goes by bulk import; the sync goes by sync leads. There is no
peer: the figures are reported, and what must be right is judged by the demo's own truth.
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from include.demo.airflow import Airflow, running_airflow
from include.demo.exports import TRIAL_USERS
from include.demo.sandbox import Sandbox, running_sandbox
from include.demo.truth import read_cohort
from tests.benchmarks.common import Limit, Work, report, scratch, size

SEED = 7
CHURN = 0.02
# Of generated profiles so many have an address of their own.
_MEMBERS_OF_PROFILES = 0.54
_LONGEST_RUN = 6 * 3600.0
_TASK = "export_to_marketo"


@dataclass
class Timeline:
    """What a run tells of itself, with the seconds since it was asked for."""

    began: float = field(default_factory=time.monotonic)
    states: dict[str, float] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """Note a line."""
        seconds = time.monotonic() - self.began
        sys.stdout.write(f"{seconds:>9.1f} s  {line}\n")
        sys.stdout.flush()
        self.states.setdefault(line.removeprefix(f"{TRIAL_USERS.dag_id}: "), seconds)

    def stretches(self) -> dict[str, float]:
        """Return how long each task took, with the waits before and within it."""
        ends = {state: at for state, at in self.states.items() if state.endswith(" success")}
        stretches, last = {}, 0.0
        for state, at in ends.items():
            stretches[state.removesuffix(" success")], last = at - last, at
        return stretches


def main() -> None:
    """Run it, and print the figures."""
    wanted = size("MEMBERS", 1_000_000)
    sides: dict[str, Work] = {}
    with (
        scratch() as folder,
        running_sandbox(folder / "sandbox.log", seed=SEED) as sandbox,
        running_airflow(folder / "airflow") as airflow,
    ):
        sandbox.generate(TRIAL_USERS.cohort_id, seed=SEED, size=round(wanted / _MEMBERS_OF_PROFILES))
        sandbox.create_field(TRIAL_USERS.field, display_name=TRIAL_USERS.display_name)
        before = _members(sandbox)
        _prepare(airflow, sandbox, daily_quota=max(50, len(before) // 300))
        airflow.api.unpause(TRIAL_USERS.dag_id)
        run_id = airflow.wait_for_scheduled_run(TRIAL_USERS.dag_id).run_id
        sides |= _watch("first load", airflow, sandbox, run_id)
        moved = round(len(before) * CHURN / _MEMBERS_OF_PROFILES)
        sandbox.churn(TRIAL_USERS.cohort_id, seed=SEED, entered=moved, exited=moved)
        sides |= _watch("sync", airflow, sandbox, airflow.api.trigger(TRIAL_USERS.dag_id))
        wrong = _wrong_flags(sandbox, before)
    report("bench-end-to-end", sides, [Limit("leads whose flag is wrong", wrong, "==", 0)])


def _prepare(airflow: Airflow, sandbox: Sandbox, *, daily_quota: int) -> None:
    airflow.wait_until_ready()
    for connection in sandbox.connections():
        extra = {"daily_quota": daily_quota} if connection.conn_type == "marketo" else {}
        airflow.api.create_connection(replace(connection, extra={**connection.extra, **extra}))
    airflow.wait_for_dags({TRIAL_USERS.dag_id})


def _watch(name: str, airflow: Airflow, sandbox: Sandbox, run_id: str) -> dict[str, Work]:
    """Wait for a run; return what it took in all and task by task."""
    since = 1 + max((call.number for call in sandbox.calls()), default=-1)
    sys.stdout.write(f"{name}:\n")
    timeline = Timeline()
    run = airflow.wait_for_run(TRIAL_USERS.dag_id, run_id, seconds=_LONGEST_RUN, say=timeline.say)
    done: dict[str, Any] = airflow.api.xcom(run, _TASK)
    sys.stdout.write(f"route {done['route']}: {done['route_reason']}\n")
    changes = done["set_true"] + done["set_false"]
    calls = Counter(f"calls of {call.method} {call.path}" for call in sandbox.calls(since=since))
    return {
        name: Work(
            seconds=sum(timeline.stretches().values()),
            rows=changes,
            more=timeline.stretches() | {"calls": done["api_calls"]} | dict(calls),
        )
    }


def _members(sandbox: Sandbox) -> frozenset[str]:
    return read_cohort(sandbox.emails(TRIAL_USERS.cohort_id)).members


def _wrong_flags(sandbox: Sandbox, before: frozenset[str]) -> int:
    """Return how many addresses have no lead, several, or one with another flag than the cohort says."""
    members = _members(sandbox)
    flags: dict[str, list[object]] = {}
    for lead in sandbox.leads():
        flags.setdefault(lead.key, []).append(lead.values.get(TRIAL_USERS.field))
    right: dict[str, list[object]] = {address: [False] for address in before - members}
    right |= {address: [True] for address in members}
    return sum(flags.get(address) != expected for address, expected in right.items()) + len(flags.keys() - right)


if __name__ == "__main__":
    main()
