import pytest

from tests.sandbox.marketo_bulk_support import ANN, BOB, CYN, HEADER, flags, reasons, run, start, states, status_of
from tests.sandbox.marketo_support import FLAG, Caller, done, results_of

PARTITIONS = [
    {"id": 1, "name": "Default"},
    {"id": 2, "name": "EMEA"},
    {"id": 3, "name": "APAC", "accessible": False},
]


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def test_who_is_known_is_updated_and_who_is_not_becomes_a_lead(caller: Caller) -> None:
    """There is no update only by address; which it was is not told."""
    [known] = caller.add_leads({"email": ANN, FLAG: False})

    batch = run(caller, HEADER, f"{ANN.upper()},true", f"{BOB},true")

    assert [lead["id"] for lead in caller.find("email", ANN)] == [known]
    assert flags(caller, ANN) + flags(caller, BOB) == [True, True]
    assert status_of(caller, batch)["numOfLeadsProcessed"] == 2


def test_by_id_leads_are_only_updated(caller: Caller) -> None:
    """An id that is none fails."""
    [known] = caller.add_leads({"email": ANN})

    batch = run(caller, f"id,{FLAG}", f"{known},true", f"{known + 1},true", "x,true", query={"lookupField": "id"})

    assert flags(caller, ANN) == [True]
    assert reasons(caller, batch) == [None, "Lead not found", "Invalid data type in field Id"]
    assert len(caller.sandbox.instance.leads) == 1


def test_by_id_an_address_can_be_changed(caller: Caller) -> None:
    """It is a value like others then."""
    [known] = caller.add_leads({"email": ANN})

    run(caller, "id,email", f"{known},{BOB}", query={"lookupField": "id"})

    assert [lead["id"] for lead in caller.find("email", BOB)] == [known]
    assert caller.find("email", ANN) == []


def test_another_string_field_may_be_the_key(caller: Caller) -> None:
    """In any case; who has it not becomes a lead."""
    caller.add_field("crmKey", "CRM Key", "string")
    caller.add_leads({"email": ANN, "crmKey": "k1"})

    run(caller, f"crmKey,email,{FLAG}", f"K1,{ANN},true", f"k2,{BOB},true", query={"lookupField": "crmKey"})

    assert flags(caller, ANN) + flags(caller, BOB) == [True, True]


@pytest.mark.parametrize(("text", "value"), [("true", True), ("TRUE", True), ("False", False), ("", None)])
def test_booleans_are_true_and_false_in_any_case(caller: Caller, text: str, value: object) -> None:
    """An empty cell is null, also where there was a value."""
    caller.add_leads({"email": ANN, FLAG: True})

    run(caller, f"{FLAG},email", f"{text},{ANN}")

    assert flags(caller, ANN) == [value]


@pytest.mark.parametrize("text", ["1", "0", "yes", "no", "t", " true", "null"])
def test_no_other_boolean_is_taken(caller: Caller, text: str) -> None:
    """The row fails, and names the field as people see it."""
    caller.add_leads({"email": ANN, FLAG: False})

    batch = run(caller, HEADER, f"{ANN},{text}")

    assert reasons(caller, batch) == ["Invalid data type in field Mixpanel Trial Users"]
    assert flags(caller, ANN) == [False]


@pytest.mark.parametrize(
    ("name", "display_name", "good", "bad"),
    [
        ("leadScore", "Person Score", "-7", "TEXT_VALUE_IN_INTEGER_FIELD"),
        ("numberOfEmployees", "Num Employees", "12", "1.5"),
        ("annualRevenue", "Annual Revenue", "10.5", "nan"),
        ("dateOfBirth", "Date of Birth", "2000-01-31", "31.1.2000"),
        ("firstName", "First Name", "x" * 255, "x" * 256),
    ],
)
def test_cells_must_fit_their_fields(caller: Caller, name: str, display_name: str, good: str, bad: str) -> None:
    """The reason is the one of the vendor's example."""
    batch = run(caller, f"email,{name}", f"{ANN},{good}", f"{BOB},{bad}")

    assert reasons(caller, batch) == [None, f"Invalid data type in field {display_name}"]


