"""bench-page: the page Cohort exports with a hundred exports and a year of runs each, on disk and on S3.

Server time of a request through Airflow's own app, its authentication included. The page remembers nothing from
request to request but what was behind; so each request reads the store anew. S3 is moto, in a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from tests import airflow_home
from tests.benchmarks.common import Limit, Work, best, report, scratch, size

_BUCKET = "bench-bucket"
_REQUESTS = 7
_A_YEAR = 365 * 12
_PAGES = {"all exports": "", "one export": "dags/cohort_export__number_1"}
_CONNECTION = {"conn_type": "aws", "login": "key", "password": "secret"}


def main() -> None:
    """Run it."""
    exports, runs = size("EXPORTS", 100), size("RUNS", _A_YEAR)
    sides = {where: best(answer, where, exports, runs) for where in ("file", "s3")}
    limits = [
        Limit(f"milliseconds a request: {page}, {where}", round(1000 * work.more[page], 1), "<=", 300)
        for where, work in sides.items()
        for page in _PAGES
    ]
    report("bench-page", sides, limits)


def answer(where: str, exports: int, runs: int) -> Work:
    """Ask for each page some times; the medians count, and the seconds of the slower one stand for the side."""
    airflow_home.set_up()
    os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"  # a line for each request would hide the figures
    more: dict[str, float] = {}
    with scratch() as folder, _store_url(where, folder) as url:
        from tests.web import scenery  # noqa: PLC0415 - after Airflow's home is set

        client = scenery.open_deployment(url, exports=exports, runs=runs)
        cookie = scenery.cookie_of("somebody")
        for page, path in _PAGES.items():
            seconds, cpu = [], []
            for _ in range(_REQUESTS):
                began, busy = time.perf_counter(), time.process_time()
                answered = client.get(f"/cohort-exports/{path}", headers=cookie)
                seconds.append(time.perf_counter() - began)
                cpu.append(time.process_time() - busy)
                if "38,512" not in answered.text:
                    raise RuntimeError(f"the page was not answered: {answered.status_code}")
            more[page] = statistics.median(seconds)
            more[f"{page}, this process"] = statistics.median(cpu)
            more[f"{page}, the first"] = seconds[0]
    return Work(max(more[page] for page in _PAGES), exports * runs, len(answered.content), more=more)


@contextmanager
def _store_url(where: str, folder: Path) -> Iterator[str]:
    if where == "file":
        yield f"file://{folder}"
        return
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.page", "s3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # moto's line for each request
        text=True,
    )
    try:
        assert server.stdout
        endpoint = server.stdout.readline().strip()
        filesystem = S3FileSystem(key="key", secret="secret", endpoint_url=endpoint)
        filesystem.call_s3("create_bucket", Bucket=_BUCKET)
        extra = {"endpoint_url": endpoint, "region_name": "us-east-1"}
        os.environ["AIRFLOW_CONN_BENCH_BUCKET"] = json.dumps({**_CONNECTION, "extra": extra})
        os.environ["AIRFLOW__MARKETO_PROVIDER__STATE_CONN_ID"] = "bench_bucket"
        yield f"s3://{_BUCKET}/state"
    finally:
        server.terminate()
        server.wait()


def serve_s3() -> None:
    """Serve S3 until the process is ended, and print where."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    serve_s3() if sys.argv[1:] == ["s3"] else main()
