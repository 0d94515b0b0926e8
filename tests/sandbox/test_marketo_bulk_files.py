import csv
import io

import pytest

from tests.sandbox.marketo_bulk_support import ANN, BOB, CYN, HEADER, file_of, run, start
from tests.sandbox.marketo_support import FLAG, Caller, body_of, code_of

REASON = "Invalid data type in field Mixpanel Trial Users"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def test_failures_are_a_csv_file_of_the_failed_rows(caller: Caller) -> None:
    """With one more column, whatever the path's `.json` says."""
    batch = run(caller, HEADER, f"{ANN},true", f"{BOB},maybe")

    response = file_of(caller, batch)

    assert response.status == 200
    assert response.headers["content-type"] == "text/csv;charset=UTF-8"
    assert response.body.decode() == f"{HEADER},Import Failure Reason\n{BOB},maybe,{REASON}\n"


def test_warnings_are_a_file_of_their_own(caller: Caller) -> None:
    """They are no failures."""
    batch = run(caller, HEADER, f"{ANN},true", "INVALID_EMAIL,true")

    warnings, failures = (file_of(caller, batch, name) for name in ("warnings", "failures"))

    assert warnings.headers["content-type"] == "text/csv;charset=UTF-8"
    assert warnings.body.decode() == f"{HEADER},Import Warning Reason\nINVALID_EMAIL,true,Invalid email address\n"
    assert failures.status == 404


@pytest.mark.parametrize("name", ["failures", "warnings"])
def test_there_is_no_file_where_nothing_went_wrong(caller: Caller, name: str) -> None:
    """404, in plain text."""
    response = file_of(caller, run(caller, HEADER, f"{ANN},true"), name)

    assert response.status == 404
    assert response.headers["content-type"] == "text/plain"


def test_there_is_no_file_before_the_job_is_complete(caller: Caller) -> None:
    """However many rows have failed already."""
    caller.admin("POST import-settings", {"seconds_to_start": 0, "rows_per_second": 1})
    batch = start(caller, HEADER, f"{ANN},maybe", f"{BOB},maybe")
    caller.clock.advance(1)
    early = file_of(caller, batch)
    caller.clock.advance(1)

    assert early.status == 404
    assert file_of(caller, batch).status == 200


def test_a_job_that_failed_as_a_whole_has_no_file(caller: Caller) -> None:
    """Which rows there were is for the client to know."""
    caller.admin("POST next-imports", {"then": "fail"})

    assert file_of(caller, run(caller, HEADER, f"{ANN},maybe")).status == 404


@pytest.mark.parametrize(("kind", "separator"), [("tsv", "\t"), ("ssv", ";")])
def test_the_file_is_separated_as_the_upload_was(caller: Caller, kind: str, separator: str) -> None:
    """It is called CSV all the same."""
    batch = run(caller, f"email{separator}{FLAG}", f"{ANN}{separator}maybe", query={"format": kind})

    response = file_of(caller, batch)

    assert response.headers["content-type"] == "text/csv;charset=UTF-8"
    assert response.body.decode().splitlines()[1] == separator.join([ANN, "maybe", REASON])


def test_rows_come_in_no_particular_order(caller: Caller) -> None:
    """But in the same one each time."""
    emails = [f"person{number}@example.com" for number in range(50)]
    batch = run(caller, HEADER, *(f"{email},maybe" for email in emails))

    first, second = (file_of(caller, batch).body.decode() for _ in range(2))

    found = [row[0] for row in csv.reader(io.StringIO(first))][1:]
    assert sorted(found) == sorted(emails)
    assert found != emails
    assert first == second


def test_cells_are_quoted_where_they_must_be(caller: Caller) -> None:
    """A client that splits at commas is wrong."""
    batch = run(caller, f"firstName,email,{FLAG}", f'"Müller, ""Ann""\nMaria",{ANN},maybe')

    rows = list(csv.reader(io.StringIO(file_of(caller, batch).body.decode(), newline="")))

    assert rows[1] == ['Müller, "Ann"\nMaria', ANN, "maybe", REASON]


def test_an_empty_last_column_is_left_out(caller: Caller) -> None:
    """Heading and all, where it is empty in every row of the file."""
    batch = run(caller, f"firstName,{FLAG},email", "Ann,true,", f"Bob,true,{BOB}", "Cyn,true,")

    lines = file_of(caller, batch).body.decode().splitlines()

    assert lines[0] == f"firstName,{FLAG},Import Failure Reason"
    assert sorted(lines[1:]) == [
        "Ann,true,Value for lookup field 'email' not found",
        "Cyn,true,Value for lookup field 'email' not found",
    ]


def test_a_last_column_that_is_not_empty_everywhere_stays(caller: Caller) -> None:
    """And so does an empty one that is not the last."""
    batch = run(caller, f"firstName,lastName,{FLAG},email", "Ann,,true,", f"Bob,,maybe,{BOB}")

    lines = file_of(caller, batch).body.decode().splitlines()

    assert lines[0] == f"firstName,lastName,{FLAG},email,Import Failure Reason"


def test_a_row_with_too_few_cells_is_filled_up(caller: Caller) -> None:
    """So that its reason stands in the last column."""
    batch = run(caller, f"email,firstName,{FLAG}", ANN, f"{CYN},Cyn,maybe")

    rows = list(csv.DictReader(io.StringIO(file_of(caller, batch).body.decode())))

    assert {row["email"]: row["Import Failure Reason"] for row in rows} == {
        ANN: "Invalid number of columns",
        CYN: REASON,
    }


def test_an_unknown_id_is_answered_in_json(caller: Caller) -> None:
    """610; so the client must look at the content type."""
    response = file_of(caller, 1)

    assert response.headers["content-type"].startswith("application/json")
    assert code_of(body_of(response)) == "610"
