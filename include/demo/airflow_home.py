"""A home for an Airflow of one's own: its settings, its one user, and the program that starts its components."""

import json
import os
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.demo.airflow_api import AirflowApi
from include.demo.processes import ROOT

USER = "admin"
_LOOPBACK = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
_FORGET_OTHERS = r"unset $(env | sed -n 's/^\(AIRFLOW[A-Za-z0-9_]*\)=.*/\1/p')"


@dataclass(frozen=True, slots=True)
class AirflowHome:
    """A home that was made, and what a component has to be started with.

    Attributes:
        folder: the AIRFLOW_HOME.
        url: where the API server is to answer.
        password: of the one user.
        env: the whole environment of every component.
    """

    folder: Path
    url: str
    password: str
    env: Mapping[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs `airflow` with these arguments."""
        return [str(_launcher(self.folder)), *arguments]

    def api(self) -> AirflowApi:
        """Return the one user, who is not logged in yet."""
        return AirflowApi(self.url, user=USER, password=self.password)


def reading_settings(folder: Path) -> str:
    """Return the line after which a shell's `airflow` is the one of this home."""
    return f". {shlex.quote(str(_shell_settings(folder)))}"


def new_home(folder: Path, *, port: int, env: Mapping[str, str]) -> AirflowHome:
    """Make a home.

    Args:
        folder: the AIRFLOW_HOME, which is made.
        port: of the API server, on loopback.
        env: settings beside the demo's own, such as AIRFLOW__CORE__DAGS_FOLDER.
    """
    folder.mkdir(parents=True)
    password = secrets.token_urlsafe(9)
    passwords = folder / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({USER: password}))
    launcher = _launcher(folder)
    _write_launcher(launcher)
    url = f"http://127.0.0.1:{port}"
    settings = {**_settings(folder, url, port, passwords), **env}
    _write_shell_settings(_shell_settings(folder), settings)
    return AirflowHome(folder, url, password, {**clean_environment(launcher.parent), **settings})


def clean_environment(*program_folders: Path) -> dict[str, str]:
    """Return this process's environment without any Airflow that it may belong to."""
    kept_names = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    folders = [*map(str, program_folders), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return kept_names | {"PATH": os.pathsep.join(folders), **_LOOPBACK}


def _settings(home: Path, url: str, port: int, passwords: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _shell_settings(home: Path) -> Path:
    return home / "env"


def _write_shell_settings(script: Path, settings: Mapping[str, str]) -> None:
    """Write what makes a shell one of this Airflow, and of no other; a database's password may be in it."""
    programs = shlex.quote(str(Path(sys.executable).parent))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in {**settings, **_LOOPBACK}.items()]
    script.touch(mode=0o600)
    script.write_text("\n".join([_FORGET_OTHERS, *exports, f'export PATH={programs}:"$PATH"', ""]))


def _launcher(home: Path) -> Path:
    return home / "bin" / "airflow"


def _write_launcher(script: Path) -> None:
    """Make the `airflow` that `airflow standalone` finds on its path for its components.

    The log servers of the scheduler and the triggerer listen on every address of the machine, and no setting
    changes that. Here they are not needed: who shows the logs can read the files.
    """
    real = Path(sys.executable).with_name("airflow")
    script.parent.mkdir()
    script.write_text(
        "#!/bin/sh\n"
        'case "$1" in scheduler | triggerer) set -- "$@" --skip-serve-logs ;; esac\n'
        f'exec {shlex.quote(str(real))} "$@"\n'
    )
    script.chmod(0o755)
