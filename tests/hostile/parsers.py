"""Everything that reads what comes from outside, each with valid inputs and a way to bend them."""

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marketo_provider.__main__ import main
from marketo_provider.export_files import load_exports
from marketo_provider.export_problems import problems_text
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state import instance, slots
from marketo_provider.state.instance import Instance, Joined, TurnTaken
from marketo_provider.state.ledger import COLUMNS, Flag, Key, LedgerRow, decode_row, encode_rows
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Claim, ImportQueued, LeaseTaken, Settled, decode, encode
from marketo_provider.state.slots import Project, Reader, Readers
from marketo_provider.state.snapshots import Session, Snapshot, SnapshotFolder
from marketo_provider.state.store import LocalStore
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.adopt import read_leads
from marketo_provider.sync.report import Report
from tests.airflow_home import INSTALLED
from tests.hostile.clients import CANARY, FIELD, Clients, SkippingClock
from tests.hostile.mutation import bend_bytes, bend_json, text
from tests.hostile.valid import CSV, URL, Bent, calls_of, session_with, valid_answers

NOW = datetime(2026, 11, 28, tzinfo=UTC)
Parse = Callable[[bytes], object]
Bend = Callable[[bytes, int], bytes]


@dataclass(frozen=True, slots=True)
class Parser:
    """Something that reads inputs; whatever it raises but an error of ours is a fault."""

    name: str
    valid: Sequence[bytes]
    parse: Parse
    bend: Bend = bend_json


def parsers(folder: Path) -> list[Parser]:
    """Return all of them; `folder` is theirs to write to."""
    return [*_answers(folder), *_people(folder), *_state(folder)]


def _answers(folder: Path) -> Iterator[Parser]:
    answers = valid_answers(folder)
    for name, valid in answers.items():
        adapter = Bent()
        call = calls_of(Clients(URL, folder, session=session_with(adapter), patience=1.0))[name]
        yield Parser(f"answer: {name}", [valid], _served(adapter, "body", call))
    for name, content in CSV.items():
        adapter = Bent(headers={"Content-Type": "text/csv"})
        call = Clients(URL, folder, session=session_with(adapter), patience=1.0).reads[name]
        yield Parser(f"file: {name}", [content], _served(adapter, "body", call), bend_bytes)
    adapter = Bent(body=answers["partitions"])
    yield Parser(
        "answer: token",
        [adapter.token, b'{"error":"invalid_client","error_description":"canary"}'],
        _served(adapter, "token", _with_a_new_token(folder, adapter)),
    )


def _with_a_new_token(folder: Path, adapter: Bent) -> Callable[[], object]:
    session = session_with(adapter)

    def call() -> object:
        return Clients(URL, folder, session=session, patience=1.0).marketo.partitions()

    return call


def _served(adapter: Bent, what: str, call: Callable[[], Any]) -> Parse:
    def parse(content: bytes) -> object:
        setattr(adapter, what, content)
        return call()

    return parse


