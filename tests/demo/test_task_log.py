"""Reading a task's log."""

import json
from pathlib import Path

from include.demo.task_log import messages, shortened, task_log, task_log_tail
from marketo_provider.exports import CohortExport

_NAMES = ("a_dag", "a_run", "a_task")


def write(logs: Path, *lines: object) -> Path:
    """Write a log as Airflow does and return its path."""
    log = task_log(logs, *_NAMES)
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return log


def test_messages_are_those_of_the_logger(tmp_path: Path) -> None:
    """What others log, and a line that is not whole yet, is left out."""
    log = write(
        tmp_path,
        {"event": "not ours", "logger": "task"},
        {"event": "ours", "logger": "marketo_provider.sync"},
        '{"event": "half',
    )

    assert messages(log, logger="marketo_provider") == ["ours"]


def test_an_export_is_named_shortly() -> None:
    """Its cohort and field, which the provider's label has, would make each line of the demo wrap."""
    export = CohortExport(name="trial_users", cohort_id=1001, marketo_field="aField", sync_type="dynamic")

    assert shortened(f"{export.label('aField')}: 1 entered.") == "trial_users: 1 entered."


def test_the_tail_tells_the_exception(tmp_path: Path) -> None:
    """Who reads the tail sees why the task failed, and where the rest is."""
    log = write(
        tmp_path,
        {"event": "Task failed with exception", "error_detail": [{"exc_type": "Oops", "exc_value": "no field"}]},
    )

    tail = task_log_tail(log)

    assert str(log) in tail
    assert "Task failed with exception | Oops: no field" in tail


def test_a_log_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    """A task that never began has no log."""
    assert "no log" in task_log_tail(task_log(tmp_path, *_NAMES))
