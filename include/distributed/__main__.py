"""More than one machine: `python -m include.distributed [--once] [--seed N]`, or `make distributed`.

Twenty exports over two Marketo instances run on two Celery workers that share nothing but PostgreSQL, Redis and a
bucket. One worker is killed in the middle of a delivery. Leaves no process behind.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from include.demo.performance import faults_of, perform, stay, tell, undisturbed_end
from include.demo.progress import Say
from include.demo.project import write_project
from include.demo.sandbox import running_sandbox
from include.distributed.bucket import NAME, running_bucket
from include.distributed.control import running_control
from include.distributed.packages import SERVERS, install_missing
from include.distributed.postgres import running_postgres
from include.distributed.redis import running_redis
from include.distributed.scenery import furnish
from include.distributed.settings import (
    LOWERED,
    REPLAY_AFTER_SECONDS,
    RETRY_DELAY_SECONDS,
    STATE_CONNECTION,
    Shared,
)
from include.distributed.story import Story
from include.distributed.vault import keep_connections, vault_settings
from include.distributed.worker import Worker

_INSTANCES = ("north", "south")
_WORKERS = ("worker-1", "worker-2")


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it; return 0 where everything is right, 1 where something is not."""
    return perform(_run, arguments, name="distributed", description=__doc__)


def _run(folder: Path, *, seed: int, once: bool, say: Say) -> bool:
    """Play it, tell how it came out, and stay up if asked to; return whether anything is wrong."""
    install_missing(SERVERS, folder / "apt.log", say)
    lowered = LOWERED | {
        "Connection extra replay_after_seconds": REPLAY_AFTER_SECONDS,
        "export key retry_delay_seconds": RETRY_DELAY_SECONDS,
    }
    tell(["Lowered, so that this does not take long:", *(f"  {name}={value}" for name, value in lowered.items())])
    with ExitStack() as stack, undisturbed_end(say):
        story = _set_up(stack, folder, seed=seed, say=say)
        faults = faults_of(story)
        _tell(story, faults)
        if not once:
            stay(story.airflow)
    say("Every process has ended.")
    return bool(faults)


def _set_up(stack: ExitStack, folder: Path, *, seed: int, say: Say) -> Story:
    say("Starting PostgreSQL, Redis, an S3 server, Airflow, and two workers ...")
    database = stack.enter_context(running_postgres(folder / "postgres.log"))
    redis = stack.enter_context(running_redis(folder / "redis"))
    bucket = stack.enter_context(running_bucket(folder / "bucket.log"))
    shared = Shared(folder / "project", redis, NAME).settings()
    instances = []
    for number, name in enumerate(_INSTANCES):
        sandbox = stack.enter_context(running_sandbox(folder / f"sandbox-{name}.log", seed=seed + number))
        instances.append(furnish(name, sandbox, seed=seed + number))
    write_project(folder / "project", [row for instance in instances for row in instance.declarations()])
    # One instance's Connections come from a secrets backend, the other's from the metadata database.
    *others, kept_apart = instances
    keep_connections(bucket.url, kept_apart.connections())
    settings = shared | vault_settings(bucket.url, pattern=f"(marketo|mixpanel)_{kept_apart.name}$")
    airflow = stack.enter_context(running_control(folder / "control", database=database, settings=settings))
    workers = [
        stack.enter_context(Worker(name, folder / name, url=airflow.api.url, settings=shared)) for name in _WORKERS
    ]
    connections = [bucket.connection(STATE_CONNECTION), *(one for other in others for one in other.connections())]
    return Story(airflow, workers, instances, connections, bucket, seed, say)


def _tell(story: Story, faults: list[str]) -> None:
    if faults:
        tell(["NOT RIGHT:", *(f"  {fault}" for fault in faults)])
        return
    count = sum(len(instance.exports) for instance in story.instances)
    tell([f"Right: {count} exports are true, no request met another, no worker's disk holds anything of worth."])


if __name__ == "__main__":
    sys.exit(main())
