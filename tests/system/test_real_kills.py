"""Exports in a real Airflow whose processes are killed and frozen, and whose vendors go away, in mid-delivery.

Each story is an export on a sandbox of its own; they are played side by side, since most of their time is waiting
for a lease that nobody gave back. What is right is judged from Marketo's leads and request log alone.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from include.demo.airflow import Airflow, running_airflow
from include.demo.sandbox import running_sandbox
from tests.system.running import has_ended, processes_of
from tests.system.scene import LATEST_SECONDS, Scene, write_dag

pytestmark = [pytest.mark.airflow, pytest.mark.system]

# Shorter than what Airflow and the provider come with, so that what is gone is missed soon.
_QUICK = {
    "AIRFLOW__CORE__PARALLELISM": "6",
    "AIRFLOW__MARKETO_PROVIDER__LEASE_SECONDS": "10",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
}


def task_killed(scene: Scene) -> None:
    """The process of the task is killed; Marketo carries out what it had sent; the retry goes on."""
    run, try_id = scene.begin_slowly(seconds=LATEST_SECONDS)
    scene.churn()

    scene.processes.task(try_id).kill()
    scene.hurry()

    assert scene.wait_for_end(run) == "success"
    assert scene.try_id(run) != try_id
    assert scene.faults() == []


def task_frozen(scene: Scene) -> None:
    """The process of the task is frozen, another run takes over; the awakened sends nothing any more."""
    run, try_id = scene.begin_slowly()
    scene.churn()

    frozen = scene.processes.task(try_id)
    scene.freeze(frozen)
    scene.hurry()
    assert scene.wait_for_end(scene.begin()) == "success"
    written = scene.writes()
    frozen.resume()

    assert scene.wait_for_end(run) == "success"
    scene.wait(lambda: has_ended(frozen), "the awakened process to end")
    assert scene.writes() == written
    assert scene.faults() == []


def worker_frozen(scene: Scene) -> None:
    """A worker is frozen with its task, the next try takes over and is in mid-delivery when both awake."""
    run, try_id = scene.begin_slowly()
    scene.churn()

    supervisor, task = scene.processes.supervisor(try_id), scene.processes.task(try_id)
    scene.freeze(supervisor, task)
    scene.slow_down(3)
    scene.wait_until_slow()
    supervisor.resume()
    task.resume()
    scene.hurry()

    assert scene.wait_for_end(run) == "success"
    assert scene.try_id(run) != try_id
    scene.wait(lambda: has_ended(task), "the task's old process to end")
    assert scene.faults() == []


def vendors_away(scene: Scene) -> None:
    """Both vendors go away while the cohort is read, and again in mid-delivery, and come back as they were."""
    scene.sandbox.mixpanel("POST", "latency", {"seconds": 0.5})
    scene.sandbox.marketo("POST", "latency", {"seconds": 0.5})
    run = scene.begin()
    scene.wait(lambda: len(scene.sandbox.mixpanel("GET", "log?path=engage")["requests"]) > 1, "pages to be read")
    with scene.outage():
        pass

    scene.wait(lambda: scene.writes() > 3, "its first writes")
    with scene.outage():
        renewed = scene.records("lease_renewed")
        scene.wait(lambda: scene.records("lease_renewed") > renewed + 2, "it to keep its lease")

    assert scene.wait_for_end(run) == "success"
    assert scene.faults() == []


Story = Callable[[Scene], None]
STORIES: tuple[Story, ...] = (task_killed, task_frozen, worker_frozen, vendors_away)


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Run an Airflow that has a DAG for each story."""
    folder = tmp_path_factory.mktemp("kills")
    dags = folder / "dags"
    dags.mkdir()
    names = {story.__name__ for story in STORIES}
    for name in names:
        write_dag(dags, name)
    with running_airflow(folder / "airflow", {"AIRFLOW__CORE__DAGS_FOLDER": str(dags), **_QUICK}) as airflow:
        airflow.wait_until_ready()
        airflow.wait_for_dags(names)
        yield airflow


@pytest.fixture(scope="module")
def scenes(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Scene]]:
    """Set the scene of each story."""
    folder = tmp_path_factory.mktemp("sandboxes")
    with ExitStack() as stack:
        processes = stack.enter_context(processes_of(airflow))
        made = {}
        for story in STORIES:
            name = story.__name__
            sandbox = stack.enter_context(running_sandbox(folder / f"{name}.log", seed=len(name)))
            made[name] = Scene(name, sandbox, airflow, processes)
            made[name].set_up()
        yield made


@pytest.fixture(scope="module")
def played(scenes: Mapping[str, Scene]) -> Iterator[Mapping[str, Future[None]]]:
    """Play all stories at once."""
    pool = ThreadPoolExecutor(len(STORIES))
    yield {story.__name__: pool.submit(story, scenes[story.__name__]) for story in STORIES}
    # Whoever breaks the tests off need not wait: without an Airflow the stories end by themselves.
    pool.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("story", STORIES)
def test_every_flag_comes_true_all_the_same(story: Story, played: Mapping[str, Future[None]]) -> None:
    """Nobody is missed, nobody becomes two leads, nobody is in two requests at once."""
    played[story.__name__].result()


def test_every_flag_comes_true_after_the_scheduler_was_killed(
    scenes: Mapping[str, Scene], played: Mapping[str, Future[None]]
) -> None:
    """The one that is started again begins another try while the task of the old one still delivers."""
    for future in played.values():
        future.exception()
    scene = scenes[vendors_away.__name__]
    scene.churn()
    run, try_id = scene.begin_slowly(full_refresh=True)
    orphan = scene.processes.task(try_id)

    scene.processes.component("scheduler").kill()
    scene.processes.start("scheduler")

    scene.stall()
    scene.wait(lambda: scene.try_id(run) != try_id, "another try")
    scene.hurry()

    assert scene.wait_for_end(run) == "success"
    scene.wait(lambda: has_ended(orphan), "the task's old process to end")
    assert scene.faults() == []
