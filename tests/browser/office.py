"""A real Airflow beside a sandbox, with a one-time and a dynamic export, and people who log in to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy
from typing import Final

import yaml
from playwright.sync_api import Browser, Page

from include.demo.airflow import Airflow, running_airflow
from include.demo.exports import Export
from include.demo.processes import ROOT
from include.demo.sandbox import Sandbox, running_sandbox
from include.demo.waiting import wait_for
from tests.browser import steps
from tests.browser.chromium import DESK, Screen, new_page

LAUNCH: Final = Export("launch", 1002, "mixpanelLaunch", "Mixpanel Launch", "one_time")
SHRUNKEN: Final = Export("shrunken", 1001, "mixpanelShrunken", "Mixpanel Shrunken", "dynamic")
OTHER_FIELD: Final = "mixpanelLaunchAgain"
PAGE: Final = "plugin/cohort-exports"
_EXPORTS: Final = (LAUNCH, SHRUNKEN)
_PEOPLE: Final = "admin:admin,viewer:viewer"
_PROFILES: Final = 1_000
_LEAVERS: Final = 700
_SEED: Final = 23
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Office:
    """Where people sit before a browser."""

    airflow: Airflow
    sandbox: Sandbox
    browser: Browser

    def visit(self, path: str = "", screen: Screen = DESK) -> Page:
        """Return a page of Airflow that somebody has asked for who is not logged in."""
        page = new_page(self.browser, self.airflow.api.url, screen=screen)
        page.goto(path)
        return page

    def log_in(self, user: str, path: str, screen: Screen = DESK) -> Page:
        """Return a page of Airflow, for which somebody has logged in by the form."""
        page = self.visit(path, screen)
        # Airflow makes up the passwords of those who have none, and writes them there.
        passwords = json.loads((self.airflow.home / "passwords.json").read_text())
        steps.log_in(page, user, passwords[user])
        return page

    def end_of(self, export: Export, run_id: str) -> str:
        """Return how a run ends."""

        def ended() -> str | None:
            run = self.airflow.api.run(export.dag_id, run_id)
            return run.state if run.is_over else None

        return wait_for(ended, seconds=_LONGEST, otherwise=lambda: f"{run_id} of {export.dag_id} is not over.")

    def furnish(self) -> None:
        """Let a dynamic export stop because most of its cohort has left; the one-time export has not run yet."""
        self.sandbox.create_field(OTHER_FIELD, display_name="Mixpanel Launch Again")
        for export in _EXPORTS:
            self.sandbox.generate(export.cohort_id, seed=_SEED, size=_PROFILES)
            self.sandbox.create_field(export.field, display_name=export.display_name)
        self.airflow.wait_until_ready()
        for connection in self.sandbox.connections():
            self.airflow.api.create_connection(connection)
        self.airflow.wait_for_dags({export.dag_id for export in _EXPORTS})
        self.airflow.api.unpause(SHRUNKEN.dag_id)
        first = self.airflow.wait_for_scheduled_run(SHRUNKEN.dag_id).run_id
        assert self.end_of(SHRUNKEN, first) == "success"
        self.sandbox.churn(SHRUNKEN.cohort_id, seed=_SEED, entered=0, exited=_LEAVERS)
        assert self.end_of(SHRUNKEN, self.airflow.api.trigger(SHRUNKEN.dag_id)) == "failed"


@contextmanager
def open_office(folder: Path, browser: Browser) -> Iterator[Office]:
    """Run Airflow and the sandbox while the context lasts."""
    project = folder / "project"
    _write_project(project)
    env = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": _PEOPLE,
    }
    with (
        running_sandbox(folder / "sandbox.log", seed=_SEED) as sandbox,
        running_airflow(folder / "airflow", env) as airflow,
    ):
        office = Office(airflow, sandbox, browser)
        office.furnish()
        yield office


def _write_project(folder: Path) -> None:
    declared = [
        {
            "name": export.name,
            "cohort_id": export.cohort_id,
            "marketo_field": export.field,
            "sync_type": export.sync_type,
            # Its first run comes when the DAG is unpaused; no other is to come in between.
            "schedule": "@yearly" if export.sync_type == "dynamic" else None,
        }
        for export in _EXPORTS
    ]
    (folder / "dags").mkdir(parents=True)
    copy(ROOT / "dags" / "cohort_exports.py", folder / "dags")
    (folder / "include" / "exports").mkdir(parents=True)
    (folder / "include" / "exports" / "office.yaml").write_text(yaml.safe_dump({"exports": declared}))
