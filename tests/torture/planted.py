"""Bugs planted as patches to the provider, each in a copy of its own, and the first seed that finds each."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def hunt(folder: Path, seeds: int) -> int:
    """Look for each bug of a folder; 0 where all were found."""
    patches = sorted(folder.glob("*.patch"))
    found = {patch.stem: find(patch, seeds) for patch in patches}
    missed = sum(seed is None for seed in found.values())
    told = {
        "seeds": seeds,
        "faults": {},
        "violations": 0,
        "planted": len(found),
        "planted_found": len(found) - missed,
        "found_by_seed": found,
    }
    print(json.dumps(told))  # noqa: T201 - what a command prints is its result
    return bool(missed)


def find(patch: Path, seeds: int) -> int | None:
    """Return the first seed that is wrong where a patch is applied, and right where it is not."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        shutil.copytree(ROOT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "apply", str(patch.resolve())], cwd=copy, check=True)  # noqa: S603, S607 - our own patch
        first = 0
        while (found := _first_wrong(copy, first, seeds - first)) and _first_wrong(ROOT, found[0], 1):
            first = found[0] + 1
    print(f"{patch.stem}: {f'seed {found[0]}: {found[1]}' if found else 'NOT FOUND'}", flush=True)  # noqa: T201 - as above
    return found[0] if found else None


def _first_wrong(provider: Path, first: int, seeds: int) -> tuple[int, str] | None:
    """Return the first seed that is wrong with a provider, and what is wrong."""
    command = [sys.executable, "-m", "tests.torture", "--until-found", f"--seeds={seeds}", f"--first={first}"]
    paths = os.pathsep.join([str(provider / "plugins"), str(ROOT)])
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    *told, report = done.stdout.splitlines()
    wrong = json.loads(report)["wrong_seeds"]
    return (wrong[0], told[1]) if wrong else None
