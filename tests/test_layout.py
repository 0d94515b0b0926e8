"""How the package is laid out: what Airflow's plugin loader and a reader of the code rely on."""

import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGE = _ROOT / "plugins" / "marketo_provider"
_MOST_LINES = 300
_MODULES = sorted(path.relative_to(_PACKAGE).as_posix() for path in _PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", _MODULES)
def test_no_module_is_long(module: str) -> None:
    """A module that needs more than 300 lines holds more than one idea."""
    lines = (_PACKAGE / module).read_text().splitlines()

    assert len(lines) <= _MOST_LINES


@pytest.mark.parametrize("module", _MODULES)
def test_no_module_is_named_like_one_of_python(module: str) -> None:
    """Airflow's plugin loader once put such a module in the place of Python's own."""
    stem = Path(module).stem

    assert stem not in sys.stdlib_module_names - {"__main__", "__init__"}


def test_airflow_does_not_import_the_package_file_by_file() -> None:
    """The plugin loader passes over what .airflowignore names; else every module would exist twice."""
    ignored = (_ROOT / "plugins" / ".airflowignore").read_text().split()

    assert "marketo_provider/" in ignored


def test_all_modules_were_found() -> None:
    """An empty list would let the tests above pass for nothing."""
    assert "errors.py" in _MODULES
