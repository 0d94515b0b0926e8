import pytest

from include.sandbox.marketo_limits import Limits
from tests.sandbox.marketo_bulk_support import (
    ANN,
    BOUNDARY,
    HEADER,
    IMPORT,
    batch_of,
    flags,
    form_of,
    run,
    send,
    start,
    upload,
)
from tests.sandbox.marketo_support import FLAG, JSON, Caller, body_of, code_of, done

FILE = f"{HEADER}\r\n{ANN},true\r\n".encode()
FORM_DATA = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def test_an_upload_is_answered_as_the_vendors_page_shows(caller: Caller) -> None:
    """A batch id as a number and as text, and a job that waits."""
    answer = upload(caller, HEADER, f"{ANN},true")

    batch = batch_of(answer)
    assert answer["result"] == [{"batchId": batch, "importId": str(batch), "status": "Queued"}]


def test_batch_ids_rise_and_repeat_with_the_seed(caller: Caller) -> None:
    """So that runs of a demo are alike."""
    ids = [[start(one, HEADER) for _ in range(2)] for one in (caller, Caller())]

    assert ids[0] == ids[1]
    assert ids[0][0] < ids[0][1]


def test_parameters_may_be_fields_of_the_form(caller: Caller) -> None:
    """As the vendor's example has them; the token among them is passed over."""
    answer = send(caller, form_of(FILE, {"format": "csv", "lookupField": "email", "access_token": "nonsense"}))
    caller.clock.advance(60)

    assert batch_of(answer)
    assert flags(caller, ANN) == [True]


@pytest.mark.parametrize(("kind", "separator"), [("csv", ","), ("tsv", "\t"), ("ssv", ";"), ("CSV", ",")])
def test_a_file_is_separated_as_its_format_says(caller: Caller, kind: str, separator: str) -> None:
    """By comma, tab or semicolon."""
    run(caller, f"email{separator}{FLAG}", f"{ANN}{separator}true", query={"format": kind})

    assert flags(caller, ANN) == [True]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"format": ""}, "701"),
        ({"format": "xlsx"}, "1003"),
        ({"lookupField": "userId"}, "1006"),
        ({"lookupField": "firstName"}, "1011"),
        ({"lookupField": "leadPartitionId"}, "1011"),
        ({"lookupField": FLAG}, "1011"),
        ({"lookupfield": "id"}, "1003"),
        ({"partitionName": "Nowhere"}, "1008"),
        ({"listId": "my list"}, "1003"),
    ],
)
def test_wrong_parameters_are_refused(caller: Caller, query: dict[str, str], code: str) -> None:
    """No job is made."""
    assert code_of(upload(caller, HEADER, f"{ANN},true", query=query)) == code
    assert caller.admin("GET imports")["imports"] == []


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (f"email,{FLAG.upper()}", "1006"),
        ("email,Mixpanel Trial Users", "1006"),
        (f"email, {FLAG}", "1006"),
        (f"\ufeffemail,{FLAG}", "1006"),
        (f"email;{FLAG}", "1006"),
        (f"email,{FLAG},{FLAG}", "1003"),
        (f"email,id,{FLAG}", "1003"),
        (f"email,createdAt,{FLAG}", "1003"),
        (FLAG, "1002"),
        ("", "1003"),
        ('"email', "1003"),
    ],
)
def test_a_wrong_header_is_refused_by_the_upload(caller: Caller, header: str, code: str) -> None:
    """Display names, read-only fields, a byte order mark, and a file without the lookup field."""
    answer = upload(caller, header)

    assert code_of(answer) == code
    assert caller.admin("GET imports")["imports"] == []


def test_a_file_that_is_not_utf8_is_refused(caller: Caller) -> None:
    """1003."""
    assert code_of(send(caller, form_of(FILE + b"\xff"), query={"format": "csv"})) == "1003"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "613"),
        (FILE, "613"),
        (form_of(FILE)[:-6], "613"),
        (form_of(FILE)[:-40], "613"),
        (form_of(FILE).replace(b'name="file"; ', b""), "613"),
        (form_of(FILE)[: -len(BOUNDARY) - 6] + form_of(FILE), "613"),
        (form_of(None, {"format": "csv"}), "701"),
        (form_of(None, {"file": "email"}), "701"),
    ],
    ids=["empty", "no form", "cut", "cut in the file", "nameless", "two files", "no file", "file as a field"],
)
def test_a_form_without_one_whole_file_is_refused(caller: Caller, body: bytes, code: str) -> None:
    """613 where it is broken."""
    query = {} if b'name="format"' in body else {"format": "csv"}

    assert code_of(send(caller, body, query=query)) == code


