"""A project for an Airflow of a demo or a test: the DAG file, and exports for it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from shutil import copy

import yaml

from include.demo.processes import ROOT


def write_project(folder: Path, exports: Iterable[Mapping[str, object]]) -> None:
    """Write what is deployed.

    Args:
        folder: of the project; its DAGs folder is `dags` in it.
        exports: what the YAML says of each.
    """
    (folder / "dags").mkdir(parents=True)
    copy(ROOT / "dags" / "cohort_exports.py", folder / "dags")
    (folder / "include" / "exports").mkdir(parents=True)
    (folder / "include" / "exports" / "exports.yaml").write_text(yaml.safe_dump({"exports": list(exports)}))