def test_an_address_that_is_none_is_a_warning_and_the_row_is_imported(caller: Caller) -> None:
    """As it stands."""
    batch = run(caller, HEADER, "INVALID_EMAIL,true")

    assert flags(caller, "INVALID_EMAIL") == [True]
    assert status_of(caller, batch) | {"batchId": 0, "importId": ""} == {
        "batchId": 0,
        "importId": "",
        "status": "Complete",
        "numOfLeadsProcessed": 1,
        "numOfRowsFailed": 0,
        "numOfRowsWithWarning": 1,
        "message": "Import succeeded, 1 records imported (1 members), 1 warning.",
    }


def test_failed_rows_leave_the_job_complete(caller: Caller) -> None:
    """Processed are those that were imported; the message counts both."""
    batch = run(caller, HEADER, f"{ANN},true", f"{BOB},maybe", f"{CYN},true")

    assert status_of(caller, batch) | {"batchId": 0, "importId": ""} == {
        "batchId": 0,
        "importId": "",
        "status": "Complete",
        "numOfLeadsProcessed": 2,
        "numOfRowsFailed": 1,
        "numOfRowsWithWarning": 0,
        "message": "Import completed with errors, 2 records imported (2 members), 1 failed",
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",true", "Value for lookup field 'email' not found"),
        (ANN, "Invalid number of columns"),
        (f"{ANN},true,", "Invalid number of columns"),
    ],
)
def test_a_row_that_makes_no_sense_fails_alone(caller: Caller, row: str, reason: str) -> None:
    """The others are imported."""
    batch = run(caller, HEADER, row, f"{BOB},true")

    assert reasons(caller, batch) == [reason, None]


def test_quoted_cells_and_empty_lines_are_understood(caller: Caller) -> None:
    """As RFC 4180 has it."""
    batch = run(caller, f'"email","firstName",{FLAG}', f'"{ANN}","says ""hi"",\r\nand goes","true"', "", "")

    [lead] = caller.admin("GET leads", email=ANN)["leads"]
    assert (lead["firstName"], lead[FLAG]) == ('says "hi",\r\nand goes', True)
    assert reasons(caller, batch) == [None]


def test_a_row_that_matches_several_leads_fails(caller: Caller) -> None:
    """By default, for what the vendor does is not documented."""
    caller.add_leads({"email": ANN}, {"email": ANN})

    batch = run(caller, HEADER, f"{ANN},true")

    assert reasons(caller, batch) == ["Multiple lead match lookup criteria"]
    assert flags(caller, ANN) == [None, None]


def test_a_row_that_matches_several_leads_can_be_had_to_update_one(caller: Caller) -> None:
    """The one that was updated last; nothing tells that there are others."""
    first, _ = caller.add_leads({"email": ANN}, {"email": ANN})
    caller.clock.advance(1)
    caller.admin("PATCH leads", {"ids": [first], "values": {"firstName": "Ann"}})
    caller.admin("POST import-settings", {"several_matches": "update_one"})

    batch = run(caller, HEADER, f"{ANN},true")

    assert flags(caller, ANN) == [True, None]
    assert reasons(caller, batch) == [None]


def test_two_jobs_that_overlap_make_two_leads_of_a_new_address(caller: Caller) -> None:
    """Each has looked before the other has written."""
    for _ in range(2):
        start(caller, HEADER, f"{ANN},true")
    caller.clock.advance(60)

    assert flags(caller, ANN) == [True, True]


def test_jobs_one_after_the_other_make_one_lead(caller: Caller) -> None:
    """The second begins when the first has ended."""
    caller.admin("POST limits", {"running_imports": 1})
    for _ in range(2):
        start(caller, HEADER, f"{ANN},true")
    caller.clock.advance(60)

    assert flags(caller, ANN) == [True]


def test_a_job_and_a_sync_that_overlap_make_two_leads_of_a_new_address(caller: Caller) -> None:
    """The sync comes between the job's looking and its writing."""
    caller.admin("POST import-settings", {"seconds_to_start": 0, "rows_per_second": 1})
    batch = start(caller, HEADER, f"{ANN},true")
    caller.clock.advance(0.5)
    importing = states(caller, batch)
    [result] = caller.sync({"email": ANN})
    caller.clock.advance(1)

    assert importing == ["Importing"]
    assert result["status"] == "created"
    assert flags(caller, ANN) == [None, True]


