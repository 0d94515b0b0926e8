"""Reading a task's log from its file: lines of JSON, one file for each try."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

_SHOWN = 15
_LABEL = re.compile(r"Export '(\w+)' \(cohort \d+ to field \w+\)")


def task_log(logs: Path, dag_id: str, run_id: str, task_id: str) -> Path:
    """Return the newest log of a task, which may not be there yet."""
    folder = logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
    return max(
        folder.glob("attempt=*.log"), key=lambda path: path.stat().st_mtime, default=folder / "attempt=1.log"
    )


def messages(log: Path, *, logger: str) -> list[str]:
    """Return what a logger, or one below it, has logged so far."""
    return [str(record.get("event")) for record in _records(log) if str(record.get("logger")).startswith(logger)]


def shortened(message: str) -> str:
    """Return a message with the bare name of an export where it gives cohort and field too, which fill a line."""
    return _LABEL.sub(r"\1", message)


def task_log_tail(log: Path) -> str:
    """Return the path of a log and its last messages, with what exceptions say."""
    shown = "\n".join(f"  {_message(record)}" for record in _records(log)[-_SHOWN:])
    return f"The end of its log, {log}:\n{shown}" if shown else f"It has no log in {log}."


def _records(log: Path) -> list[dict[str, Any]]:
    lines: list[str] = []
    with suppress(FileNotFoundError):
        lines = log.read_text(errors="replace").splitlines()
    return [_record(line) for line in lines]


def _record(line: str) -> dict[str, Any]:
    # The last line may be half written, and a subprocess may write something else than JSON.
    with suppress(ValueError):
        record = json.loads(line)
        if isinstance(record, dict):
            return record
    return {"event": line}


def _message(record: dict[str, Any]) -> str:
    errors = [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in record.get("error_detail") or []]
    return " | ".join([str(record.get("event")), *errors])
