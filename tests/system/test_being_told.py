"""A real Airflow tells by itself: of an export whose worker was killed, of its being well again, of a delivery."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from include.demo.airflow import running_airflow
from include.demo.project import write_project
from include.demo.sandbox import Sandbox, running_sandbox
from include.demo.task_log import task_log
from include.demo.waiting import wait_for
from tests.pages import blocks
from tests.system.running import processes_of
from tests.system.scene import COHORT, FIELD, Scene

pytestmark = [pytest.mark.airflow, pytest.mark.system]

EXPORT: Final = "cohort_export__trial_users"
WATCH: Final = "cohort_exports__watch"
CAMPAIGN: Final = "mail_trial_users"
_LONGEST: Final = 120
_TELLER: Final = '''
"""A notifier that writes a line into a file."""

from pathlib import Path

from airflow.sdk import BaseNotifier


class Teller(BaseNotifier):
    template_fields = ("line",)

    def __init__(self, *, file, line="{{ notice.subject }}"):
        super().__init__()
        self.file, self.line = file, line

    def notify(self, context):
        with Path(self.file).open("a") as lines:
            lines.write(f"{self.line}\\n")
'''


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Return an export that tells, in an Airflow that has looked at it once."""
    folder = tmp_path_factory.mktemp("told")
    env = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "project" / "dags"),
        "AIRFLOW__MARKETO_PROVIDER__LEASE_SECONDS": "10",
    }
    with ExitStack() as until:
        sandbox = until.enter_context(running_sandbox(folder / "sandbox.log", seed=1))
        _write_project(folder / "project", sandbox, told=folder / "told.txt")
        airflow = until.enter_context(running_airflow(folder / "airflow", env))
        airflow.wait_until_ready()
        airflow.wait_for_dags({EXPORT, WATCH, CAMPAIGN})
        played = Scene(EXPORT, sandbox, airflow, until.enter_context(processes_of(airflow)))
        played.set_up()
        yield played


def _write_project(project: Path, sandbox: Sandbox, *, told: Path) -> None:
    export = {
        "name": "trial_users",
        "cohort_id": COHORT,
        "marketo_field": FIELD,
        "sync_type": "dynamic",
        "schedule": "@yearly",
        "start_date": "2199-01-01",
        "retries": 0,
        "mixpanel_conn_id": f"mixpanel_{EXPORT}",
        "marketo_conn_id": f"marketo_{EXPORT}",
        "notify": [{"notifier": "teller.Teller", "arguments": {"file": str(told)}}],
    }
    write_project(project, [export])
    (project / "dags" / "teller.py").write_text(_TELLER)
    _, campaign = blocks("docs/using.md", "python")
    asset = f"{sandbox.connections()[0].host.removeprefix('http://')}/leads/{FIELD}"
    (project / "dags" / "campaign.py").write_text(
        campaign.replace("123-abc-456.mktorest.com/leads/mixpanelTrialUsers", asset)
    )


def look(scene: Scene) -> list[str]:
    """Let the watch look once more; return all that was told of failures.

    Its very first look may come before there is a Connection, and says so.
    """
    scene.airflow.wait_for_run(WATCH, scene.airflow.api.trigger(WATCH), seconds=_LONGEST, say=print)
    told = scene.airflow.home.parent / "told.txt"
    return [line for line in told.read_text().splitlines() if "fail" in line] if told.exists() else []


def test_a_killed_worker_is_told_of_and_its_end_too(scene: Scene) -> None:
    """The watch was not paused, and looked at once; the killed task left no word, and has no retry."""
    assert scene.airflow.wait_for_scheduled_run(WATCH)
    assert look(scene) == []
    scene.slow_down(4)
    run = scene.begin()
    scene.wait_until_slow()

    scene.processes.task(scene.airflow.api.try_id(EXPORT, run, "export_to_marketo")).kill()

    scene.hurry()
    assert scene.wait_for_end(run) == "failed"
    told = ["Cohort export trial_users: a run failed"]
    assert look(scene) == told
    assert look(scene) == told
    assert scene.wait_for_end(scene.begin()) == "success"
    assert look(scene) == [*told, "Cohort export trial_users: well again, a run has ended well after the failure"]


def test_a_campaign_begins_by_itself_after_a_delivery(scene: Scene) -> None:
    """The example in the docs: the scheduler runs it once the field is true, and it reads the report."""
    airflow = scene.airflow
    airflow.api.unpause(CAMPAIGN)

    assert scene.wait_for_end(scene.begin()) == "success"

    begun = wait_for(
        lambda: next(iter(airflow.api.runs(CAMPAIGN)), None),
        seconds=_LONGEST,
        otherwise=lambda: "The scheduler does not run the campaign.",
    )
    assert begun.run_type == "asset_triggered"
    assert airflow.wait_for_end(CAMPAIGN, begun.run_id) == "success"
    log = task_log(airflow.home / "logs", CAMPAIGN, begun.run_id, "look").read_text()
    assert f"{len(scene.members())} {datetime.now(UTC).year + 1}-01-01T00:00:00+00:00" in log
