"""A real Airflow beside a sandbox, with a one-time and a dynamic export, and people who log in to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page

from include.demo.airflow import Airflow, running_airflow
from include.demo.exports import Export
from include.demo.project import write_project
from include.demo.sandbox import Sandbox, running_sandbox
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
        assert self.airflow.wait_for_end(SHRUNKEN.dag_id, first) == "success"
        self.sandbox.churn(SHRUNKEN.cohort_id, seed=_SEED, entered=0, exited=_LEAVERS)
        second = self.airflow.api.trigger(SHRUNKEN.dag_id)
        assert self.airflow.wait_for_end(SHRUNKEN.dag_id, second) == "failed"


@contextmanager
def open_office(folder: Path, browser: Browser) -> Iterator[Office]:
    """Run Airflow and the sandbox while the context lasts."""
    project = folder / "project"
    write_project(project, map(_declared, _EXPORTS))
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


def _declared(export: Export) -> dict[str, object]:
    return {
        "name": export.name,
        "cohort_id": export.cohort_id,
        "marketo_field": export.field,
        "sync_type": export.sync_type,
        # Its first run comes when the DAG is unpaused; no other is to come in between.
        "schedule": "@yearly" if export.sync_type == "dynamic" else None,
    }
