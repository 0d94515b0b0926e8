"""Each benchmark runs to its end at a small size, so that none rots; what it measures is not looked at."""

import json
import operator
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


_SMALL = {
    "diff": {"ROWS": "20000"},
    "settle": {"ROWS": "20000"},
    "snapshot": {"ROWS": "6000"},
    "deliver": {"CHANGES": "3000"},
    "bulk": {"MEMBERS": "3000"},
    "parse": {"EXPORTS": "3"},
}
# The first takes minutes of real time, the second a real Airflow, the third Airflow's own app and database, twice.
_TOO_LONG = {"limits", "end_to_end", "page"}


def test_every_benchmark_is_tried() -> None:
    """One that is added has to be added here."""
    modules = [path for path in Path(__file__).parent.glob("*.py") if path != Path(__file__)]

    assert {path.stem for path in modules if "__main__" in path.read_text()} == set(_SMALL) | _TOO_LONG


@pytest.mark.airflow
@pytest.mark.parametrize(("name", "size"), _SMALL.items())
def test_a_benchmark_runs_and_judges_itself(name: str, size: dict[str, str], tmp_path: Path) -> None:
    """Its last line holds raw figures, and `met` follows from its limits."""
    environment = {**os.environ, **size, "ROUNDS": "1", "BENCH_FOLDER": str(tmp_path)}

    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", f"tests.benchmarks.{name}"],
        cwd=_ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )

    line = json.loads(done.stdout.splitlines()[-1])
    compare = {"<": operator.lt, "<=": operator.le, ">=": operator.ge, "==": operator.eq}
    met = [compare[each["operator"]](each["value"], each["bound"]) for each in line["limits"]]
    assert line["target"] == f"bench-{name}"
    assert all(side["seconds"] > 0 and side["rss_bytes"] > 0 for side in line["figures"].values())
    assert line["met"] == all(met)
