import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from airflow.utils.db import initdb

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.serving import Sandboxes, serve_both
from tests.dags.deployment import (
    MARKETO_ID,
    MARKETO_SECRET,
    MIXPANEL_NAME,
    MIXPANEL_SECRET,
    PROJECT_ID,
    Deployment,
)
from tests.dags.quick_clock import QuickClock


@pytest.fixture(scope="session")
def metadata_database() -> None:
    """Make Airflow's database."""
    initdb()


@pytest.fixture(scope="session")
def clock() -> QuickClock:
    """Return everybody's clock."""
    return QuickClock()


@pytest.fixture(scope="session")
def served(clock: QuickClock) -> Iterator[Sandboxes]:
    """Serve both sandboxes."""
    marketo = MarketoSandbox(clock, client_id=MARKETO_ID, client_secret=MARKETO_SECRET)
    mixpanel = MixpanelSandbox(clock, username=MIXPANEL_NAME, secret=MIXPANEL_SECRET, project_id=PROJECT_ID)
    with serve_both(marketo, mixpanel) as sandboxes:
        yield sandboxes


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """Return a function that gives what was logged since its last call, as it would be read.

    Airflow logs with structlog, we with the standard library; its renderer is the last of its processors.
    """
    lines: list[str] = []
    processors = structlog.get_config()["processors"]
    render = processors[-1]

    def keep(logger: Any, name: str, event: Any) -> Any:
        rendered = render(logger, name, event)
        lines.append(str(rendered))
        return rendered

    def take() -> str:
        text = "\n".join([*lines, caplog.text])
        lines.clear()
        caplog.clear()
        return text

    caplog.set_level(logging.INFO)
    processors[-1] = keep
    yield take
    processors[-1] = render


@pytest.fixture
def deployment(  # noqa: PLR0913, PLR0917 - fixtures
    metadata_database: None,
    served: Sandboxes,
    clock: QuickClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logs: Callable[[], str],
) -> Deployment:
    """Return a deployment in which nothing has happened yet."""
    served.marketo.reset()
    served.mixpanel.reset()
    for module in ("hooks.marketo", "hooks.mixpanel", "operators.export", "operators.runs"):
        monkeypatch.setattr(f"marketo_provider.{module}.SystemClock", lambda: clock)
    return Deployment(served, tmp_path / "state", monkeypatch, logs, clock)
