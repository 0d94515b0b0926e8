"""What surrounds a play."""

import subprocess
import sys
from pathlib import Path

import pytest

from include.demo.airflow import Airflow
from include.demo.airflow_api import AirflowApi
from include.demo.airflow_home import reading_settings
from include.demo.performance import stay


def test_whoever_looks_is_told_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The address and the password, the play's own hints, and what a shell has to read."""
    api = AirflowApi("http://127.0.0.1:1", user="admin", password="a-password")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        stay(Airflow(api, "a-password", tmp_path, process, tmp_path / "log"), ["Then: look there"])

    printed = capsys.readouterr().out
    assert "http://127.0.0.1:1  log in as admin, password a-password\nThen: look there\n" in printed
    assert f"{reading_settings(tmp_path)}\n" in printed
