from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from marketo_provider.errors import ImportQueueFull, ImportUnreadable, NoAnswer, VendorUnavailable
from marketo_provider.marketo.models import ImportProblem
from tests.fake_wire import START, Reply, Step, shown
from tests.marketo.support import World

ANN, BOB, FLAG = "ann@example.com", "Bob+x@Example.com", "mixpanelTrialUsers"
HEADER = f"email,{FLAG},Import Failure Reason"
CSV = {"Content-Type": "text/csv;charset=UTF-8"}
JSON = {"Content-Type": "application/json;charset=UTF-8"}


def ok(result: object) -> Reply:
    """Return a successful answer."""
    return Reply({"requestId": "1#ok", "success": True, "result": [result]}, headers=JSON)


def failed(code: str) -> Reply:
    """Return an answer that is a failure."""
    return Reply({"success": False, "errors": [{"code": code, "message": ANN}]}, headers=JSON)


def job(status: str, **numbers: int) -> Reply:
    """Return an answer to a question for a job's status."""
    counts = {"numOfLeadsProcessed": 0, "numOfRowsFailed": 0, "numOfRowsWithWarning": 0}
    return ok({"batchId": 5, "importId": "5", "status": status, **counts, **numbers})


def rows(*lines: str) -> Reply:
    """Return a CSV file of these lines."""
    return Reply("\n".join([*lines, ""]).encode(), headers=CSV)


@pytest.fixture
def create(world: World, tmp_path: Path) -> Callable[[], int]:
    """Return how a small file is uploaded."""
    path = tmp_path / "import.csv"
    path.write_text(f"email,{FLAG}\r\n{ANN},true\r\n")
    return lambda: world.client.imports.create(path, partition=None, deadline=world.deadline())


def test_an_upload_says_how_it_is_to_be_read(world: World, tmp_path: Path) -> None:
    """Format and lookup field stand in the query, as Adobe's Swagger file has it; so does the partition."""
    (tmp_path / "import.csv").touch()
    world.answer(ok({"batchId": 5, "importId": "5", "status": "Queued"}))

    batch = world.client.imports.create(tmp_path / "import.csv", partition="EU", deadline=world.deadline())

    sent = world.marketo.requests[0]
    assert batch == 5
    assert str(sent.url).endswith("/bulk/v1/leads.json?format=csv&lookupField=email&partitionName=EU")
    assert (sent.method, world.client.calls) == ("POST", 1)


@pytest.mark.parametrize(
    "answer",
    [
        requests.ReadTimeout(ANN),
        Reply(b"", 502),
        Reply(b"<html>"),
        failed("611"),
        ok({"importId": "5"}),
        ok({"batchId": "5"}),
        Reply({"success": True, "result": []}),
    ],
)
def test_an_upload_without_a_sensible_answer_may_have_been_taken(
    world: World, create: Callable[[], int], answer: Step
) -> None:
    """It is not repeated: there is no way to ask which imports there are."""
    world.answer(answer)

    with pytest.raises(NoAnswer) as raised:
        create()

    assert len(world.marketo.requests) == 1
    assert ANN not in shown(raised.value)


def test_a_full_queue_is_waited_for_elsewhere(world: World, create: Callable[[], int]) -> None:
    """1016 took nothing; whoever holds a lease must not sit it out in here."""
    world.answer(failed("1016"))

    with pytest.raises(ImportQueueFull, match="the queue of imports") as raised:
        create()

    assert raised.value.resume_at == START + timedelta(seconds=60)
    assert (len(world.marketo.requests), world.clock.naps, world.client.calls) == (1, [], 1)


def test_a_refused_token_is_replaced_and_the_whole_file_sent_again(
    world: World, create: Callable[[], int]
) -> None:
    """The second attempt begins at the file's first byte."""
    bodies: list[bytes] = []

    def answer(reply: Reply) -> Step:
        def step(request: requests.PreparedRequest) -> Reply:
            bodies.append(b"".join(request.body or []))  # type: ignore[arg-type] # pieces of bytes
            return reply

        return step

    world.answer(answer(failed("602")), answer(ok({"batchId": 5})))

    assert create() == 5
    assert [f"{ANN},true".encode() in body for body in bodies] == [True, True]


@pytest.mark.parametrize(
    ("state", "ended"), [("Queued", False), ("Importing", False), ("Complete", True), ("Failed", True)]
)
def test_a_status_tells_whether_a_job_has_ended(world: World, state: str, ended: bool) -> None:  # noqa: FBT001 - a case
    """And how many rows came to what."""
    world.answer(job(state, numOfLeadsProcessed=7, numOfRowsFailed=2, numOfRowsWithWarning=1))

    status = world.client.imports.status(5)

    assert status is not None
    assert (status.state, status.imported, status.failed, status.warned) == (state, 7, 2, 1)
    assert status.ended is ended


