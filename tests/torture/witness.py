"""What is seen at the vendor's door: each write is held against what was durable at the moment it arrived.

It sees the requests as Marketo gets them, Marketo's leads, and the files that the store holds, never what the
provider thinks. What a moment alone tells is judged here; `verdict` judges what is there in the end.
"""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from include.sandbox.marketo_bulk_queue import Job
from include.sandbox.marketo_instance import Instance
from include.sandbox.wire import Request
from tests.torture.process import Process
from tests.torture.stepping import Stepper
from tests.torture.work import Keys, Work, Write

if TYPE_CHECKING:
    from datetime import datetime

LEASE_SECONDS = 120.0
_CSV = re.compile(rb"\r\n\r\n(email,.*?)\r\n--", re.DOTALL)


class Witness:
    """Sees to it that no write is made that must not be.

    Args:
        instance: the Marketo that is written to.
        stepper: time.
        root: the store's folder.
    """

    def __init__(self, instance: Instance, stepper: Stepper, root: Path) -> None:
        self.violations: list[str] = []
        self.sessions: dict[str, Keys] = {}
        self.snapshots: dict[tuple[str, str], Keys] = {}
        self.works: dict[Process, Work] = {}
        self.addresses: dict[int, set[str]] = defaultdict(set)
        self.by_hand = False
        self.known_true: dict[str, set[int]] = defaultdict(set)
        self.removed: dict[str, set[str]] = defaultdict(set)
        self.unnoticed: dict[str, set[str]] = defaultdict(set)
        self.deleted: dict[str, set[str]] = defaultdict(set)
        self.refused: dict[str, set[str]] = defaultdict(set)
        self.own: dict[str, Keys] = {}
        self.finished_at: dict[str, datetime] = {}
        self.jobs: dict[int, tuple[str, Keys]] = {}
        self.open_files: set[str] = set()
        self._instance = instance
        self._stepper = stepper
        self._root = root
        self._leases: dict[str, tuple[Process, float] | None] = {}
        self._newest: dict[str, int] = {}
        self._in_flight: list[Write] = []
        self._create, instance.leads.create = instance.leads.create, self._created  # type: ignore[method-assign]

    def accuse(self, what: str) -> None:
        """Note a violation."""
        self.violations.append(f"at {self._stepper.seconds:.0f} s: {what}")

    # What becomes durable

    def wrote(self, process: Process, path: str, data: bytes) -> None:
        """Take note of a file that is in the store from now on."""
        parts = path.split("/")
        if parts[-1] == "session.json":
            self.snapshots[parts[2], parts[-2]] = self.sessions[json.loads(data)["session_id"]]
        elif parts[0] == "marketo" and parts[-2] == "log":
            record = json.loads(data)
            if len(parts) > len(("marketo", "host", "log", "number")):
                self._lease_after(process, parts[2], record["kind"])
            if work := self.works.get(process):
                self._recorded(work, record)

    def _lease_after(self, process: Process, target: str, kind: str) -> None:
        held = self._leases.get(target)
        if kind == "lease_taken" or (held and held[0] is process):
            self._leases[target] = None if kind == "lease_given_back" else (process, self._stepper.seconds)

    def _recorded(self, work: Work, record: dict[str, Any]) -> None:
        match record["kind"]:
            case "intended":
                text = (self._root / record["change_list"]).read_text()
                for row in csv.DictReader(io.StringIO(text)):
                    work.intended.setdefault(row["address"].lower(), set()).add(row["set_to"] == "true")
                self.own.setdefault(work.field, work.members)
                self.deleted[work.field] &= work.members
            case "journaled" | "settled":
                for lead_id, value in work.acknowledged.items():
                    (self.known_true[work.field].add if value else self.known_true[work.field].discard)(lead_id)
                work.acknowledged.clear()
                if record["kind"] == "settled" and not record["left_over"]:
                    # Whose leaving is settled enters anew when he comes back.
                    self.removed[work.field] &= work.members | self.refused[work.field]
                if record["kind"] == "settled" and record["claim"]["finished_at"]:
                    self.finished_at[work.field] = self._stepper.now()
            case "file_announced" | "import_announced":
                work.announced.append(record["name"])
                self.open_files.add(record["name"])
            case "import_queued" | "import_ended":
                self.open_files.discard(record["name"])

    # What is sent

    def arrives(self, process: Process, request: Request) -> Write | None:
        """Judge a request that has come; return it if it is a write."""
        if request.method != "POST" or "_method" in request.query:
            return None
        work = self.works.get(process)
        if request.path == "/rest/v1/leads.json":
            write = self._sync(process, json.loads(request.body), work)
        elif request.path == "/bulk/v1/leads.json":
            write = self._file(process, request, work)
        else:
            return None
        self._judge(write, work)
        self._in_flight.append(write)
        return write

    def acts(self, write: Write) -> None:
        """Judge the moment at which Marketo acts on a write."""
        self._in_flight.remove(write)
        if write.is_file and (work := self.works.get(write.process)):
            work.announced.clear()
        held = self._leases.get(write.field.lower())
        if held is None or held[0] is not write.process:
            self.accuse(f"a request of {write.process.name} took effect when the lease was not its own any more")

    def acts_not(self, write: Write) -> None:
        """Take note that Marketo will not act on a write."""
        self._in_flight.remove(write)

    def took_file(self, write: Write, batch_id: int) -> None:
        """Take note of an import job."""
        self.jobs[batch_id] = (write.field, frozenset(str(key) for key in write.keys))

    def answered(self, write: Write, results: list[dict[str, Any]]) -> None:
        """Take note of what the process has been told."""
        if work := self.works.get(write.process):
            written = [one["id"] for one in results if one["status"] in {"created", "updated"}]
            work.acknowledged.update(dict.fromkeys(written, write.value))
            self._notices(work, write.keys)
            for key, one in zip(write.keys, results, strict=False):
                if one["status"] == "skipped":
                    self.refused[work.field] |= {key} if isinstance(key, str) else self.addresses[key]

    def looked_up(self, process: Process, request: Request) -> None:
        """Take note of whom the process has been told about."""
        if work := self.works.get(process):
            asked = dict(parse_qsl(request.body.decode()))
            values = asked["filterValues"].lower().split(",")
            self._notices(work, values if asked["filterType"] == "email" else [int(value) for value in values])

    def refuses(self, process: Process, body: bytes) -> None:
        """Take note of a request that is not carried out as it stands: some of its records may stay refused."""
        work = self.works.get(process)
        if work and not body.startswith(b"{"):
            self.refused[work.field] |= {*dict(parse_qsl(body.decode().lower()))["filtervalues"].split(",")}
        elif work:
            for record in json.loads(body)["input"]:
                named = self.addresses[record["id"]] if "id" in record else {record["email"].lower()}
                self.refused[work.field] |= named

    def told_failures(self, process: Process, body: bytes) -> None:
        """Take note of the rows of a file that Marketo says it refused."""
        if work := self.works.get(process):
            _, *rows = csv.reader(io.StringIO(body.decode()))
            self.refused[work.field] |= {row[0].lower() for row in rows}

    def _notices(self, work: Work, keys: Iterable[str | int]) -> None:
        for key in keys:
            self.unnoticed[work.field] -= {key} if isinstance(key, str) else self.addresses[key]

    def _sync(self, process: Process, body: dict[str, Any], work: Work | None) -> Write:
        (lookup, records) = body["lookupField"], body["input"]
        names = {name for record in records for name in record} - {lookup}
        wanted = work.field if work else next(iter(names))
        if lookup not in {"email", "id"} or names != {wanted}:
            self.accuse(f"a request of {process.name} holds {sorted(names)}")
        keys = [record[lookup] for record in records]
        keys = [key.lower() if isinstance(key, str) else key for key in keys]
        creates = body["action"] != "updateOnly"
        return Write(process, wanted, keys, bool(records[0].get(wanted)), creates)

    def _file(self, process: Process, request: Request, work: Work | None) -> Write:
        found = _CSV.search(request.body)
        header, *rows = csv.reader(io.StringIO(found[1].decode() if found else ""))
        if work is None or header != ["email", work.field] or any(row[1] != "true" for row in rows):
            self.accuse(f"a file of {process.name} holds {header}")
        names = work.announced if work else []
        if not any(names.count(name) == len(("target", "instance")) for name in names):
            self.accuse(f"a file of {process.name} was not announced in both logs")
        return Write(process, header[1], [row[0].lower() for row in rows], value=True, creates=True, is_file=True)

    def _judge(self, write: Write, work: Work | None) -> None:
        who, field_name = write.process.name, write.field
        if work is None:
            self.accuse(f"{who} wrote without a snapshot")
            return
        held = self._leases.get(field_name.lower())
        if held is None or held[0] is not write.process or self._stepper.seconds > held[1] + LEASE_SECONDS:
            self.accuse(f"{who} wrote without the lease")
        if len(set(write.keys)) < len(write.keys):
            self.accuse(f"{who} wrote twice to one person in one request")
        for other in self._in_flight:
            # That two rows of the ledger, of which one lead had both addresses, set it False at once is no harm.
            harmless = not (write.value or other.value or write.creates or other.creates)
            if other.field == field_name and not harmless and self._named(write) & self._named(other):
                self.accuse(f"{who} wrote to a person whom a request of {other.process.name} was in flight for")
        if work.number < self._newest.get(field_name, 0):
            self.accuse(f"{who} delivered snapshot {work.number}, after {self._newest[field_name]}")
        self._newest[field_name] = max(work.number, self._newest.get(field_name, 0))
        if work.sent_true and not write.value:
            self.accuse(f"{who} sent an exit after an entry")
        work.sent_true = work.sent_true or write.value
        for key in write.keys:
            self._judge_one(write, work, key)

    def _judge_one(self, write: Write, work: Work, key: str | int) -> None:
        who = write.process.name
        addresses = {key} if isinstance(key, str) else self.addresses[key]
        if not any(write.value in work.intended.get(address, ()) for address in addresses):
            self.accuse(f"{who} wrote {write.value} to {key} without a durable intent")
        if not any((address in work.members) is write.value for address in addresses):
            self.accuse(f"{who} wrote {write.value} to {key}, which its snapshot {work.number} does not say")
        lead = self._instance.leads.get(key) if isinstance(key, int) else None
        if lead and not write.value and str(lead.values["email"]).lower() in work.members:
            self.accuse(f"{who} wrote False to lead {key}, which is a member's by now")
        if write.creates and isinstance(key, str) and not write.is_file and self._being_imported(write.field, key):
            self.accuse(f"{who} may create {key} beside an import of the same address")

    def _being_imported(self, field_name: str, address: str) -> bool:
        jobs = self._instance.imports.jobs
        return any(
            of == field_name and address in addresses and batch_id in jobs and under_way(jobs[batch_id])
            for batch_id, (of, addresses) in self.jobs.items()
        )

    def _named(self, write: Write) -> set[object]:
        """Return whom a write names, by address and by id."""
        ids = {key for key in write.keys if isinstance(key, int)}
        for key in write.keys:
            if isinstance(key, str):
                ids |= {lead.lead_id for lead in self._instance.leads.find("email", [key])}
        return ids | {key for key in write.keys if isinstance(key, str)}

    # What Marketo holds

    def _created(self, values: Any, *, partition: str) -> Any:
        email = str(values.get("email", "")).lower()
        if not self.by_hand:
            if self._instance.leads.find("email", [email]):
                self.accuse(f"{email} became two leads")
            for name in set(values) - {"email"}:
                if values[name] is not True:
                    self.accuse(f"an exit created {email}")
                if email in self.deleted[name]:
                    self.accuse(f"{email} was deleted, and brought back by {name}")
        lead = self._create(values, partition=partition)
        self.addresses[lead.lead_id].add(email)
        return lead

    def removes(self, lead_ids: list[int]) -> None:
        """Take note of leads that are about to lose their address by hand: deleted, merged or given another."""
        for lead_id in lead_ids:
            lead = self._instance.leads.get(lead_id)
            email = str(lead.values.get("email")).lower() if lead else ""
            alone = len(self._instance.leads.find("email", [email])) == 1
            for name in {*self.known_true, *self.own}:
                self.removed[name].add(email)
                if lead and lead.values.get(name):
                    self.unnoticed[name].add(email)
                if (
                    alone
                    and lead_id in self.known_true[name]
                    and self.addresses[lead_id] == {email}
                    and len(self._history(email)) == 1
                ):
                    self.deleted[name].add(email)

    def _history(self, email: str) -> list[int]:
        return [lead_id for lead_id, addresses in self.addresses.items() if email in addresses]


def under_way(job: Job) -> bool:
    """Whether a job may still change a lead."""
    return job.status in {"Queued", "Importing"}
