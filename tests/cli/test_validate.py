"""`python -m marketo_provider validate` and `schema`."""

import os
import shlex
from pathlib import Path

import pytest

from marketo_provider.__main__ import main
from marketo_provider.export_reference import reference
from marketo_provider.exports import json_schema
from tests.pages import commands

GOOD = """\
exports:
  - {name: trial_users, cohort_id: 1001, marketo_field: mixpanelTrialUsers, sync_type: dynamic}
  - {name: launch, cohort_id: 1002, marketo_field: mixpanelLaunch, sync_type: one_time}
"""


def test_good_exports_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says what each export will do, and ends well."""
    (tmp_path / "a.yaml").write_text(GOOD)

    status = main(["validate", str(tmp_path)])

    assert status == 0
    assert capsys.readouterr().out.splitlines() == [
        "cohort_export__trial_users: cohort 1001 -> mixpanelTrialUsers (dynamic, 0 */2 * * *)",
        "cohort_export__launch: cohort 1002 -> mixpanelLaunch (one_time, triggered by hand)",
        "exports: 2, problems: 0",
    ]


def test_all_problems_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command names every problem, and fails."""
    (tmp_path / "a.yaml").write_text(GOOD.replace("1001", "x").replace("one_time", "once"))

    status = main(["validate", str(tmp_path)])

    assert status == 1
    printed = capsys.readouterr().out
    assert printed.startswith("2 problems in the cohort exports:\n")
    assert f"{tmp_path.name}/a.yaml, line 2: export trial_users: cohort_id: must be a whole number." in printed
    assert f"{tmp_path.name}/a.yaml, line 3: export launch: sync_type: must be" in printed


def test_the_folder_of_the_project_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an argument the command reads include/exports."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "include" / "exports").mkdir(parents=True)
    (tmp_path / "include" / "exports" / "a.yaml").write_text(GOOD)

    status = main(["validate"])

    assert status == 0
    assert "exports: 2" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["nowhere", "longer-than-a-name-may-be" * 20])
def test_a_missing_folder_fails(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong argument is no success."""
    status = main(["validate", str(tmp_path / name)])

    assert status == 1
    assert "there is no such folder" in capsys.readouterr().out


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed can be written to the file as it is."""
    status = main(["schema"])

    assert status == 0
    assert capsys.readouterr().out == json_schema()


def test_the_reference_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """So can the page for people."""
    status = main(["schema", "--markdown"])

    assert status == 0
    assert capsys.readouterr().out == reference()


def test_a_command_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the usage is shown."""
    with pytest.raises(SystemExit, match="2"):
        main([])

    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted({one for one in commands() if " validate" in one}))
def test_each_command_that_a_page_shows_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """As it stands there, in a folder that looks like a project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    for folder in ("include/exports", "path/to/folder"):
        Path(folder).mkdir(parents=True)
        Path(folder, "a.yaml").write_text(GOOD)
    _python, _m, module, *words = [os.path.expandvars(word) for word in shlex.split(command)]

    assert module == "marketo_provider"
    assert main(words) == 0
    assert "exports: 2, problems: 0" in capsys.readouterr().out