def test_a_slow_sync_does_not_see_what_a_job_wrote_meanwhile(caller: Caller) -> None:
    """The other way round."""
    start(caller, HEADER, f"{ANN},true")
    step = caller.begin_sync({"email": ANN})
    caller.clock.advance(60)

    [result] = results_of(done(step))

    assert result["status"] == "created"
    assert flags(caller, ANN) == [True, None]


def test_one_address_twice_in_a_file_makes_two_leads(caller: Caller) -> None:
    """What the real one does is not known; the exporter must not try it."""
    run(caller, HEADER, f"{ANN},true", f"{ANN},false")

    assert flags(caller, ANN) == [True, False]


def test_a_lead_deleted_while_its_file_is_imported_is_made_anew(caller: Caller) -> None:
    """It is insert or update."""
    caller.admin("POST import-settings", {"seconds_to_start": 0, "rows_per_second": 1})
    [known] = caller.add_leads({"email": ANN})
    start(caller, HEADER, f"{ANN},true")
    caller.admin("DELETE leads", {"ids": [known]})
    caller.clock.advance(1)

    [lead] = caller.find("email", ANN)
    assert lead["id"] > known


def test_new_leads_go_to_the_partition_that_is_named(caller: Caller) -> None:
    """Or to the default one."""
    caller.admin("POST partitions", {"partitions": PARTITIONS})

    run(caller, HEADER, f"{ANN},true", query={"partitionName": "EMEA"})
    run(caller, HEADER, f"{BOB},true")

    leads = caller.admin("GET leads")["leads"]
    assert [lead["partition"] for lead in leads] == ["EMEA", "Default"]


def test_a_lead_of_another_partition_fails_its_row(caller: Caller) -> None:
    """One that is not to be seen does in any case; one that is, where another is named."""
    caller.admin("POST partitions", {"partitions": PARTITIONS})
    for email, partition in ((ANN, "Default"), (BOB, "EMEA"), (CYN, "APAC")):
        caller.admin("POST leads", {"leads": [{"email": email}], "partition": partition})

    named = run(caller, HEADER, f"{ANN},true", f"{BOB},true", f"{CYN},true", query={"partitionName": "EMEA"})
    unnamed = run(caller, HEADER, f"{ANN},true", f"{BOB},true", f"{CYN},true")

    assert reasons(caller, named) == ["Partition update not allowed", None, "Access denied to partition 'APAC'"]
    assert reasons(caller, unnamed) == [None, None, "Access denied to partition 'APAC'"]


def test_by_id_a_partition_that_is_named_does_not_matter(caller: Caller) -> None:
    """It is an update, whose leads stay where they are."""
    caller.admin("POST partitions", {"partitions": PARTITIONS})
    [known] = caller.add_leads({"email": ANN})

    run(caller, f"id,{FLAG}", f"{known},true", query={"lookupField": "id", "partitionName": "EMEA"})

    [lead] = caller.admin("GET leads")["leads"]
    assert (lead["partition"], lead[FLAG]) == ("Default", True)


def test_new_leads_fail_where_the_default_partition_is_out_of_reach(caller: Caller) -> None:
    """Known ones of a partition in reach do not."""
    caller.admin("POST partitions", {"partitions": [PARTITIONS[2], PARTITIONS[1]]})
    caller.admin("POST leads", {"leads": [{"email": BOB}], "partition": "EMEA"})

    batch = run(caller, HEADER, f"{ANN},true", f"{BOB},true")

    assert reasons(caller, batch) == ["Partition name must be specified", None]


def test_50000_rows_are_no_burden(caller: Caller) -> None:
    """Leads are found by index, by whatever field; a row costs what a row costs."""
    caller.add_field("crmKey", "CRM Key", "string")
    rows = [f"k{number},u{number}@example.com,true" for number in range(50_000)]

    for _ in range(2):
        batch = run(caller, f"crmKey,email,{FLAG}", *rows, query={"lookupField": "crmKey"})

    assert len(caller.sandbox.instance.leads) == 50_000
    assert status_of(caller, batch)["numOfLeadsProcessed"] == 50_000
