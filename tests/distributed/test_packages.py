from pathlib import Path

import pytest

from include.demo.failure import DemoFailed
from include.distributed import packages


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in the place of Debian's for PostgreSQL, and an empty path."""
    monkeypatch.setattr(packages, "_POSTGRES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return tmp_path


def install(folder: Path, version: str) -> Path:
    """Put a version's `initdb` there."""
    path = folder / version / "bin" / "initdb"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_the_newest_postgresql_is_taken(versions: Path) -> None:
    """By number, not by letters."""
    install(versions, "9")
    newest = install(versions, "17")

    assert packages.program("initdb") == str(newest)


def test_a_missing_program_is_an_error(versions: Path) -> None:
    """It names the packages."""
    with pytest.raises(DemoFailed, match="redis-server"):
        packages.program("redis-server")


def test_without_rights_it_says_what_to_install(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(DemoFailed, match="apt-get install postgresql redis-server"):
        packages.install_missing(packages.SERVERS, versions / "log", lambda _: None)
