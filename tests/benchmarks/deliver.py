"""bench-deliver: a change set by sync leads, beside bare `requests` and marketorestpython."""

import json
import math
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from marketorestpython.client import MarketoClient as Peer
from marketorestpython.helper.http_lib import HttpLib

from marketo_provider.clock import SystemClock
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.ledger import COLUMNS, key_sql
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.state.store import LocalStore
from marketo_provider.state.workspace import quoted
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.budget import Budget
from marketo_provider.sync.changes import changes_of
from marketo_provider.sync.delivery import Delivery
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run
from marketo_provider.sync.sharing import join_instance, leave_instance
from marketo_provider.sync.turn import CreateTurn
from tests.benchmarks import addresses
from tests.benchmarks.answering import Server, serve
from tests.benchmarks.common import Limit, Stopwatch, Work, best, peer_duckdb, quotient, report, scratch, size

_FIELD = "mixpanelTrialUsers"
_CONCURRENT_CALLS = 5
_TIMES = 10
_LATENCIES = (0, 200)
_OURS, _FLOOR, _PEER = "deliver", "floor: bare requests", "marketorestpython"
_MORE = f"deliver, {_TIMES} times the changes"


def main() -> None:
    """Run it."""
    changes = size("CHANGES", 300_000)
    sides: dict[str, Work] = {}
    with scratch() as folder:
        few, many = folder / "changes.parquet", folder / "more.parquet"
        _write_changes(few, changes)
        _write_changes(many, _TIMES * changes)
        for latency in _LATENCIES:
            with serve(latency / 1000) as server:
                for name, side in ((_OURS, deliver), (_FLOOR, floor), (_PEER, peer)):
                    sides[f"{name}, {latency} ms"] = best(side, server, few)
                if not latency:
                    sides[_MORE] = best(deliver, server, many, rounds=1)
    report("bench-deliver", sides, _limits(sides, changes))


def _limits(sides: dict[str, Work], changes: int) -> list[Limit]:
    limits = []
    for latency, least in zip(_LATENCIES, (1, 4), strict=True):
        ours, floor_s, peer_s = (sides[f"{name}, {latency} ms"].seconds for name in (_OURS, _FLOOR, _PEER))
        limits += [
            Limit(f"deliver / floor at {latency} ms", quotient(ours, floor_s), "<=", 1.3),
            Limit(f"marketorestpython / deliver at {latency} ms", quotient(peer_s, ours), ">=", least),
        ]
    fewest = 2 * math.ceil(changes / 2 / MOST_RECORDS)
    at_once = sides[f"{_OURS}, 0 ms"]
    return [
        *limits,
        Limit("calls / the fewest there can be", quotient(at_once.more["calls"], fewest), "==", 1),
        Limit(
            f"memory at {_TIMES} times the changes", quotient(sides[_MORE].rss_bytes, at_once.rss_bytes), "<=", 1.1
        ),
    ]


def deliver(server: Server, changes: Path) -> Work:
    """Through the real delivery: lease, limits, journal and all, but no limit that would be felt."""
    watch, folder = Stopwatch(), changes.parent / secrets.token_hex(8)
    run = _run(server, folder)
    log = run.open_log()
    lease = run.lease(log)
    lease.take()
    journal = Journal(lease, run.clock, f"{run.folder}/runs/1")
    done = _report(run)
    server.calls()
    with run.workspace() as workspace:
        workspace.run(f"CREATE VIEW changes AS FROM read_parquet({quoted(changes)})")
        (rows,) = workspace.row("SELECT count(*) FROM changes")
        presence = run.presence()
        join_instance(run, lease, presence)
        budget = Budget(run.marketo, run.limits)
        turn = CreateTurn(presence, run.clock, lambda *_, **__: True)
        with watch.running():
            delivery = Delivery(
                run, lease, presence, turn, workspace, journal=journal, report=done, budget=budget, total=rows
            )
            for value in (False, True):
                delivery.send(changes_of(workspace, value=value), exits=not value)
            journal.flush()
        leave_instance(presence, may_land=delivery.may_land)
    if done.set_true + done.set_false != rows:
        raise RuntimeError("not everything was delivered")
    return Work(watch.seconds, rows, more={"calls": server.calls()})


