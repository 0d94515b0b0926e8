"""The end of a task's log, for somebody who is told that the task failed."""

import json
from contextlib import suppress
from pathlib import Path

from include.demo.processes import tail


def task_log_tail(logs: Path, dag_id: str, run_id: str, task_id: str) -> str:
    """Return the path of a task's newest log and its last messages."""
    folder = logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
    attempts = sorted(folder.glob("attempt=*.log"), key=lambda path: path.stat().st_mtime)
    if not attempts:
        return f"It has no log in {folder}."
    lines = "\n".join(f"  {_message(line)}" for line in tail(attempts[-1]).splitlines())
    return f"The end of its log, {attempts[-1]}:\n{lines}"


def _message(line: str) -> str:
    """Return the message of a line of Airflow's JSON log, with what its exception says."""
    with suppress(ValueError, TypeError, KeyError):
        record = json.loads(line)
        errors = [f"{error['exc_type']}: {error['exc_value']}" for error in record.get("error_detail") or []]
        return " | ".join([str(record["event"]), *errors])
    return line