def _people(folder: Path) -> Iterator[Parser]:
    exports = folder / "exports"
    exports.mkdir()
    file = exports / "a.yaml"
    good = {
        "name": "trial_users",
        "cohort_id": 1,
        "marketo_field": FIELD,
        "sync_type": "dynamic",
        "schedule": "0 */2 * * *",
        "start_date": "2026-01-31",
        "tags": ["a"],
        "max_exit_share": 0.5,
        "retries": 2,
    }

    def read_exports(content: bytes) -> object:
        file.write_bytes(content)
        loaded = load_exports(exports)
        shown = problems_text(loaded.problems)
        shown.encode()
        if CANARY in shown:
            raise AssertionError("a message quotes an address")
        return [str(export) for export in loaded.exports]

    yaml = json.dumps({"exports": [good, {**good, "name": "b", "marketo_field": "other"}]}, indent=1).encode()
    plain = "exports:\n" + "".join(
        f"{'- ' if key == 'name' else '  '}{key}: {value}\n" for key, value in good.items()
    )
    yield Parser("export YAML", [plain.encode(), yaml], read_exports, bend_bytes)
    yield Parser("export YAML, other values", [yaml], read_exports)
    marketo = {"host": "123-ABC-456", "login": "id", "password": "hush", "daily_quota": 50000, "partition": "EU"}
    mixpanel = {"host": "mixpanel.com", "login": "id", "password": "hush", "project_id": 7, "region": "eu"}
    for name, model, parts in (
        ("Connection marketo", MarketoConnection, marketo),
        ("Connection mixpanel", MixpanelConnection, mixpanel),
    ):
        yield Parser(name, [json.dumps(parts).encode()], _connection(model))
    parameters = {"dry_run": True, "allow_exits": 5, "marketo_field": FIELD}
    yield Parser("run parameters", [json.dumps(parameters).encode()], _run_parameters)
    settings = {"state_url": "file:///tmp/state", "lease_seconds": "120", "memory_limit": "1GiB"}
    yield Parser("settings", [json.dumps(settings).encode()], _settings)
    leads = f"Id,Email Address\r\n7,{CANARY}\r\n8,{CANARY}\r\n".encode()
    yield Parser("adopted CSV", [leads], _adopted, bend_bytes)
    yield Parser("command line", [b""], _command_line(folder), lambda _, seed: str(seed).encode())


def _connection(model: type[MarketoConnection] | type[MixpanelConnection]) -> Parse:
    def parse(content: bytes) -> object:
        with _only_json(content) as parts:
            host, login, password = (parts.pop(key, None) for key in ("host", "login", "password"))
            return model.from_parts("conn", host=host, login=login, password=password, extra=parts)

    return parse


def _run_parameters(content: bytes) -> object:
    with _only_json(content) as values:
        return RunParameters.parse(values, sync_type="one_time")


def _settings(content: bytes) -> object:
    with _only_json(content) as values:
        return ProviderSettings.parse({key: str(value) for key, value in values.items()})


@contextlib.contextmanager
def _only_json(content: bytes) -> Iterator[dict[str, Any]]:
    """Give what Airflow gives: a mapping that came as JSON."""
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        values = {}
    yield values if isinstance(values, dict) else {}


