"""A real Airflow plays the demo's story on small cohorts: its scheduler, its REST API, its own processes."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.demo.airflow import running_airflow
from include.demo.airflow_home import reading_settings
from include.demo.exports import NEWSLETTER_LAUNCH, TRIAL_USERS
from include.demo.sandbox import running_sandbox
from include.demo.scenery import Scale
from include.demo.story import Story

pytestmark = [pytest.mark.airflow, pytest.mark.system]

SMALL = Scale(dynamic=3_000, one_time=1_000, entered=200, exited=150)
SEED = 11
_ADDRESS = re.compile(rb"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Return the story after it was played, Airflow and the sandbox still up."""
    folder = tmp_path_factory.mktemp("system")
    lines: list[str] = []
    with (
        running_sandbox(folder / "sandbox.log", seed=SEED) as sandbox,
        running_airflow(folder / "airflow") as airflow,
    ):
        played = Story(airflow, sandbox, SEED, lines.append, scale=SMALL)
        played.play()
        yield played


def test_every_flag_is_right(story: Story) -> None:
    """Leads, reports and requests are as the cohorts say, worked out without the provider."""
    faults = story.verdict()

    assert faults == []


def test_the_scheduler_made_the_first_dynamic_run(story: Story) -> None:
    """A dynamic export needs nobody to trigger it."""
    runs = story.airflow.api.runs(TRIAL_USERS.dag_id)

    assert runs[0].run_type == "scheduled"
    assert runs[0].state == "success"


def test_a_shell_of_ones_own_is_one_of_this_airflow(story: Story) -> None:
    """After the line that the demo prints `airflow` finds its exports alone, and the provider its state."""
    script = (
        f"{reading_settings(story.airflow.home)}; airflow dags list -o json; python -m marketo_provider state show"
    )
    other = {"AIRFLOW_HOME": "/nowhere", "AIRFLOW__CORE__LOAD_EXAMPLES": "True", "PATH": os.defpath}
    kept = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}

    shown = subprocess.run(  # noqa: S603 - our own line
        ["/bin/sh", "-eu", "-c", script], env=kept | other, capture_output=True, text=True, check=True
    ).stdout

    dags, end = json.JSONDecoder().raw_decode(shown, shown.index("[{"))
    assert {dag["dag_id"] for dag in dags} == {TRIAL_USERS.dag_id, NEWSLETTER_LAUNCH.dag_id}
    assert TRIAL_USERS.field.lower() in shown[end:]


def test_no_address_and_no_secret_is_anywhere_but_in_the_store(story: Story) -> None:
    """Logs, XComs, rendered fields and all else in Airflow's home: a search of every file, the database too."""
    cohorts = (TRIAL_USERS.cohort_id, NEWSLETTER_LAUNCH.cohort_id)
    values = [value for cohort in cohorts for value in story.sandbox.emails(cohort)]
    addresses = {value.strip().lower().encode() for value in values if isinstance(value, str) and "@" in value}
    secrets = {connection.password.encode() for connection in story.sandbox.connections()}
    files = [file for file in _files(story.airflow.home) if "marketo_state" not in file.parts]

    leaks = [
        file
        for file in files
        if (content := file.read_bytes())
        and (
            any(secret in content for secret in secrets)
            or not addresses.isdisjoint(found.lower() for found in _ADDRESS.findall(content))
        )
    ]

    assert addresses
    assert any(file.name == "airflow.db" for file in files)
    assert any(file.suffix == ".log" and "export_to_marketo" in str(file) for file in files)
    assert leaks == []


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