def floor(server: Server, changes: Path) -> Work:
    """Post the same bodies, made before the clock runs, and read the answers."""
    watch, thread = Stopwatch(), threading.local()
    bodies = [json.dumps(body).encode() for body in _bodies(changes)]
    headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}

    def post(body: bytes) -> int:
        if not hasattr(thread, "session"):
            thread.session = requests.Session()
        answer = thread.session.post(f"{server.url}/rest/v1/leads.json", data=body, headers=headers, timeout=100)
        return len(answer.content)

    with ThreadPoolExecutor(_CONCURRENT_CALLS) as pool, watch.running():
        received = sum(pool.map(post, bodies))
    return Work(watch.seconds, _rows(changes), sum(map(len, bodies)) + received)


def peer(server: Server, changes: Path) -> Work:
    """One call after the other, as it does, without its own limit of five in a second."""
    watch = Stopwatch()
    _lift_throttle()
    client = Peer("123-ABC-456", "bench", "bench")
    client.host = server.url
    client.authenticate()
    bodies = list(_bodies(changes))
    with watch.running():
        for body in bodies:
            client.create_update_leads(body["input"], action=body["action"], lookupField=body["lookupField"])
    return Work(watch.seconds, _rows(changes))


def _lift_throttle() -> None:
    limited = HttpLib.post.__wrapped__
    names = limited.__code__.co_freevars
    limited.__closure__[names.index("minInterval")].cell_contents = 0.0


def _write_changes(path: Path, rows: int) -> None:
    """Write half exits, each of one known lead, and half entries of people who were never sent.

    In small row groups, so that what is measured is the delivery's memory and not the reading of the file.
    """
    with peer_duckdb() as db:
        db.execute(
            f"COPY (SELECT {COLUMNS}, value, create_lead, reach, false AS importing, false AS by_file "
            f"FROM (SELECT {key_sql(addresses.ADDRESS)}, "
            f"{addresses.ADDRESS} AS address, if(value, 'false', 'true') AS flag, NOT value AS was_true, "
            "NOT value AS may_hold, NULL::VARCHAR AS code, if(value, [], [i + 1])::BIGINT[] AS lead_ids, "
            "0::INTEGER AS tries, NULL::TIMESTAMPTZ AS next_try, value, value AS create_lead, lead_ids AS reach "
            f"FROM (SELECT i, i % 2 = 0 AS value FROM range({rows}) AS people(i)))) "
            f"TO {quoted(path)} (FORMAT parquet, ROW_GROUP_SIZE 20480)"
        )


def _bodies(changes: Path) -> Iterator[dict[str, Any]]:
    with peer_duckdb() as db:
        for value in (False, True):
            rows = db.execute(f"SELECT address FROM {quoted(changes)} WHERE value = ?", [value])
            while batch := rows.fetchmany(MOST_RECORDS):
                yield {
                    "action": "createOrUpdate" if value else "updateOnly",
                    "lookupField": "email",
                    "input": [{"email": found, _FIELD: value} for (found,) in batch],
                }


def _rows(changes: Path) -> int:
    with peer_duckdb() as db:
        found = db.execute(f"SELECT count(*) FROM {quoted(changes)}").fetchone()
    return int(found[0]) if found else 0


def _run(server: Server, folder: Path) -> Run:
    clock, session = SystemClock(), requests.Session()
    limits = MarketoConnection.model_validate(
        {"rest_url": server.url, "client_id": "bench", "client_secret": "bench"}
    ).model_copy(update={"calls_per_20_seconds": 1_000_000, "concurrent_calls": _CONCURRENT_CALLS})
    mixpanel = MixpanelConnection.model_validate({"username": "bench", "secret": "bench", "project_id": 1})
    return Run(
        export=CohortExport.model_validate(
            {"name": "bench", "cohort_id": 1, "marketo_field": _FIELD, "sync_type": "dynamic"}
        ),
        parameters=RunParameters(),
        settings=ProviderSettings.model_validate({"state_url": str(folder)}),
        limits=limits,
        marketo=MarketoClient(limits, session=session, clock=clock),
        mixpanel=MixpanelClient(mixpanel, session=session, clock=clock),
        store=LocalStore(folder),
        clock=clock,
        run_id="bench",
        holder="bench",
    )


def _report(run: Run) -> Report:
    snapshot = Snapshot(
        name="00000001",
        number=1,
        project_id=1,
        workspace_id=None,
        cohort_id=1,
        begun_at=run.clock.now(),
        completed_at=run.clock.now(),
        profiles=0,
        missing_profiles=0,
        without_email=0,
        invalid_email=0,
        duplicate_email=0,
        members=0,
    )
    return Report.begin(
        export="bench", field=_FIELD, run_id="bench", snapshot=snapshot, started_at=run.clock.now()
    )


if __name__ == "__main__":
    main()
