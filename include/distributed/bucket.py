"""An S3 of one's own: moto's server on loopback, with one empty bucket.

`python -m include.distributed.bucket` prints one line of JSON, its URL, and serves until told to stop. In one
point that matters to the state store moto is not as S3, and is made so: it looks whether an object is there, then
writes it, and serves in threads; S3 does both at once
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
"""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem

from include.demo.airflow_api import NewConnection
from include.demo.processes import kept_server

NAME = "state-bucket"
KEY, SECRET, REGION = "key", "moto-secret", "us-east-1"


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket that is served at a URL."""

    url: str

    def connection(self, conn_id: str) -> NewConnection:
        """Return the Connection by which Airflow reaches it."""
        return NewConnection(conn_id, "aws", "", KEY, SECRET, {"endpoint_url": self.url, "region_name": REGION})

    def objects(self) -> list[str]:
        """Return the names of all objects in it."""
        return [name.removeprefix(f"{NAME}/") for name in self.filesystem().find(NAME)]

    def filesystem(self) -> Any:
        """Return a filesystem of its own that remembers nothing."""
        return S3FileSystem(
            key=KEY,
            secret=SECRET,
            endpoint_url=self.url,
            client_kwargs={"region_name": REGION},
            use_listings_cache=False,
            skip_instance_cache=True,
        )


@contextmanager
def serving() -> Iterator[Bucket]:
    """Serve it from threads of this process while the context lasts.

    Objects put at the same moment are written one after the other.
    """
    one_at_a_time, put_object = Lock(), S3Response.put_object

    def put(response: S3Response) -> Any:
        with one_at_a_time:
            return put_object(response)

    with patch.object(S3Response, "put_object", put):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            bucket = Bucket(f"http://{host}:{port}")
            bucket.filesystem().call_s3("create_bucket", Bucket=NAME)
            yield bucket
        finally:
            server.stop()


@contextmanager
def running_bucket(log: Path) -> Iterator[Bucket]:
    """Run it as a process of its own while the context lasts.

    Raises:
        DemoFailed: it does not come up.
    """
    with kept_server("include.distributed.bucket", log=log) as (greeting, _):
        yield Bucket(greeting["url"])


def main() -> int:
    """Serve until told to stop; return the exit code."""
    # Blocked before the threads start, so that they inherit it and the signal waits for sigwait.
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with serving() as bucket:
        sys.stdout.write(json.dumps({"url": bucket.url}) + "\n")
        sys.stdout.flush()
        signal.sigwait(signals)
    return 0


if __name__ == "__main__":
    sys.exit(main())
