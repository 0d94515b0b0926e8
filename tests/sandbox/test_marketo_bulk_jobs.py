import json

import pytest

from include.sandbox.marketo_limits import Limits
from include.sandbox.wire import Request
from tests.sandbox.marketo_bulk_support import (
    ANN,
    BOB,
    CYN,
    HEADER,
    flags,
    run,
    start,
    states,
    status_of,
    upload,
)
from tests.sandbox.marketo_support import FLAG, Caller, body_of, code_of

DAY = 86_400
ROWS = [f"person{number}@example.com,true" for number in range(10)]


@pytest.fixture
def caller() -> Caller:
    """Call an instance whose imports begin after 10 seconds and import a row a second."""
    caller = Caller()
    caller.admin("POST import-settings", {"seconds_to_start": 10, "rows_per_second": 1})
    return caller


def occupy(caller: Caller, **places: int) -> None:
    """Have others hold places of the queue."""
    caller.admin("POST import-settings", places)


def test_a_job_waits_imports_and_is_complete(caller: Caller) -> None:
    """With numbers of the rows so far, and a message at the end."""
    batch = start(caller, HEADER, *ROWS)
    seen = []
    for seconds in (9.9, 0.1, 4.5, 5.5):
        caller.clock.advance(seconds)
        status = status_of(caller, batch)
        seen.append((status["status"], status["numOfLeadsProcessed"], status.get("message")))

    assert seen == [
        ("Queued", 0, None),
        ("Importing", 0, None),
        ("Importing", 4, None),
        ("Complete", 10, "Import succeeded, 10 records imported (10 members)"),
    ]


def test_rows_take_effect_when_they_are_imported(caller: Caller) -> None:
    """Neither at the upload nor all at once."""
    start(caller, HEADER, f"{ANN},true", f"{BOB},true")
    seen = []
    for seconds in (10.5, 1, 1):
        caller.clock.advance(seconds)
        seen.append([len(caller.find("email", email)) for email in (ANN, BOB)])

    assert seen == [[0, 0], [1, 0], [1, 1]]


def test_it_makes_no_difference_whether_anybody_asks(caller: Caller) -> None:
    """Two jobs that write to the same leads end alike, looked at every second or once."""
    watched, unwatched = caller, Caller()
    unwatched.admin("POST import-settings", {"seconds_to_start": 10, "rows_per_second": 1})
    for one in (watched, unwatched):
        one.add_leads({"email": ANN}, {"email": BOB})
        start(one, HEADER, f"{ANN},true", f"{BOB},false")
        start(one, HEADER, f"{BOB},true", f"{ANN},false")

    for _ in range(20):
        watched.clock.advance(1)
        watched.admin("GET imports")
    unwatched.clock.advance(20)

    assert [flags(one, ANN) + flags(one, BOB) for one in (watched, unwatched)] == [[False, False]] * 2


def test_an_import_overwrites_what_was_written_while_it_waited(caller: Caller) -> None:
    """An exit that is sent beside a job must be sent again after it."""
    caller.add_leads({"email": ANN})
    start(caller, HEADER, f"{ANN},true")
    caller.sync({"email": ANN, FLAG: False}, action="updateOnly")
    caller.clock.advance(11)

    assert flags(caller, ANN) == [True]


def test_two_jobs_are_processed_at_once_in_the_order_they_came(caller: Caller) -> None:
    """The third begins when the first of them ends."""
    batches = [start(caller, HEADER, *ROWS[:length]) for length in (5, 3, 4)]
    seen = []
    for seconds in (10, 3, 2, 2):
        caller.clock.advance(seconds)
        seen.append(states(caller, *batches))

    assert seen == [
        ["Importing", "Importing", "Queued"],
        ["Importing", "Complete", "Importing"],
        ["Complete", "Complete", "Importing"],
        ["Complete", "Complete", "Complete"],
    ]


def test_a_job_begins_the_moment_a_place_is_free(caller: Caller) -> None:
    """However long after that somebody asks."""
    batches = [start(caller, HEADER, *ROWS) for _ in range(6)]

    caller.clock.advance(10 + 3 * 10 - 1)
    before = states(caller, *batches)
    caller.clock.advance(1)

    assert before[-2:] == ["Importing", "Importing"]
    assert states(caller, *batches) == ["Complete"] * 6


def test_ten_jobs_are_taken_and_the_eleventh_is_1016(caller: Caller) -> None:
    """Those being processed counted in; one that ends makes room."""
    for _ in range(10):
        start(caller, HEADER, *ROWS[:1])
    refused = upload(caller, HEADER)
    caller.clock.advance(11)

    assert refused["errors"] == [{"code": "1016", "message": "Too many imports"}]
    assert upload(caller, HEADER)["success"] is True


def test_others_hold_places_too(caller: Caller) -> None:
    """The queue is shared by everybody on the instance."""
    occupy(caller, others_importing=2, others_queued=7)
    batch = start(caller, HEADER, *ROWS)
    refused = upload(caller, HEADER)
    caller.clock.advance(100)
    waiting = states(caller, batch)
    occupy(caller, others_importing=1, others_queued=0)
    caller.clock.advance(1)

    assert code_of(refused) == "1016"
    assert waiting == ["Queued"]
    assert states(caller, batch) == ["Importing"]


def test_the_sizes_of_the_queue_can_be_set() -> None:
    """As those of a smaller instance."""
    caller = Caller(Limits(queued_imports=1, running_imports=1))
    start(caller, HEADER)

    assert code_of(upload(caller, HEADER)) == "1016"


