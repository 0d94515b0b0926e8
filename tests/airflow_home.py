"""An Airflow of the tests' own: a home in a temporary folder, and this project in it.

Airflow reads its settings when it is first imported, so the environment is made by `tests/conftest.py`, before any
test is. Without Airflow nothing of this happens, and the tests that need it are not collected.
"""

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
INSTALLED: Final = find_spec("airflow") is not None
NEEDS_AIRFLOW: Final = (
    "browser",
    "dags",
    "hooks",
    "operators",
    "system",
    "triggers",
    "web",
    "test_dag_factory.py",
)


def set_up() -> None:
    """Point this process at a new home, whatever Airflow the machine's environment belongs to."""
    home = Path(tempfile.mkdtemp(prefix="airflow_home_"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    (project_folder(home) / "dags").mkdir(parents=True)
    (project_folder(home) / "include" / "exports").mkdir(parents=True)
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project_folder(home) / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # A proxy of this machine has no business on loopback.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def home() -> Path:
    """Return the folder of this process's Airflow."""
    return Path(os.environ["AIRFLOW_HOME"])


def project_folder(airflow_home: Path) -> Path:
    """Return the folder in which the project lies for that Airflow, with `dags` and `include/exports`."""
    return airflow_home / "project"
