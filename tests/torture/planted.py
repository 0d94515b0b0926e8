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


def find(patch: Path, seeds: int, *, first: int = 0) -> int | None:
    """Return the first seed that is wrong where a patch is applied."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        shutil.copytree(ROOT / "plugins", copy / "plugins", ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "apply", str(patch.resolve())], cwd=copy, check=True)  # noqa: S603, S607 - our own patch
        command = [sys.executable, "-m", "tests.torture", "--until-found", f"--seeds={seeds}", f"--first={first}"]
        paths = os.pathsep.join([str(copy / "plugins"), str(ROOT)])
        done = subprocess.run(  # noqa: S603 - our own module
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
        )
    report = json.loads(done.stdout.splitlines()[-1])
    seed: int | None = next(iter(report["wrong_seeds"]), None)
    cause = next((line for line in done.stdout.splitlines() if line.startswith("at ") or " is " in line), "")
    print(f"{patch.stem}: {'NOT FOUND' if seed is None else f'seed {seed}: {cause}'}", flush=True)  # noqa: T201 - as above
    return seed
