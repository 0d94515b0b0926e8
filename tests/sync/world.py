"""A world for the sync's tests: both sandboxes, a store and a virtual clock in one process, without a socket."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_fields import Field
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.wire import Fault, FaultKind, Request, Response, Vendor, Wire
from marketo_provider.errors import ImportsUnderWay, WaitUntil
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.store import LocalStore, Store
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.import_wait import wait_for_imports
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot

T = TypeVar("T")
COHORT = 1001
FIELD = "mixpanelTrialUsers"
OTHER_FIELD = "mixpanelOther"
MARKETO_URL = "http://127.0.0.1:8001"
MIXPANEL_URL = "http://127.0.0.1:8002"


class VirtualClock:
    """A clock on which a pause takes no time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> datetime:
        """Return the wall-clock time."""
        return datetime(2026, 11, 24, 12, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Return the seconds since the world began."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        end = self.seconds + seconds
        while due := [entry for entry in self._due if entry[0] <= end]:
            entry = min(due, key=lambda entry: entry[0])
            self._due.remove(entry)
            self.seconds = max(self.seconds, entry[0])
            entry[1]()
        self.seconds = end

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Have something happen after a while."""
        self._due.append((self.seconds + seconds, action))


class InlinePool(Executor):
    """Runs what is submitted at once, in the calling thread."""

    def __init__(self, _workers: int) -> None:
        pass

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Run and return a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
            future.set_exception(error)
        return future


class Killed(BaseException):
    """The end of a process, which no code of ours sees."""


def dying_after(last: int) -> Callable[[str], None]:
    """Return a hook of a store that lets a process live for so many of its steps."""
    left = [last]

    def die(_: str) -> None:
        if not left[0]:
            raise Killed
        left[0] -= 1

    return die


def as_request(prepared: requests.PreparedRequest) -> Request:
    """Return a request as a sandbox takes it."""
    parts = urlsplit(prepared.url or "")
    body = prepared.body or b""
    if not isinstance(body, str | bytes):
        body = b"".join(body)  # an upload, which is sent in pieces
    return Request(
        method=prepared.method or "GET",
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in prepared.headers.items()},
        body=body.encode() if isinstance(body, str) else body,
        target=prepared.path_url,
    )


def as_answer(prepared: requests.PreparedRequest, response: Response) -> requests.Response:
    """Return a sandbox's response as `requests` gives it."""
    answer = requests.Response()
    answer.status_code = response.status
    answer.headers.update(response.headers)
    answer.raw = HTTPResponse(body=io.BytesIO(response.body), preload_content=False)
    answer.request = prepared
    return answer


class InProcess(BaseAdapter):
    """Hands requests to a sandbox without a socket; faults act as on the real wire.

    But for `delay`: the connection breaks at once, and the vendor acts `seconds` later all the same.
    """

    def __init__(self, vendor: Vendor, wire: Wire, clock: VirtualClock) -> None:
        super().__init__()
        self._vendor = vendor
        self._wire = wire
        self._clock = clock
        self.holder = ""
        self.before: Callable[[str], None] = lambda _: None
        self.edit: Callable[[Request, Response], Response] = lambda _, response: response

    def send(self, prepared: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:  # type: ignore[override] # its other options do not matter here
        """Answer a request, or break off as a fault says."""
        self.before(urlsplit(prepared.url or "").path)
        request = as_request(prepared)
        fault = self._wire.take_fault(request.path)
        kind = fault.kind if fault else ""
        if kind == "reset_before":
            self._wire.record(request, kind)
            raise requests.exceptions.ConnectionError
        if fault and kind == "error_code":
            response = self._wire.error_body(fault.code)
        elif fault and kind == "status":
            response = Response(fault.status, fault.body.encode())
        else:
            begun = self._vendor.begin(request)
            if fault and kind == "delay" and callable(begun):
                self._wire.record(request, kind)
                self._clock.later(fault.seconds, begun)
                raise requests.exceptions.ConnectionError
            self.pause()
            response = self.edit(request, begun() if callable(begun) else begun)
        if kind == "reset_after":
            self._wire.record(request, kind)
            raise requests.exceptions.ConnectionError
        if kind == "hang_after":
            self._wire.record(request, kind)
            self._clock.sleep(options["timeout"].total)
            raise requests.exceptions.ReadTimeout
        self._wire.record(request, str(response.status))
        return as_answer(prepared, response)

    def pause(self) -> None:
        """Let pass what a request takes, between its arrival and its effect."""
        self._clock.sleep(self._wire.latency)

    def close(self) -> None:
        """Nothing is open."""


def _unchanged(_request: Request, response: Response) -> Response:
    return response


class HookedStore:
    """A store that tells before and after each operation which it is."""

    def __init__(self, inner: Store, hook: Callable[[str], None]) -> None:
        self._inner = inner
        self._hook = hook

    def create(self, path: str, data: bytes) -> None:
        """Write a file that is not there yet."""
        with self._told("create", path):
            self._inner.create(path, data)

    def write(self, path: str, data: bytes) -> None:
        """Write a file."""
        with self._told("write", path):
            self._inner.write(path, data)

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        with self._told("read", path):
            return self._inner.read(path)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder."""
        with self._told("names", folder):
            return self._inner.names(folder)

    def delete(self, path: str) -> None:
        """Remove a file or a folder."""
        with self._told("delete", path):
            self._inner.delete(path)

    def fetch(self, path: str, scratch: Path) -> Path:
        """Return a local path of a file."""
        with self._told("fetch", path):
            return self._inner.fetch(path, scratch)

    def publish(self, local: Path, path: str) -> None:
        """Move a local file into the store."""
        with self._told("publish", path):
            self._inner.publish(local, path)

    @contextmanager
    def _told(self, operation: str, path: str) -> Iterator[None]:
        self._hook(f"before {operation} {path}")
        yield
        self._hook(f"after {operation} {path}")


class World:
    """Marketo, Mixpanel, a state store, and exports run against them."""

    def __init__(
        self, folder: Path, *, page_size: int = 100, clock: VirtualClock | None = None, **export: Any
    ) -> None:
        self.clock = clock or VirtualClock()
        self.marketo = MarketoSandbox(self.clock)
        for name in (FIELD, OTHER_FIELD):
            self.marketo.instance.catalog.put(
                Field(name=name, display_name=f"Display {name}", data_type="boolean", custom=True)
            )
        self.mixpanel = MixpanelSandbox(self.clock, username="robot", secret="hush", project_id=7)
        self.store: Store = LocalStore(folder)
        self.pool: Callable[[int], Executor] = InlinePool
        self.adapter = InProcess
        self.settings = ProviderSettings.model_validate({"state_url": str(folder)})
        self.page_size = page_size
        self.export = CohortExport.model_validate(
            {"name": "trial_users", "cohort_id": COHORT, "marketo_field": FIELD, "sync_type": "dynamic", **export}
        )
        self.limits: dict[str, Any] = {}
        self.route: Any = None
        self.mixpanel_extra: dict[str, Any] = {}
        self.before_marketo: Callable[[str], None] = lambda _: None
        self.edit_marketo: Callable[[Request, Response], Response] = _unchanged
        self.edit_mixpanel: Callable[[Request, Response], Response] = _unchanged
        self._runs = 0

    def set_cohort(self, emails: Iterable[Any], cohort_id: int = COHORT) -> None:
        """Make the cohort consist of one profile for each value of `$email`."""
        project = self.mixpanel.state.project
        members: list[str | int] = []
        for number, email in enumerate(emails):
            members.append(f"user-{number}")
            project.set_profile(f"user-{number}", {} if email is None else {"$email": email})
        project.set_cohort(cohort_id, "Trial users", members=members)

    def run(self, run_id: str | None = None, **parameters: Any) -> Run:
        """Return one try of one run, with clients of its own."""
        self._runs += 1
        marketo = self.adapter(self.marketo, self.marketo.wire, self.clock)
        marketo.edit = self.edit_marketo
        marketo.holder = f"try-{self._runs}"
        marketo.before = self.before_marketo
        session = requests.Session()
        session.mount(MARKETO_URL, marketo)
        mixpanel = InProcess(self.mixpanel, self.mixpanel.wire, self.clock)
        mixpanel.edit = self.edit_mixpanel
        session.mount(MIXPANEL_URL, mixpanel)
        credentials = self.marketo.credentials
        limits = MarketoConnection.model_validate(
            {
                "rest_url": MARKETO_URL,
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                **self.limits,
            }
        )
        project = MixpanelConnection.model_validate(
            {
                "base_url": MIXPANEL_URL,
                "username": "robot",
                "secret": "hush",
                "project_id": 7,
                "page_size": self.page_size,
                **self.mixpanel_extra,
            }
        )
        return Run(
            export=self.export,
            parameters=RunParameters.model_validate(parameters),
            settings=self.settings,
            limits=limits,
            marketo=MarketoClient(limits, session=session, clock=self.clock, random=lambda: 0.0),
            mixpanel=MixpanelClient(project, session=session, clock=self.clock),
            store=self.store,
            clock=self.clock,
            run_id=run_id or f"run-{self._runs}",
            holder=f"try-{self._runs}",
            route=self.route,
            pool=self.pool,
        )

    def sync(self, emails: Iterable[Any] | None = None, **parameters: Any) -> Report:
        """Set the cohort, read it and export it, in one run."""
        if emails is not None:
            self.set_cohort(emails)
        run = self.run(**parameters)
        return export_cohort(run, read_snapshot(run).name)

    def sync_as(self, run_id: str, **parameters: Any) -> Report:
        """Read the cohort and export it, in a run of that id."""
        run = self.run(run_id, **parameters)
        return export_cohort(run, read_snapshot(run).name)

    def wait(self, wait: WaitUntil) -> None:
        """Wait as a task does that keeps its worker."""
        if isinstance(wait, ImportsUnderWay) and wait.batch_ids:
            wait_for_imports(self.run().marketo, self.clock, wait.batch_ids, until=wait.resume_at)
        else:
            self.clock.sleep(max(1.0, (wait.resume_at - self.clock.now()).total_seconds()))

    def flags(self, field: str = FIELD) -> dict[str, object]:
        """Return what each lead holds, by its address in lower case."""
        return {str(lead.values["email"]).lower(): lead.values.get(field) for lead in self.marketo.instance.leads}

    def break_marketo(self, kind: FaultKind, *, path: str = "/rest/v1/leads.json", **fault: Any) -> None:
        """Have a fault take effect on the next sync or look-up of leads, or as it says."""
        self.marketo.wire.faults.append(Fault(kind, path, **fault))

    def add_lead(self, email: str, **values: Any) -> int:
        """Add a lead by hand and return its id."""
        return self.marketo.instance.leads.create({"email": email, **values}, partition="Default").lead_id

    def writes(self) -> list[dict[str, Any]]:
        """Return the bodies of all sync-leads requests, in order."""
        return [
            json.loads(logged.body)
            for logged in self.marketo.wire.log
            if logged.path == "/rest/v1/leads.json" and "_method" not in logged.query
        ]
