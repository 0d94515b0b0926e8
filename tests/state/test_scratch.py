import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.scratch import Scratch

# A task that works in its folder until it is killed.
_TASK = """
import sys, time
from marketo_provider.state.scratch import Scratch
scratch = Scratch()
(scratch.path / "addresses").write_text("ann@example.com")
print(scratch.path, flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for temporary files that is nobody else's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def task_at_work(temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a task in another process; return it and its folder."""
    env = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", _TASK], env=env, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str]) -> None:
    """Kill a task as a machine does that runs out of memory."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_folder_ends_with_its_task(temporary: Path) -> None:
    """Nobody but its user can read it, and nothing of it stays."""
    scratch = Scratch()
    (scratch.path / "addresses").write_text("ann@example.com")
    mode = stat.S_IMODE(scratch.path.stat().st_mode)

    scratch.remove()

    assert mode == 0o700
    assert list(temporary.iterdir()) == []


def test_what_a_killed_task_has_left_is_removed_by_the_next(temporary: Path) -> None:
    """The addresses of a task that could not tidy up do not stay on the worker."""
    process, left = task_at_work(temporary)
    end(process)
    was_left = (left / "addresses").exists()

    scratch = Scratch()

    assert was_left
    assert list(temporary.iterdir()) == [scratch.path]
    scratch.remove()


def test_a_folder_at_work_is_left_alone(temporary: Path) -> None:
    """In this process and in others."""
    process, other = task_at_work(temporary)
    mine = Scratch()

    Scratch().remove()

    assert (other / "addresses").exists()
    assert mine.path.exists()
    end(process)
    mine.remove()


def test_what_others_may_have_put_there_is_left_alone(temporary: Path) -> None:
    """A link by that name is not followed, and a file is no folder of ours."""
    (temporary / "precious").mkdir()
    (temporary / "precious" / "file").touch()
    (temporary / "marketo-provider-task-link").symlink_to(temporary / "precious")
    (temporary / "marketo-provider-task-file").touch()

    Scratch().remove()

    assert sorted(path.name for path in temporary.rglob("*")) == [
        "file",
        "marketo-provider-task-file",
        "marketo-provider-task-link",
        "precious",
    ]


def test_a_folder_that_duckdb_would_take_for_a_column_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file in `address=x` would have the address x in every row."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "address=x"))

    with pytest.raises(StoreUnusable, match="Set TMPDIR"):
        Scratch()
