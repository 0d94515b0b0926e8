"""Exclusive create, proven: two processes race a thousand times for one name, and each time exactly one wins."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from secrets import token_hex

from fsspec import AbstractFileSystem

from marketo_provider.state.store import LocalStore, S3Store, Store
from tests.state.support import BUCKET

RACES = 1000
# Each waits, before each race, until the other one is there too.
WRITER = """
import json, sys
from pathlib import Path
from s3fs import S3FileSystem
from marketo_provider.state.store import LocalStore, S3Store

root, endpoint, me, races = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
if endpoint:
    keys = {"key": "key", "secret": "secret"}
    store = S3Store(S3FileSystem(**keys, endpoint_url=endpoint, use_listings_cache=False), root)
else:
    store = LocalStore(Path(root))
won = []
for number in range(races):
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        store.create(f"log/{number:08d}.json", me.encode())
    except FileExistsError:
        continue
    won.append(number)
print(json.dumps(won), flush=True)
"""


def race(root: str, endpoint: str, store: Store) -> None:
    """Race, and look at who was told that he has won, and at what is there."""
    writers = [
        subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-c", WRITER, root, endpoint, me, str(RACES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for me in ("one", "two")
    ]
    for _ in range(RACES):
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin
            writer.stdin.write("go\n")
            writer.stdin.flush()
    won = [json.loads(writer.communicate(timeout=60)[0]) for writer in writers]

    winners = Counter(number for numbers in won for number in numbers)
    assert len(winners) == RACES
    assert set(winners.values()) == {1}
    assert sum(map(len, won)) == RACES
    for me, numbers in zip(("one", "two"), won, strict=True):
        assert numbers
        for number in numbers:
            assert store.read(f"log/{number:08d}.json") == me.encode()


def test_two_processes_race_on_disk(tmp_path: Path) -> None:
    """A thousand names, a thousand winners, and each file holds what its winner wrote."""
    race(str(tmp_path), "", LocalStore(tmp_path))


def test_two_processes_race_on_s3(s3: AbstractFileSystem) -> None:
    """In a bucket too."""
    root = f"{BUCKET}/{token_hex(8)}"

    race(root, str(s3.endpoint_url), S3Store(s3, root))
