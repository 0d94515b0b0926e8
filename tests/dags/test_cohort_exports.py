import json
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from airflow import plugins_manager
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import BaseHook
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID

from tests.airflow_home import ROOT

pytestmark = pytest.mark.airflow

DAG_FILE = ROOT / "dags" / "cohort_exports.py"
DYNAMIC = {"name": "trial_users", "cohort_id": 1001, "marketo_field": "mixpanelTrialUsers", "sync_type": "dynamic"}
ONE_TIME = {"name": "launch", "cohort_id": 1002, "marketo_field": "mixpanelLaunch", "sync_type": "one_time"}
BROKEN = {"name": "broken", "cohort": 3, "marketo_field": "mixpanelBroken", "sync_type": "one_time"}


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """Return the exports folder of a copy of the project that has none yet."""
    (tmp_path / "dags").mkdir()
    shutil.copy(DAG_FILE, tmp_path / "dags")
    folder = tmp_path / "include" / "exports"
    folder.mkdir(parents=True)
    return folder


def declare(folder: Path, file: str, *exports: dict[str, Any]) -> None:
    """Write a YAML file of exports, one key a line."""
    lines = ["exports:"]
    for export in exports:
        keys = [f"{key}: {json.dumps(value)}" for key, value in export.items()]
        lines += [f"  - {keys[0]}", *(f"    {key}" for key in keys[1:])]
    (folder / file).write_text("\n".join(lines) + "\n")


def load(folder: Path) -> DagBag:
    """Return what Airflow finds in the project's DAG folder."""
    return DagBag(folder.parents[1] / "dags")


def test_every_export_of_the_folder_is_a_dag(exports: Path) -> None:
    """Several in a file, or a file each."""
    declare(exports, "a.yaml", DYNAMIC, ONE_TIME)
    declare(exports, "b.yml", {**DYNAMIC, "name": "payers", "marketo_field": "mixpanelPayers"})

    bag = load(exports)

    assert bag.import_errors == {}
    assert set(bag.dags) == {f"cohort_export__{name}" for name in ("trial_users", "launch", "payers")}


def test_the_project_s_own_exports_load() -> None:
    """Those that come with it, from where they lie."""
    bag = DagBag(ROOT / "dags")

    assert bag.import_errors == {}
    assert set(bag.dags) == {"cohort_export__trial_users", "cohort_export__newsletter_launch"}


def test_wrong_exports_leave_the_good_ones_and_say_all_at_once(exports: Path) -> None:
    """One import error names file, line, key and remedy of each; the good export's DAG is there."""
    declare(exports, "good.yaml", DYNAMIC)
    declare(exports, "bad.yaml", {**ONE_TIME, "schedule": "@daily"}, BROKEN)
    declare(exports, "worse.yaml", {**ONE_TIME, "name": "c", "marketo_field": "9 lives", "cohort_id": "many"})

    bag = load(exports)

    assert set(bag.dags) == {"cohort_export__trial_users"}
    ((file, text),) = bag.import_errors.items()
    assert file.endswith("cohort_exports.py")
    named = [
        "exports/bad.yaml, line 6: export launch: schedule: must not be set for a one_time export; remove",
        "exports/bad.yaml, line 8: export broken: cohort: is not a known key. Did you mean cohort_id",
        "exports/worse.yaml, line 4: export c: marketo_field: is not written as it has to be",
        "exports/worse.yaml, line 3: export c: cohort_id: must be a whole number",
    ]
    assert [each for each in named if each not in text] == []


def test_two_exports_on_one_field_are_both_left_out(exports: Path) -> None:
    """Nobody but their author can say which is meant; the others load."""
    declare(exports, "a.yaml", DYNAMIC, ONE_TIME)
    declare(exports, "b.yaml", {**DYNAMIC, "name": "copy"})

    bag = load(exports)

    assert set(bag.dags) == {"cohort_export__launch"}
    assert "is also that of export trial_users" in "".join(bag.import_errors.values())


def test_a_task_that_starts_builds_its_own_dag_alone(exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many exports there are, and whatever is wrong with others."""
    declare(exports, "a.yaml", DYNAMIC, ONE_TIME)
    declare(exports, "bad.yaml", BROKEN)
    # Airflow's own context manager for it does not put things back.
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, "cohort_export__launch")

    bag = load(exports)

    assert set(bag.dags) == {"cohort_export__launch"}
    assert bag.import_errors == {}


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let no socket be opened and no Connection be read, and note who tries."""
    tried: list[str] = []

    def refuse(*_: Any, **__: Any) -> Any:
        tried.append("something")
        raise AssertionError

    for owner, name in ((socket.socket, "connect"), (socket, "getaddrinfo"), (BaseHook, "get_connection")):
        monkeypatch.setattr(owner, name, refuse)
    return tried


def test_parsing_asks_nobody(exports: Path, cut_off: list[str]) -> None:
    """The folder is parsed every few seconds: without the network and without a Connection."""
    declare(exports, "a.yaml", DYNAMIC, ONE_TIME)
    declare(exports, "bad.yaml", BROKEN)

    bag = load(exports)

    assert len(bag.dags) == 2
    assert cut_off == []


def test_the_dag_file_is_not_passed_over() -> None:
    """Airflow looks into files only that have both words."""
    text = DAG_FILE.read_text(encoding="utf-8").lower()

    assert "dag" in text
    assert "airflow" in text


def test_airflow_s_plugin_manager_leaves_the_package_alone() -> None:
    """`plugins/.airflowignore` works: else each file would be a second module under its bare name."""
    plugins_manager.ensure_plugins_loaded()

    folder = str(ROOT / "plugins")
    bare = {
        name
        for name, module in list(sys.modules.items())
        if str(getattr(module, "__file__", None)).startswith(folder) and not name.startswith("marketo_provider")
    }
    assert plugins_manager.get_import_errors() == {}
    assert bare == set()
