"""Bulk import against the sandbox's Marketo over real HTTP: do both understand the vendor alike?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_bulk_queue import NextImports
from include.sandbox.marketo_fields import Field as SandboxField
from include.sandbox.serving import serve
from include.sandbox.wire import Fault
from marketo_provider.errors import ImportQueueFull, NoAnswer, RequestRefused
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.marketo.imports import Imports
from tests.fake_wire import FakeClock

ANN, BOB, FLAG = "ann@example.com", "Bob+x@Example.com", "mixpanelTrialUsers"
DAY = 86_400


class World:
    """A served sandbox with one custom Boolean field, and a client's imports."""

    def __init__(self, sandbox: MarketoSandbox, url: str, clock: FakeClock, folder: Path) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.folder = folder
        self.queue = sandbox.instance.imports
        sandbox.instance.catalog.put(
            SandboxField(name=FLAG, display_name="Mixpanel Trial Users", data_type="boolean", custom=True)
        )
        connection = MarketoConnection.from_parts(
            "mkto", host=url, login="sandbox-client", password="sandbox-secret", extra={}
        )
        self.client = MarketoClient(connection, session=requests.Session(), clock=clock)

    @property
    def imports(self) -> Imports:
        """The client's."""
        return self.client.imports

    def upload(self, *lines: str, header: str = f"email,{FLAG}", partition: str | None = None) -> int:
        """Upload a file of these lines."""
        path = self.folder / "import.csv"
        path.write_bytes("".join(f"{line}\r\n" for line in (header, *lines)).encode())
        return self.imports.create(path, partition=partition, deadline=self.clock.time + 300)

    def run(self, *lines: str) -> int:
        """Upload a file and let time pass until it is imported."""
        batch = self.upload(*lines)
        self.clock.sleep(60)
        return batch

    def state(self, batch: int) -> str | None:
        """Return a job's state, None where it is gone."""
        status = self.imports.status(batch)
        return status.state if status else None

    def flags(self, email: str) -> list[object]:
        """Return what the instance holds for an address."""
        self.queue.advance()
        return [lead.values.get(FLAG) for lead in self.sandbox.instance.leads.find("email", [email])]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Serve a sandbox whose clock is the client's."""
    clock = FakeClock()
    sandbox = MarketoSandbox(clock, seed=1)
    with serve(sandbox) as url:
        yield World(sandbox, url, clock, tmp_path)


def test_a_file_is_imported(world: World) -> None:
    """It waits, works and is complete; leads that were not there are made."""
    batch = world.upload(f"{ANN},true", f"{BOB},true")
    before = world.state(batch)
    world.clock.sleep(60)
    status = world.imports.status(batch)

    assert before == "Queued"
    assert status is not None
    assert (status.state, status.imported, status.failed, status.warned) == ("Complete", 2, 0, 0)
    assert (world.flags(ANN), world.flags(BOB)) == ([True], [True])
    assert world.client.calls == 3


def test_a_large_file_arrives_whole(world: World) -> None:
    """Just under the limit, in many pieces."""
    lines = [f"{'x' * 240}{number:06}@example.com,true" for number in range(37_000)]

    batch = world.upload(*lines)

    assert [*world.queue.jobs[batch].file.rows()][-1] == lines[-1].split(",")


def test_failed_and_warned_rows_are_told_apart(world: World) -> None:
    """The first were not imported, the second were."""
    batch = world.run(f"{ANN},maybe", f"{BOB},true", "INVALID_EMAIL,true")
    status = world.imports.status(batch)

    failures = [(row.address, row.reason) for row in world.imports.failures(batch, field=FLAG)]
    warnings = [(row.address, row.reason) for row in world.imports.warnings(batch, field=FLAG)]

    assert status is not None
    assert (status.imported, status.failed, status.warned) == (2, 1, 1)
    assert failures == [(ANN, "Invalid data type in field Mixpanel Trial Users")]
    assert warnings == [("INVALID_EMAIL", "Invalid email address")]


def test_there_are_no_files_where_nothing_went_wrong(world: World) -> None:
    """Both are 404, and empty."""
    batch = world.run(f"{ANN},true")

    assert list(world.imports.failures(batch, field=FLAG)) == []
    assert list(world.imports.warnings(batch, field=FLAG)) == []


def test_the_eleventh_file_finds_the_queue_full(world: World) -> None:
    """Nothing is taken, and nothing waited for in the call."""
    for _ in range(10):
        world.upload(f"{ANN},true")

    with pytest.raises(ImportQueueFull):
        world.upload(f"{BOB},true")

    assert len(world.queue.jobs) == 10
    assert world.clock.naps == []


@pytest.mark.parametrize(("kind", "jobs"), [("reset_before", 0), ("reset_after", 1)])
def test_an_upload_whose_answer_is_lost_may_have_been_taken(world: World, kind: str, jobs: int) -> None:
    """Which of the two it was cannot be told, so both are in doubt, and neither is repeated."""
    world.sandbox.wire.faults.append(Fault(kind, path="/bulk/"))  # type: ignore[arg-type] # one of the two

    with pytest.raises(NoAnswer):
        world.upload(f"{ANN},true")

    assert len(world.queue.jobs) == jobs


def test_an_upload_that_is_refused_says_why(world: World) -> None:
    """A field that Marketo does not know, a partition that is not there, and a file that is too large."""
    world.sandbox.instance.gate.limits = world.sandbox.instance.gate.limits.model_copy(
        update={"max_import_bytes": 1000}
    )
    codes = []
    for lines, header, partition in (
        ([f"{ANN},true"], "email,nothing", None),
        ([f"{ANN},true"], f"email,{FLAG}", "Nowhere"),
        ([f"{ANN},true"] * 100, f"email,{FLAG}", None),
    ):
        with pytest.raises(RequestRefused) as raised:
            world.upload(*lines, header=header, partition=partition)
        codes.append(raised.value.code)

    assert codes == ["1006", "1008", "413"]


def test_a_job_is_gone_after_seven_days(world: World) -> None:
    """That is an end too."""
    batch = world.run(f"{ANN},true")
    world.clock.sleep(7 * DAY)

    assert world.state(batch) is None


def test_a_job_may_stay_in_the_queue_or_fail_as_a_whole(world: World) -> None:
    """A stuck one has not ended, a failed one has."""
    world.queue.mishaps += [NextImports(then="stick"), NextImports(then="fail")]
    stuck, broken = world.upload(f"{ANN},true"), world.upload(f"{BOB},true")
    world.clock.sleep(DAY)

    assert (world.state(stuck), world.state(broken)) == ("Queued", "Failed")
    assert world.flags(BOB) == []
