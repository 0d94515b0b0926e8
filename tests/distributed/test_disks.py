from pathlib import Path

import pytest

from include.distributed.disks import Disk, look_at

ANN = b"ann@example.com"


def looked(disk: Path) -> Disk:
    """Look at a disk for Ann's address and one secret."""
    return look_at(disk, addresses={ANN}, secrets=[b"s3cret"])


def test_logs_and_settings_are_no_fault(tmp_path: Path) -> None:
    """A worker may keep what it needs for itself, and somebody else's address."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "attempt=1.log").write_text("a help text about you@example.com")

    disk = looked(tmp_path)

    assert disk.files == 1
    assert disk.faults("worker-1") == []


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("ledger", b"PAR1...", "with state"),
        ("marketo_state/marketo/00000001.json", b"{}", "with state"),
        ("attempt=1.log", b"sent to Ann@Example.com.", "with addresses"),
        ("airflow.cfg", b"password = s3cret", "with secrets"),
        ("marketo-provider-task-1/pages", b"x", "of tasks that are no more"),
    ],
)
def test_what_should_not_be_there_is_named(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    """One file is one fault, wherever it lies."""
    path = tmp_path / "airflow" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)

    assert looked(tmp_path).faults("worker-1") == [f"On the disk of worker-1 are 1 files {what}."]


def test_a_worker_that_died_may_have_its_tasks_scratch(tmp_path: Path) -> None:
    """It had no time to remove it; but state or an address elsewhere is a fault all the same."""
    (tmp_path / "marketo-provider-task-1").mkdir()
    (tmp_path / "marketo-provider-task-1" / "pages").write_bytes(b"PAR1" + ANN)

    assert looked(tmp_path).faults("worker-1", died=True) == []
    (tmp_path / "log").write_bytes(ANN)
    assert looked(tmp_path).faults("worker-1", died=True) != []
