"""Every command that a page shows is run by a test: here, or by the one that is named here.

What takes minutes or starts processes for good (`make demo`, `make torture` and the like) is not run: its target
is there, takes the variables that are shown, and calls a program that knows the flags it comes to.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from include.demo.exports import TRIAL_USERS
from include.demo.scenery import Scale
from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.serving import serve_both
from marketo_provider.export_files import load_exports
from marketo_provider.settings import ProviderSettings
from tests.pages import ROOT, blocks, commands, everything

# What a command begins with, and which tests run each that does.
RUN_BY: Final = {
    "python -m marketo_provider validate": "tests/cli/test_validate.py",
    "python -m marketo_provider state ": "tests/cli/test_upkeep.py",
    "python -m marketo_provider new": "tests/cli/test_new.py",
    "airflow ": "tests/dags/test_documented_commands.py",
    "export AIRFLOW_CONN_": "tests/test_readme.py",
    ".venv/bin/python -m include.sandbox --seed 1": "include/demo/sandbox.py, by every demo",
    ". .demo/": "tests/system/test_real_airflow.py, with the line that the demo prints",
    "MARKETO=": "here",
    "curl ": "here",
    "pip install /path/to/this/clone": "here",
    "cp /path/to/this/clone/": "here",
    "mkdir ": "here",
    "AIRFLOW__": "here",
    "export AIRFLOW__": "here",
    "make ": "here",
}
MAKE: Final = sorted(
    {one for one in commands() if one.startswith("make ")}
    | {one for one in re.findall(r"`(make [^`…]*)`", everything()) if not one.endswith("=")}
)
SETTINGS: Final = sorted({name for one in commands() for name in re.findall(r"^(?:export )?(AIRFLOW__\w+)=", one)})


def make(*words: str) -> list[str]:
    """Return what make would run; the environment that it makes first apart."""
    line = ["make", "--dry-run", "--always-make", "--assume-old=.venv/made-from-lock", *words]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own line
    return done.stdout.replace("\\\n", " ").splitlines()


@cache
def helped(program: str) -> str:
    """Return what a module, and the command after it, says of its flags; a benchmark has none and says nothing."""
    if program.startswith("tests.benchmarks."):
        return ""
    return shell(f"{sys.executable} -m {program} --help", ROOT, PYTHONPATH=f"{ROOT / 'plugins'}:{ROOT}")


def shell(script: str, folder: Path, **environment: str) -> str:
    """Run a script that stops at the first command that fails, and return what it printed."""
    done = subprocess.run(  # noqa: S603 - our own pages
        ["/bin/sh", "-eu", "-c", script],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_is_run() -> None:
    """A new one needs a test; add here which."""
    forgotten = [one for one in commands() if not any(one.startswith(begin) for begin in RUN_BY)]
    needless = [begin for begin in RUN_BY if not any(one.startswith(begin) for one in commands())]

    assert (forgotten, needless) == ([], [])


@pytest.mark.parametrize("command", MAKE)
def test_make_takes_the_variables_that_are_shown(command: str) -> None:
    """Each changes what is run, or is read by the benchmark that is."""
    _make, target, *variables = shlex.split(command)
    plain = make(target)

    for variable in variables:
        name = variable.partition("=")[0]
        if target.startswith("bench-"):
            module = ROOT / "tests" / "benchmarks" / f"{target.removeprefix('bench-').replace('-', '_')}.py"
            assert f'"{name}"' in module.read_text(encoding="utf-8")
        else:
            assert make(target, variable) != plain


@pytest.mark.parametrize("command", MAKE)
def test_what_make_runs_knows_its_flags(command: str) -> None:
    """By each program's own help."""
    for line in make(*shlex.split(command)[1:]):
        _python, run, *words = [*shlex.split(line), "", ""]
        if run == "-m":
            flags = {word for word in words if word.startswith("--")}
            program = " ".join(word for word in words[:2] if not word.startswith("-") and word != ">")
            assert {flag for flag in flags if flag not in helped(program)} == set()


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.airflow
def test_a_setting_is_one(name: str) -> None:
    """Airflow's, by its own description of all of them, or ours."""
    from airflow.configuration import conf  # noqa: PLC0415 - needs Airflow

    _airflow, section, key = name.lower().split("__")

    if section == "marketo_provider":
        assert key in ProviderSettings.model_fields
    else:
        assert key in conf.configuration_description[section]["options"]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_sandbox_s_example_runs(tmp_path: Path) -> None:
    """As it stands there, but for the ports."""
    _start, example, _shell, _guard = blocks("docs/sandbox.md", "sh")
    first, _, rest = example.partition("\n")
    clock = SystemClock()
    mixpanel = MixpanelSandbox(clock, username="user", secret="secret", project_id=1)

    with serve_both(MarketoSandbox(clock), mixpanel) as served:
        shell(
            rest.replace("curl ", "curl --silent --fail --noproxy '*' "),
            tmp_path,
            MARKETO=served.marketo_url,
            MIXPANEL=served.mixpanel_url,
        )

    assert first.startswith("MARKETO=")
    assert len(served.mixpanel.state.project.cohorts[1001].members) >= 500
    assert "mixpanelTrialUsers" in [field.name for field in served.marketo.instance.catalog]


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_more_leave_the_demo_s_cohort_than_its_guard_lets_through(tmp_path: Path) -> None:
    """By the line for it, on a cohort of the demo's size."""
    *_, guard = blocks("docs/sandbox.md", "sh")
    (churn,) = [line for line in guard.splitlines() if line.startswith("curl ")]
    loaded = load_exports(ROOT / "include" / "exports")
    (export,) = [one for one in loaded.exports if one.name == TRIAL_USERS.name]
    clock = SystemClock()
    mixpanel = MixpanelSandbox(clock, username="user", secret="secret", project_id=1)
    cohort = mixpanel.state.project.set_cohort(TRIAL_USERS.cohort_id, "Trial users", members=[])
    mixpanel.state.project.generate(cohort, seed=1, size=Scale().dynamic, without_profile=0)

    with serve_both(MarketoSandbox(clock), mixpanel) as served:
        shell(
            churn.replace("curl ", "curl --silent --fail --noproxy '*' "), tmp_path, MIXPANEL=served.mixpanel_url
        )

    assert len(cohort.members) < (1 - export.max_exit_share) * Scale().dynamic


@pytest.mark.airflow
def test_the_distribution_is_installed_as_readme_shows(tmp_path: Path) -> None:
    """From a copy of the clone, without what it needs, into a folder of its own; the DAG file is put in place."""
    clone, site, home = tmp_path / "clone", tmp_path / "site", tmp_path / "home"
    for name in ("plugins", "dags"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    (home / "dags").mkdir(parents=True)
    install = blocks("README.md", "sh")[1].replace("/path/to/this/clone", str(clone))
    install = re.sub(r"^airflow .*\n", "", install, flags=re.MULTILINE)
    pip = f"{sys.executable} -m pip --quiet install --no-deps --no-build-isolation --no-index --target {site}"

    shell(install.replace("pip install", pip), tmp_path, AIRFLOW_HOME=str(home))

    assert (site / "marketo_provider" / "web" / "templates").is_dir()
    assert (home / "dags" / "cohort_exports.py").exists()
    assert (home / "include" / "exports").is_dir()
