"""A home for an Airflow of one's own."""

import subprocess
import sys
from pathlib import Path

from include.demo.airflow_home import new_home, reading_settings
from include.demo.processes import ROOT


def test_a_shell_becomes_one_of_the_home(tmp_path: Path) -> None:
    """It has the home's settings, whatever its path, and no setting of an Airflow it belonged to before."""
    made = new_home(tmp_path / "a home", port=8080, env={"AIRFLOW__CORE__DAGS_FOLDER": "/its own"})

    printed = subprocess.run(  # noqa: S603 - our own line
        ["/bin/sh", "-eu", "-c", f"{reading_settings(made.folder)}; env"],
        env={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "another", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    shown = dict(line.partition("=")[::2] for line in printed.splitlines())
    settings = {name: value for name, value in shown.items() if name.startswith("AIRFLOW")}
    assert settings == {name: value for name, value in made.env.items() if name.startswith("AIRFLOW")}
    assert settings["AIRFLOW_HOME"] == str(made.folder)
    assert settings["AIRFLOW__CORE__DAGS_FOLDER"] == "/its own"
    assert settings["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(ROOT / "plugins")
    assert shown["PATH"] == f"{Path(sys.executable).parent}:/usr/bin:/bin"


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """A database's password may be among the settings."""
    made = new_home(tmp_path / "home", port=8080, env={})

    assert (made.folder / "env").stat().st_mode & 0o077 == 0