@pytest.mark.parametrize("code", ["610", "1013"])
def test_a_job_that_is_gone_has_no_status(world: World, code: str) -> None:
    """Seven days after the upload Marketo knows nothing of it."""
    world.answer(failed(code))

    assert world.client.imports.status(5) is None


@pytest.mark.parametrize(
    "answer", [job("Paused"), ok({"status": "Complete"}), job("Complete", numOfRowsFailed=-1)]
)
def test_a_status_that_is_not_understood_is_none_of_a_job(world: World, answer: Reply) -> None:
    """It is asked for again, and at last it is Marketo that cannot be used: nothing is taken for ended."""
    world.answer(*[answer] * 40)

    with pytest.raises(VendorUnavailable):
        world.client.imports.status(5)


def test_rows_that_failed_come_with_marketo_s_reasons(world: World) -> None:
    """Quoted where they must be, in no order, and out of every repr."""
    world.answer(rows(HEADER, f'{BOB},maybe,"Invalid ""data"", or worse"', f"{ANN},,Invalid"))

    found = list(world.client.imports.failures(5, field=FLAG))

    assert found == [ImportProblem(BOB, 'Invalid "data", or worse'), ImportProblem(ANN, "Invalid")]
    assert "Invalid" not in repr(found)
    assert BOB not in repr(found)
    assert str(world.marketo.requests[0].url).endswith("/bulk/v1/leads/batch/5/failures.json")


def test_warnings_are_a_file_of_their_own(world: World) -> None:
    """With a heading of their own."""
    world.answer(rows(f"email,{FLAG},Import Warning Reason", f"{ANN},true,Invalid email address"))

    assert list(world.client.imports.warnings(5, field=FLAG)) == [ImportProblem(ANN, "Invalid email address")]
    assert str(world.marketo.requests[0].url).endswith("/bulk/v1/leads/batch/5/warnings.json")


def test_no_file_means_no_rows(world: World) -> None:
    """404 is the answer where no row failed; it costs a call like any other."""
    world.answer(Reply(b"Not found", 404, {"Content-Type": "text/plain"}))

    assert list(world.client.imports.failures(5, field=FLAG)) == []
    assert world.client.calls == 1
    assert world.client.failed_requests == []


def test_an_envelope_in_place_of_a_file_is_an_error_of_marketo_s(world: World) -> None:
    """606 is waited out and 602 replaced, as everywhere; the file comes then."""
    world.answer(failed("606"), failed("602"), rows(HEADER, f"{ANN},true,Invalid"))

    assert [problem.address for problem in world.client.imports.failures(5, field=FLAG)] == [ANN]
    assert [failure.code for failure in world.client.failed_requests] == ["606", "602"]


@pytest.mark.parametrize(
    "answer",
    [
        Reply({"success": True, "result": []}, headers=JSON),
        Reply(b"<html>", headers={"Content-Type": "text/html"}),
        Reply(b"", 503, CSV),
    ],
)
def test_what_is_neither_file_nor_error_is_asked_for_again(world: World, answer: Reply) -> None:
    """A gateway's page is not taken for a file without rows."""
    world.answer(answer, rows(HEADER, f"{ANN},true,Invalid"))

    assert [problem.address for problem in world.client.imports.failures(5, field=FLAG)] == [ANN]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"email,Import Failure Reason\nann@example.com,Invalid\n",
        f"{FLAG},email,Import Failure Reason\ntrue,{ANN},Invalid\n".encode(),
        f"email,{FLAG},Import Warning Reason\n{ANN},true,Invalid\n".encode(),
        f"{HEADER}\n{ANN},true\n".encode(),
        f"{HEADER}\n{ANN},true,Invalid,more\n".encode(),
        f'{HEADER}\n{ANN},true,"Inval'.encode(),
        f"{HEADER}\n{ANN},true,".encode() + b"\xff\n",
    ],
    ids=["empty", "fewer", "order", "warnings", "short row", "long row", "broken off", "no UTF-8"],
)
def test_a_file_with_other_columns_is_not_guessed_at(world: World, content: bytes) -> None:
    """A row that failed must not be taken for one that was imported; the message quotes nothing of the file."""
    world.answer(Reply(content, headers=CSV))

    with pytest.raises(ImportUnreadable, match=f"failures file of import 5 .* email, {FLAG}, Import") as raised:
        list(world.client.imports.failures(5, field=FLAG))

    assert ANN not in shown(raised.value)


def test_a_job_s_rows_are_not_held_in_memory(world: World) -> None:
    """A file may have more of them than memory takes: the first are handed out before the last are read."""
    world.answer(rows(HEADER, *[f"person{number}@example.com,true,Invalid" for number in range(50_000)], "broken"))

    found = world.client.imports.failures(5, field=FLAG)

    assert next(found).address == "person0@example.com"
