"""The real clients, over real sockets, at a host in bad hands; waits cost no time, answers do."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from marketo_provider.marketo.client import MarketoClient, Share
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection

FIELD = "mixpanelTrialUsers"
CANARY = "canary.bird@example.com"
SECRET = "hush-hush-secret"
ADDRESSES = [CANARY, "second@example.com"]
PATIENCE = 20.0


class SkippingClock:
    """The machine's time, but that sleeping takes none of it, and much more of this one: repeating soon ends."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + timedelta(seconds=self._skipped)

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self._skipped += 30 * seconds


class Clients:
    """Both clients and all that they can be asked for, each call with so many seconds of patience."""

    def __init__(
        self, url: str, folder: Path, *, session: requests.Session | None = None, patience: float = PATIENCE
    ) -> None:
        session = session or requests.Session()
        self.clock = SkippingClock()
        self._patience = patience
        marketo = MarketoConnection.from_parts("mkto", host=url, login="client", password=SECRET, extra={})
        self.marketo = MarketoClient(marketo, session=session, clock=self.clock, patience_seconds=patience)
        self.marketo.keep_to(lambda: Share(10**6, 100))
        mixpanel = MixpanelConnection.from_parts(
            "mixp", host=url, login="robot", password=SECRET, extra={"project_id": 7}
        )
        self.mixpanel = MixpanelClient(mixpanel, session=session, clock=self.clock, patience_seconds=patience)
        self._folder = folder

    def deadline(self) -> float:
        """Return when a write has to be through."""
        return self.clock.monotonic() + self._patience

    def write(self) -> Any:
        """Write two leads."""
        records: list[Mapping[str, str | bool]] = [{"email": address, FIELD: True} for address in ADDRESSES]
        return self.marketo.sync_leads(
            records, action="createOrUpdate", lookup_field="email", partition=None, deadline=self.deadline()
        )

    def upload(self) -> Any:
        """Hand a file over for import."""
        file = self._folder / "leads.csv"
        if not file.exists():
            file.write_text(f"email,{FIELD}\r\n{CANARY},true\r\n")
        return self.marketo.imports.create(file, partition=None, deadline=self.deadline())

    @property
    def writes(self) -> Mapping[str, Callable[[], Any]]:
        """What may change something at Marketo."""
        return {"sync leads": self.write, "upload": self.upload}

    @property
    def reads(self) -> Mapping[str, Callable[[], Any]]:
        """What only reads."""
        marketo, imports = self.marketo, self.marketo.imports
        return {
            "find leads": lambda: marketo.find_leads("email", ADDRESSES, field=FIELD),
            "fields": marketo.fields,
            "is custom": lambda: marketo.is_custom(FIELD),
            "partitions": marketo.partitions,
            "usage": marketo.calls_today,
            "import status": lambda: imports.status(4),
            "failures": lambda: list(imports.failures(4, field=FIELD)),
            "warnings": lambda: list(imports.warnings(4, field=FIELD)),
            "first page": lambda: self.mixpanel.first_page(1001),
            "page": lambda: self.mixpanel.page(1001, "session", 1),
            "cohorts": self.mixpanel.cohorts,
            "access": self.mixpanel.check_access,
        }
