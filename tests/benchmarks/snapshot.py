"""bench-snapshot: a cohort read into the store and judged, beside mixpanel-utils and a bare download."""

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from mixpanel_utils import MixpanelUtils

from marketo_provider.clock import SystemClock
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.store import LocalStore
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot
from tests.benchmarks.common import MIB, Limit, Stopwatch, Work, best, quotient, report, scratch, size
from tests.benchmarks.rendered_cohort import COHORT, PROJECT, SECRET, USERNAME, served

_MORE = 5
_PAGE_SIZES = MixpanelConnection.model_fields["page_size"].default, 1000  # ours, and Mixpanel's own default
_THREADS = MixpanelConnection.model_fields["concurrent_pages"].default
_LATENCIES = 0.0, 0.1


def main() -> None:
    """Run it."""
    rows = size("ROWS", 1_000_000)
    with scratch() as folder:
        with served(rows, _PAGE_SIZES, _LATENCIES) as (at_once, slow):
            sides = {
                "snapshot, 100 ms a page": best(read, folder, slow, rows),
                "download, 100 ms a page": best(download, slow, rows),
                "mixpanel-utils, 100 ms": best(mixpanel_utils, slow, rows),
                "snapshot, 0 ms": best(read, folder, at_once, rows),
                "download, 0 ms": best(download, at_once, rows),
            }
        with served(_MORE * rows, _PAGE_SIZES[:1], _LATENCIES[:1]) as (at_once,):
            sides[f"snapshot, 0 ms, {_MORE} x rows"] = best(read, folder, at_once, _MORE * rows)
    ours, floor, peer, ours_at_once, floor_at_once, more = sides.values()
    report(
        "bench-snapshot",
        sides,
        [
            Limit("mixpanel-utils / snapshot, 100 ms", quotient(peer.seconds, ours.seconds), ">=", 5),
            Limit("snapshot / download, 100 ms", quotient(ours.seconds, floor.seconds), "<=", 1.5),
            Limit("snapshot / download, 0 ms", quotient(ours_at_once.seconds, floor_at_once.seconds), "<=", 4),
            Limit("peak MiB of the snapshot", quotient(ours_at_once.rss_bytes, MIB), "<=", 300),
            Limit(f"peak at {_MORE} x rows / peak", quotient(more.rss_bytes, ours_at_once.rss_bytes), "<=", 1.1),
        ],
    )


def read(folder: Path, url: str, rows: int) -> Work:
    """Read the cohort into a store as `snapshot_cohort` does, with the Connection's defaults."""
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(dir=folder) as state, requests.Session() as session:
        run = _run(Path(state), url, session)
        with watch.running():
            snapshot = read_snapshot(run)
        stored = sum(path.stat().st_size for path in Path(state).rglob("*.parquet"))
    return Work(watch.seconds, _complete(snapshot.profiles, rows), stored)


def download(url: str, rows: int) -> Work:
    """Take the same bytes in as many threads, and throw them away."""
    watch = Stopwatch()
    page_size = _PAGE_SIZES[0]
    with requests.Session() as session, ThreadPoolExecutor(_THREADS) as pool, watch.running():

        def fetch(page: int) -> int:
            form = {"page_size": str(page_size), "page": str(page)}
            return len(session.post(f"{url}/api/query/engage", data=form, timeout=60).content)

        taken = fetch(0) + sum(pool.map(fetch, range(1, -(-rows // page_size))))
    return Work(watch.seconds, rows, taken)


def mixpanel_utils(url: str, rows: int) -> Work:
    """Read it by Mixpanel's own client, at its defaults."""
    watch = Stopwatch()
    client = MixpanelUtils(SECRET, service_account_username=USERNAME, project_id=PROJECT)
    client.formatted_api = f"{url}/api"
    query = {
        "filter_by_cohort": json.dumps({"id": COHORT}),
        "output_properties": ["$email"],
        "include_all_users": "false",
    }
    with watch.running():
        people = client.query_engage(query)
    return Work(watch.seconds, _complete(len(people), rows))


def _complete(profiles: int, rows: int) -> int:
    if profiles != rows:
        raise RuntimeError(f"{profiles} of {rows} profiles came")
    return profiles


def _run(state: Path, url: str, session: requests.Session) -> Run:
    clock = SystemClock()
    marketo = MarketoConnection.model_validate(
        {"rest_url": "http://127.0.0.1:9", "client_id": "unused", "client_secret": "unused"}
    )
    mixpanel = MixpanelConnection.model_validate(
        {"base_url": url, "username": USERNAME, "secret": SECRET, "project_id": PROJECT}
    )
    export = {"name": "bench", "cohort_id": COHORT, "marketo_field": "bench", "sync_type": "dynamic"}
    return Run(
        export=CohortExport.model_validate(export),
        parameters=RunParameters.model_validate({}),
        settings=ProviderSettings.model_validate({"state_url": str(state)}),
        limits=marketo,
        marketo=MarketoClient(marketo, session=session, clock=clock),
        mixpanel=MixpanelClient(mixpanel, session=session, clock=clock),
        store=LocalStore(state),
        clock=clock,
        run_id="bench",
        holder="bench",
    )


if __name__ == "__main__":
    main()
