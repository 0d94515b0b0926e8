"""The sandbox as a process of its own, and what the demo asks of its admin API."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import requests

from include.demo.airflow_api import NewConnection
from include.demo.failure import DemoFailed
from include.demo.processes import kept_server

_TIMEOUT = 120
_CHUNK = 5000
_NOT_VALUES = frozenset({"id", "partition", "email"})
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Lead:
    """A lead as the sandbox's Marketo holds it: every value that was ever set, beside the address."""

    lead_id: int
    email: str
    values: Mapping[str, Value]

    @property
    def key(self) -> str:
        """The address as addresses are compared."""
        return self.email.lower()


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call of Marketo's REST API, from the sandbox's request log.

    Calls are numbered as they end; those from `arrived_at` to `number` were under way together with this one.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    body: str
    arrived_at: int


_CALL = [field.name for field in fields(LoggedCall)]


class Sandbox:
    """Both sandbox servers, by what they said of themselves when they started, and their keeper's process."""

    def __init__(self, greeting: Mapping[str, Mapping[str, Any]], process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._marketo, self._mixpanel = greeting["marketo"], greeting["mixpanel"]
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of this machine has no business on loopback

    def connections(self) -> list[NewConnection]:
        """Return the Connections by which Airflow reaches the sandbox."""
        marketo, mixpanel = self._marketo, self._mixpanel
        return [
            NewConnection(
                "marketo_default", "marketo", marketo["url"], marketo["client_id"], marketo["client_secret"], {}
            ),
            NewConnection(
                "mixpanel_default",
                "mixpanel",
                mixpanel["url"],
                mixpanel["username"],
                mixpanel["secret"],
                {"project_id": mixpanel["project_id"]},
            ),
        ]

    def addresses(self) -> str:
        """Return where both servers are, as a shell takes it."""
        return f"MARKETO={self._marketo['url']} MIXPANEL={self._mixpanel['url']}"

    def generate(self, cohort_id: int, *, seed: int, size: int) -> None:
        """Fill a cohort with new people, and with some members who have no profile."""
        self.mixpanel("POST", "cohort/generate", {"id": cohort_id, "seed": seed, "size": size})

    def churn(self, cohort_id: int, *, seed: int, entered: int, exited: int) -> None:
        """Let so many people enter a cohort and so many leave it."""
        body = {"id": cohort_id, "seed": seed, "entered": entered, "exited": exited}
        self.mixpanel("POST", "cohort/churn", body)

    def emails(self, cohort_id: int) -> list[object]:
        """Return what the profiles of a cohort hold as `$email`; None where one has none."""
        people = self.mixpanel("GET", f"cohort?id={cohort_id}")["members"]
        return [one["properties"].get("$email") for one in people if one["properties"] is not None]

    def enter(self, cohort_id: int, *, members_of: int, most: int) -> None:
        """Let members of another cohort enter this one too, `most` at the most."""
        people = self.mixpanel("GET", f"cohort?id={members_of}")["members"]
        body = {"id": cohort_id, "add": [one["distinct_id"] for one in people[:most]]}
        self.mixpanel("POST", "cohort/members", body)

    def slow_down(self, seconds: float) -> None:
        """Let each call of Marketo take so long."""
        self.marketo("POST", "latency", {"seconds": seconds})

    def create_field(self, name: str, *, display_name: str) -> None:
        """Create a Boolean custom field, as somebody does in Marketo's UI."""
        field = {"name": name, "display_name": display_name, "data_type": "boolean"}
        self.marketo("POST", "fields", {"fields": [field]})

    def add_leads(self, leads: Sequence[Mapping[str, Value]]) -> None:
        """Add leads, whatever there is already."""
        for start in range(0, len(leads), _CHUNK):
            self.marketo("POST", "leads", {"leads": leads[start : start + _CHUNK]})

    def leads(self) -> list[Lead]:
        """Return all leads."""
        return [
            Lead(row["id"], row["email"], {name: row[name] for name in row.keys() - _NOT_VALUES})
            for row in self.marketo("GET", "leads")["leads"]
        ]

    def calls(self, *, since: int = 0) -> list[LoggedCall]:
        """Return the calls of Marketo's REST API, from the number `since` on."""
        rows = self.marketo("GET", f"log?path=/rest/&since={since}")["requests"]
        return [LoggedCall(**{name: row[name] for name in _CALL}) for row in rows]

    def marketo(self, method: str, route: str, body: object = None) -> Any:
        """Ask the admin API of the sandbox's Marketo."""
        return self._ask(self._marketo, method, route, body)

    def mixpanel(self, method: str, route: str, body: object = None) -> Any:
        """Ask the admin API of the sandbox's Mixpanel."""
        return self._ask(self._mixpanel, method, route, body)

    def _ask(self, vendor: Mapping[str, Any], method: str, route: str, body: object = None) -> Any:
        answer = self._session.request(method, f"{vendor['url']}/_sandbox/{route}", json=body, timeout=_TIMEOUT)
        if not answer.ok:
            raise DemoFailed(f"The sandbox answered {answer.status_code} to {method} {route}: {answer.text[:300]}")
        return answer.json()


@contextmanager
def running_sandbox(log: Path, *, seed: int) -> Iterator[Sandbox]:
    """Run both sandbox servers while the context lasts.

    Raises:
        DemoFailed: they do not come up.
    """
    with kept_server("include.sandbox", "--seed", str(seed), log=log) as (greeting, keeper):
        yield Sandbox(greeting, keeper)