def _adopted(content: bytes) -> object:
    return read_leads(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


_WORDS = (
    *(["state"] if INSTALLED else []),
    *("show", "verify", "validate", "schema", "changes", "release", "erase", "who", "adopt", "repair"),
    *("retire", "--marketo-conn-id", "-h", "127.0.0.1:9/field", "..", "../x/y", CANARY, "-", "--", "", "run_1"),
)


def _command_line(folder: Path) -> Parse:
    """Return a command line's reader; commands that ask Airflow where the store is get no farther than that."""
    os.environ["AIRFLOW__MARKETO_PROVIDER__STATE_URL"] = "nowhere"

    def parse(content: bytes) -> object:
        seed = int(content)
        arguments = [text(seed + number, _WORDS) for number in range(seed % 5)]
        # As Python makes them: what cannot be written to standard error is escaped.
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return main(arguments)
            except SystemExit as end:
                return end.code

    return parse


def _state(folder: Path) -> Iterator[Parser]:
    claim = Claim(
        project_id=7, workspace_id=None, cohort_id=1, sync_type="dynamic", export="a", claimed_at=NOW, snapshot=1
    )
    report = {"export": "a", "field": FIELD, "run_id": "r", "snapshot": "1", "started_at": NOW.isoformat()}
    counts = ("profiles", "missing_profiles", "without_email", "invalid_email", "duplicate_email", "members")
    settled = Settled(
        at=NOW,
        by="h",
        run_id="r",
        snapshot=1,
        snapshot_begun_at=NOW,
        claim=claim,
        base="b",
        base_rows=1,
        deltas=("d",),
        delivered=1,
        address_share=1.0,
        left_over=0,
        report={**report, **dict.fromkeys(counts, 1)},
        takeover_seconds=230.0,
    )
    lease = LeaseTaken(at=NOW, by="h", takeover_seconds=230.0)
    records = [encode(one) for one in (settled, lease, ImportQueued(at=NOW, by="h", name="n", batch_id=4))]
    yield Parser("records of a target", records, _fold_target)
    turns = [
        Joined(at=NOW, by="h", takeover_seconds=230.0),
        TurnTaken(at=NOW, by="h", run="r", takeover_seconds=230.0),
    ]
    yield Parser("records of an instance", [encode(one) for one in turns], _fold_instance)
    readers = Readers(at=NOW, by="h", readers=(Reader(holder="h", slots=3, last_at=NOW),))
    yield Parser("records of a project", [encode(readers)], _fold_project)
    store = LocalStore(folder / "state")
    yield Parser("hint of a log", [b'{"checkpoint":0}'], _hint(store))
    session = Session(
        session_id="s",
        total=5,
        page_size=5,
        project_id=7,
        workspace_id=None,
        cohort_id=1,
        begun_at=NOW,
    )
    yield Parser("session of a snapshot", [session.model_dump_json().encode()], _session(store))
    snapshot = Snapshot(
        name="00000001",
        number=1,
        project_id=7,
        workspace_id=None,
        cohort_id=1,
        begun_at=NOW,
        completed_at=NOW,
        **dict.fromkeys(counts, 1),
    )
    yield Parser("snapshot", [snapshot.model_dump_json().encode()], _snapshot(store))
    rows = [
        LedgerRow(Key.of(CANARY), CANARY, Flag.TRUE, lead_ids=(7,)),
        LedgerRow(Key.of("b@b.bb"), "b@b.bb", Flag.FALSE),
    ]
    yield Parser("ledger", [encode_rows(rows)], _ledger(folder), bend_bytes)


def _fold_target(content: bytes) -> object:
    record = decode(content, "path")
    target = Target().after(1, record)
    if isinstance(record, Settled):
        Report.stored(record.report).line()
    return target.files, target.closed, target.lease and target.lease.last_at < NOW


def _fold_instance(content: bytes) -> object:
    state = Instance().after(1, instance.decode_record(content, "path"))
    return state.next_in_turn(NOW), state.imports_of_others("t", NOW)


def _fold_project(content: bytes) -> object:
    state = Project().after(1, slots.decode_record(content, "path"))
    return [reader.last_at < NOW for reader in state.readers]


def _hint(store: LocalStore) -> Parse:
    def parse(content: bytes) -> object:
        store.write("hinted/head.json", content)
        return TargetLog(store, "hinted", SkippingClock()).target

    return parse


def _session(store: LocalStore) -> Parse:
    def parse(content: bytes) -> object:
        store.write("t/snapshots/1/session.json", content)
        session = SnapshotFolder(store, "t", "1").session()
        return session and (session.pages, session.source, session.begun_at < NOW)

    return parse


def _snapshot(store: LocalStore) -> Parse:
    def parse(content: bytes) -> object:
        store.write("t/snapshots/2/complete.json", content)
        snapshot = SnapshotFolder(store, "t", "2").snapshot()
        return snapshot and (snapshot.address_share, snapshot.model_dump(mode="json"))

    return parse


def _ledger(folder: Path) -> Parse:
    """Return a reader of Parquet; its workspace lasts as long as the process."""
    store = LocalStore(folder / "ledger")
    workspace = Workspace(store, memory_limit="256MiB")

    def parse(content: bytes) -> object:
        store.write("a.parquet", content)
        rows = f"SELECT {COLUMNS} FROM read_parquet({workspace.fetch('a.parquet')})"
        return [decode_row(row) for batch in workspace.batches(rows, 100) for row in batch.to_pylist()]

    return parse