def test_one_list_takes_one_import_at_a_time(caller: Caller) -> None:
    """1019 for the second; another list is free."""
    start(caller, HEADER, *ROWS, query={"listId": "7"})

    second, other = (upload(caller, HEADER, query={"listId": list_id}) for list_id in ("7", "8"))

    assert code_of(second) == "1019"
    assert other["success"] is True


def test_a_stuck_job_never_leaves_queued(caller: Caller) -> None:
    """Others pass it by; when it is let go, it goes on."""
    caller.admin("POST next-imports", {"then": "stick"})
    stuck, behind = start(caller, HEADER, f"{ANN},true"), start(caller, HEADER, f"{BOB},true")
    caller.clock.advance(DAY)
    before = states(caller, stuck, behind)
    caller.admin("POST release-imports")
    caller.clock.advance(1)

    assert before == ["Queued", "Complete"]
    assert states(caller, stuck) == ["Complete"]


def test_a_job_can_fail_as_a_whole(caller: Caller) -> None:
    """It imports nothing, and says so in its message."""
    caller.admin("POST next-imports", {"then": "fail", "times": 2})
    batches = [start(caller, HEADER, f"{ANN},true") for _ in range(3)]
    caller.clock.advance(10)
    importing = states(caller, *batches)
    caller.clock.advance(10)

    assert importing == ["Importing", "Importing", "Queued"]
    assert states(caller, *batches) == ["Failed", "Failed", "Complete"]
    assert status_of(caller, batches[0])["message"] == "Import failed"
    assert status_of(caller, batches[0])["numOfLeadsProcessed"] == 0


def test_a_file_that_breaks_off_in_quotes_fails_as_a_whole(caller: Caller) -> None:
    """And holds up nobody."""
    broken, whole = start(caller, HEADER, f"{ANN},true", f'"{BOB},true'), start(caller, HEADER, f"{CYN},true")
    caller.clock.advance(11)

    assert states(caller, broken, whole) == ["Failed", "Complete"]
    assert flags(caller, ANN) == []


def test_a_job_can_lag(caller: Caller) -> None:
    """It begins that much later, and who came after it waits behind it."""
    caller.admin("POST next-imports", {"then": "lag", "seconds": 100})
    batches = [start(caller, HEADER, f"{email},true") for email in (ANN, BOB)]
    seen = []
    for seconds in (109, 1, 1):
        caller.clock.advance(seconds)
        seen.append(states(caller, *batches))

    assert seen == [["Queued", "Queued"], ["Importing", "Importing"], ["Complete", "Complete"]]


@pytest.mark.parametrize(("seconds", "codes"), [(7 * DAY - 1, []), (7 * DAY, ["610"])])
def test_an_id_is_valid_for_seven_days(caller: Caller, seconds: float, codes: list[str]) -> None:
    """From the upload; then it is as one that never was."""
    batch = run(caller, HEADER, f"{ANN},true")
    caller.clock.advance(seconds - 60)
    caller.token = body_of(caller.ask_token())["access_token"]

    answer = caller.get(f"/bulk/v1/leads/batch/{batch}.json")

    assert [error["code"] for error in answer.get("errors", [])] == codes


@pytest.mark.parametrize("mishap", [{"then": "stick"}, {"then": "lag", "seconds": 8 * DAY}])
def test_a_job_that_expired_in_the_queue_is_never_imported(caller: Caller, mishap: dict[str, object]) -> None:
    """And its place is free."""
    caller.admin("POST next-imports", mishap | {"times": 10})
    for _ in range(10):
        start(caller, HEADER, f"{ANN},true")
    caller.clock.advance(9 * DAY)
    caller.token = body_of(caller.ask_token())["access_token"]
    caller.admin("POST release-imports")

    taken = upload(caller, HEADER)
    caller.clock.advance(100)

    assert taken["success"] is True
    assert flags(caller, ANN) == []


def test_a_reset_forgets_imports(caller: Caller) -> None:
    """And their settings."""
    start(caller, HEADER)

    caller.admin("POST reset")

    assert caller.admin("GET imports")["imports"] == []
    assert caller.admin("GET import-settings")["seconds_to_start"] == 2.0


def test_the_admin_api_tells_what_the_vendor_does_not(caller: Caller) -> None:
    """Which rows made leads and which wrote to one."""
    caller.add_leads({"email": ANN})
    batch = run(caller, HEADER, f"{ANN},true", f"{BOB},true", f"{CYN},maybe")

    [job] = caller.admin("GET imports")["imports"]
    rows = caller.admin("GET import-rows", batch_id=str(batch))["rows"]

    assert {name: job[name] for name in ("status", "rows", "created", "updated", "failed", "warned")} == {
        "status": "Complete",
        "rows": 3,
        "created": 1,
        "updated": 1,
        "failed": 1,
        "warned": 0,
    }
    assert [(row["cells"][0], row["outcome"]) for row in rows] == [
        (ANN, "updated"),
        (BOB, "created"),
        (CYN, "failed"),
    ]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("POST import-settings", {"rows_per_second": 0}),
        ("POST import-settings", {"no": "such"}),
        ("POST next-imports", {"then": "explode"}),
        ("POST next-imports", {"then": "stick", "times": 0}),
        ("GET import-rows", {}),
    ],
)
def test_a_wrong_request_is_told_so(caller: Caller, route: str, body: object) -> None:
    """HTTP 400."""
    method, name = route.split()

    response = caller.sandbox.admin(Request(method, f"/_sandbox/{name}", {}, {}, json.dumps(body).encode()))

    assert response.status == 400
