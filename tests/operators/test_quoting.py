"""Whatever goes wrong in a task: Airflow's own formats of logs show no address and no secret."""

import json
import logging
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import requests
import structlog
from airflow.sdk._shared.logging.structlog import structlog_processors
from airflow.sdk.exceptions import AirflowException
from msgspec.json import decode as msgspec_decode
from pydantic import BaseModel, TypeAdapter

from marketo_provider.errors import StoreUnavailable
from marketo_provider.operators.export import ExportOperator
from marketo_provider.sync.report import Report
from tests.operators.support import connect_nowhere, context, execute

pytestmark = pytest.mark.airflow

CANARY = "canary.bird@example.com"
NOTHING: dict[str, str] = {}


class Strict(BaseModel):
    number: int


def chained() -> None:
    """Raise one of ours in the middle of another's."""
    try:
        NOTHING[CANARY]
    except KeyError as error:
        raise ZeroDivisionError(CANARY) from error


def utf8() -> None:
    """Raise an error that holds what it could not read."""
    (CANARY.encode() + b"\xff").decode()


QUOTING: dict[str, Callable[[], Any]] = {
    "pydantic": lambda: Strict(number=CANARY),  # type: ignore[arg-type] # that is the point
    "pydantic, JSON": lambda: TypeAdapter(list[int]).validate_json(f'["{CANARY}"'),
    "a report": lambda: Report.stored({"export": {CANARY: CANARY}}),
    "json": lambda: json.loads(f"{CANARY}{{"),
    "msgspec": lambda: msgspec_decode(CANARY.encode()),
    "DuckDB": lambda: duckdb.execute(f"SELECT CAST('{CANARY}' AS INTEGER)"),
    "DuckDB, names": lambda: duckdb.execute(f'SELECT "{CANARY}"'),
    "Arrow": lambda: pa.array([CANARY], pa.int64()),
    "UTF-8": utf8,
    "a key": lambda: NOTHING[CANARY],
    "a chain": chained,
    "a URL": lambda: requests.get(f"ftp://{CANARY}/", timeout=1),
}


class Failing(ExportOperator):
    """Fails as it is told to."""

    def __init__(self, *, fail: Callable[[], Any], **arguments: Any) -> None:
        defaults: dict[str, Any] = {"task_id": "failing", "cohort_id": 1001, "marketo_field": "flag"}
        super().__init__(**defaults | arguments)
        self.fail = fail

    def _work(self, *_: Any) -> None:
        address = CANARY  # a local, as there are many
        self.fail()
        raise AssertionError(address)


def logged(error: BaseException, *, json_output: bool) -> str:
    """Return what Airflow's formatter makes of an error."""
    processors, _, _ = structlog_processors(json_output=json_output)
    event: Any = {"event": "Task failed with exception", "exc_info": error, "level": "error"}
    for processor in processors:
        event = processor(logging.getLogger("task"), "error", event)
    if not json_output:
        event["exception"] = structlog.processors.ExceptionRenderer()(None, "error", {"exc_info": error})
    return repr(event)


@pytest.mark.parametrize("fail", QUOTING)
@pytest.mark.parametrize("form", ["json", "console"])
def test_an_error_that_quotes_reaches_no_log(
    fail: str,
    form: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It becomes one of Airflow's, that says where the fault lies and what kind it is."""
    connect_nowhere(monkeypatch)

    with pytest.raises(AirflowException) as caught:
        execute(Failing(fail=QUOTING[fail]), context())

    told = logged(caught.value, json_output=form == "json")
    assert "Task failed" in told
    assert CANARY not in told
    assert "canary" not in told.lower()
    assert "hush" not in told


def test_a_fault_says_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """By kind and line; the traceback of the original, whose last line quotes, is left out."""
    connect_nowhere(monkeypatch)

    with pytest.raises(AirflowException, match=r"did not foresee: KeyError, by way of .*operators/export.py:\d+"):
        execute(Failing(fail=QUOTING["a key"]), context())


def test_airflow_s_own_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """They speak of Connections and Variables, and Airflow knows what to do about them."""
    connect_nowhere(monkeypatch)

    def fail() -> None:
        raise AirflowException("as it is")

    with pytest.raises(AirflowException, match=r"^as it is$"):
        execute(Failing(fail=fail), context())


def test_an_error_of_ours_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds no address by its making."""
    connect_nowhere(monkeypatch)

    def fail() -> None:
        raise StoreUnavailable("The store is away.")

    with pytest.raises(AirflowException, match=r"^Export .*: The store is away\.$"):
        execute(Failing(fail=fail), context())