def test_a_form_may_end_with_its_last_boundary(caller: Caller) -> None:
    """No line break need follow."""
    assert batch_of(send(caller, form_of(FILE)[:-2], query={"format": "csv"}))


@pytest.mark.parametrize(("content_type", "code"), [(JSON, "612"), ("", "612"), ("multipart/form-data", "613")])
def test_a_form_must_be_said_to_be_one(caller: Caller, content_type: str, code: str) -> None:
    """With its boundary."""
    step = caller.begin("POST", IMPORT, form_of(FILE), content_type=content_type, query={"format": "csv"})

    assert code_of(body_of(done(step))) == code


def test_a_body_over_10_mib_is_http_413(caller: Caller) -> None:
    """All else of the form counted in; one byte less is taken."""
    limit = 10 * 1024 * 1024
    padding = limit - len(form_of(FILE))

    taken = send(caller, form_of(FILE + b"\n" * padding), query={"format": "csv"})
    refused = done(caller.begin("POST", IMPORT, form_of(FILE + b"\n" * (padding + 1)), content_type=FORM_DATA))

    assert batch_of(taken)
    assert refused.status == 413


def test_the_size_limit_can_be_set(caller: Caller) -> None:
    """And is that of the upload alone."""
    caller.admin("POST limits", {"max_import_bytes": 100})

    step = caller.begin("POST", IMPORT, form_of(FILE), content_type=FORM_DATA, query={"format": "csv"})

    assert done(step).status == 413


@pytest.mark.parametrize(
    ("permissions", "code"), [(["Read-Write Lead"], "610"), (["Read-Only Lead"], "603"), ([], "603")]
)
def test_all_of_it_needs_read_write_lead(caller: Caller, permissions: list[str], code: str) -> None:
    """Also to look at what became of it."""
    batch = start(caller, HEADER)
    caller.admin("POST permissions", {"permissions": permissions})

    answers = [
        caller.get(f"/bulk/v1/leads/batch/{batch + 1}{name}.json") for name in ("", "/failures", "/warnings")
    ]

    assert {code_of(answer) for answer in answers} == {code}
    assert upload(caller, HEADER)["success"] is (code == "610")


def test_every_call_costs_one_of_the_quota(caller: Caller) -> None:
    """Upload, status, failures and warnings, refused ones too."""
    batch = start(caller, HEADER)
    upload(caller, "nonsense")
    for name in ("", "/failures", "/warnings"):
        done(caller.begin("GET", f"/bulk/v1/leads/batch/{batch}{name}.json"))

    assert caller.used() == 5


def test_the_rate_is_shared_with_all_other_calls() -> None:
    """606 comes as JSON from the file endpoints too."""
    caller = Caller(Limits(calls_per_window=1))
    batch = start(caller, HEADER)

    response = done(caller.begin("GET", f"/bulk/v1/leads/batch/{batch}/failures.json"))

    assert response.headers["content-type"].startswith("application/json")
    assert code_of(body_of(response)) == "606"


def test_a_token_that_has_expired_is_602_everywhere(caller: Caller) -> None:
    """And nothing is queued."""
    caller.admin("POST token", {"now": "expired"})

    answers = [upload(caller, HEADER), caller.get("/bulk/v1/leads/batch/1/failures.json")]

    assert {code_of(answer) for answer in answers} == {"602"}
    assert caller.admin("GET imports")["imports"] == []


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", IMPORT, "605"),
        ("POST", "/bulk/v1/leads/batch/1.json", "605"),
        ("GET", "/bulk/v1/leads/batch/one.json", "610"),
        ("GET", f"/bulk/v1/leads/batch/{'9' * 5000}.json", "610"),
        ("POST", "/rest/bulk/v1/leads.json", "610"),
        ("POST", "/bulk/v1/leads.json/", "610"),
    ],
)
def test_other_methods_and_paths_are_refused(caller: Caller, method: str, path: str, code: str) -> None:
    """Bulk paths do not hang off /rest."""
    assert code_of(body_of(done(caller.begin(method, path, form_of(FILE), content_type=FORM_DATA)))) == code


def test_the_job_is_made_when_the_answer_is_due(caller: Caller) -> None:
    """A connection that breaks before has no effect."""
    step = caller.begin("POST", IMPORT, form_of(FILE), content_type=FORM_DATA, query={"format": "csv"})
    before = caller.admin("GET imports")["imports"]
    done(step)

    assert before == []
    assert len(caller.admin("GET imports")["imports"]) == 1
