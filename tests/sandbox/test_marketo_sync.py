import pytest

from include.sandbox.marketo_limits import Limits
from tests.sandbox.marketo_support import FLAG, LEADS, Caller, code_of, done, reason_of, results_of

ANN = "ann@example.com"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def test_results_come_in_the_order_of_the_input(caller: Caller) -> None:
    """Created, updated and skipped ones alike; only the latter have reasons, and no id."""
    [known] = caller.add_leads({"email": ANN})

    results = caller.sync({"email": "new@example.com"}, {"email": ANN, FLAG: True}, {"email": "bad"})

    assert [result["status"] for result in results] == ["created", "updated", "skipped"]
    assert results[1]["id"] == known
    assert set(results[2]) == {"status", "reasons"}


def test_addresses_match_in_any_case(caller: Caller) -> None:
    """A lead is found however its address is written, and keeps the form last sent."""
    [known] = caller.add_leads({"email": "Ann@Example.com"})

    [result] = caller.sync({"email": ANN, FLAG: True})

    assert result == {"id": known, "status": "updated"}
    assert caller.find("email", "ANN@EXAMPLE.COM")[0]["email"] == ANN


def test_create_only_skips_who_is_there(caller: Caller) -> None:
    """1005."""
    caller.add_leads({"email": ANN})

    results = caller.sync({"email": ANN}, {"email": "new@example.com"}, action="createOnly")

    assert reason_of(results[0]) == "1005"
    assert results[1]["status"] == "created"


def test_update_only_skips_who_is_not_there(caller: Caller) -> None:
    """1004, and no lead is made."""
    [result] = caller.sync({"email": ANN, FLAG: False}, action="updateOnly")

    assert reason_of(result) == "1004"
    assert caller.find("email", ANN) == []


def test_create_duplicate_looks_nothing_up(caller: Caller) -> None:
    """A second lead of the same address."""
    caller.add_leads({"email": ANN})

    [result] = caller.sync({"email": ANN}, action="createDuplicate")

    assert result["status"] == "created"
    assert len(caller.find("email", ANN)) == 2


@pytest.mark.parametrize("action", ["createOrUpdate", "updateOnly"])
def test_several_matches_are_1007_and_none_is_written(caller: Caller, action: str) -> None:
    """In the wording of the real instances, which differs from the documentation's."""
    caller.add_leads({"email": ANN}, {"email": ANN.upper()})

    [result] = caller.sync({"email": ANN, FLAG: True}, action=action)

    assert result["reasons"] == [{"code": "1007", "message": "Multiple lead match lookup criteria"}]
    assert [lead[FLAG] for lead in caller.find("email", ANN, fields=FLAG)] == [False, False]


def test_leads_are_updated_by_id(caller: Caller) -> None:
    """The way to reach duplicates; an address sent along is the lead's new one."""
    ids = caller.add_leads({"email": ANN}, {"email": ANN})

    results = caller.sync(
        {"id": ids[0], FLAG: True},
        {"id": ids[1], "email": "other@example.com"},
        {"id": 1, FLAG: True},
        action="updateOnly",
        lookupField="id",
    )

    assert [result.get("id") for result in results] == [*ids, None]
    assert reason_of(results[2]) == "1004"
    assert [lead["email"] for lead in caller.find("id", *ids)] == [ANN, "other@example.com"]


def test_ids_are_for_update_only(caller: Caller) -> None:
    """1003 with any other action."""
    [known] = caller.add_leads({"email": ANN})

    [result] = caller.sync({"id": known, FLAG: True}, lookupField="id")

    assert reason_of(result) == "1003"


@pytest.mark.parametrize("value", ["other", "true", 1, 0, "1"])
def test_a_boolean_field_takes_nothing_but_booleans(caller: Caller, value: object) -> None:
    """1003 in the recorded wording; whether Marketo takes "true" or 1 is not known, so we do not."""
    [result] = caller.sync({"email": ANN, FLAG: value})

    message = f"Invalid value for field '{FLAG}' and value '{value}'"
    assert result["reasons"] == [{"code": "1003", "message": message}]
    assert caller.find("email", ANN) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("email", "bademail"),
        ("numberOfEmployees", 14.1),
        ("numberOfEmployees", True),
        ("dateOfBirth", "yesterday"),
        ("firstName", "x" * 256),
        ("firstName", 5),
        ("createdAt", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_value_of_the_wrong_type_is_1003(caller: Caller, name: str, value: object) -> None:
    """So is one for a field that is not updateable."""
    [result] = caller.sync({"email": ANN, name: value})

    assert reason_of(result) == "1003"


@pytest.mark.parametrize("email", ["müller@example.com", "ann@exämple.com"])
def test_an_address_that_is_not_ascii_is_refused(caller: Caller, email: str) -> None:
    """As the vendor says of creating and updating addresses."""
    [result] = caller.sync({"email": email})

    assert reason_of(result) == "1003"


@pytest.mark.parametrize("name", ["noSuchField", FLAG.upper(), "Mixpanel Trial Users", "AnonymousIP"])
def test_a_field_that_is_not_there_is_1006(caller: Caller, name: str) -> None:
    """Neither another case, nor the display name, nor a SOAP name will do."""
    [result] = caller.sync({"email": ANN, name: True})

    assert reason_of(result) == "1006"


def test_a_record_without_its_key_is_skipped(caller: Caller) -> None:
    """1002, for a blank one too."""
    results = caller.sync({FLAG: True}, {"email": ""}, {"email": None})

    assert [reason_of(result) for result in results] == ["1002"] * 3


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_the_empty_string_are_stored_as_null(caller: Caller, empty: object) -> None:
    """So they do not clear a Boolean: it is neither true nor false."""
    caller.sync({"email": ANN, FLAG: True})

    caller.sync({"email": ANN, FLAG: empty})

    assert caller.find("email", ANN, fields=FLAG)[0][FLAG] is None


def test_two_upserts_at_once_make_two_leads(caller: Caller) -> None:
    """Both looked before either had written: the race that the vendor warns of."""
    first, second = caller.begin_sync({"email": ANN}), caller.begin_sync({"email": ANN})

    statuses = [results_of(done(step))[0]["status"] for step in (first, second)]

    assert statuses == ["created", "created"]
    assert len(caller.find("email", ANN)) == 2


def test_two_upserts_one_after_the_other_make_one_lead(caller: Caller) -> None:
    """Who waits for the answer is safe."""
    first, second = caller.sync({"email": ANN}), caller.sync({"email": ANN})

    assert [first[0]["status"], second[0]["status"]] == ["created", "updated"]


def test_two_create_only_at_once_make_one_lead(caller: Caller) -> None:
    """The vendor names it as a way out of the race."""
    steps = [caller.begin_sync({"email": ANN}, action="createOnly") for _ in range(2)]

    results = [results_of(done(step))[0] for step in steps]

    assert results[0]["status"] == "created"
    assert reason_of(results[1]) == "1005"


def test_one_address_twice_in_a_request_makes_two_leads(caller: Caller) -> None:
    """What the real one does is not known; the exporter must not try it."""
    results = caller.sync({"email": ANN}, {"email": ANN})

    assert [result["status"] for result in results] == ["created", "created"]


def test_a_lead_deleted_while_it_is_updated_is_not_found(caller: Caller) -> None:
    """It is not made anew."""
    [known] = caller.add_leads({"email": ANN})
    step = caller.begin_sync({"email": ANN, FLAG: True})
    caller.admin("DELETE leads", {"ids": [known]})

    [result] = results_of(done(step))

    assert reason_of(result) == "1004"


def test_another_string_field_may_be_the_key(caller: Caller) -> None:
    """Any custom field of type string, e-mail or integer."""
    caller.add_field("crmKey", "CRM Key", "string")
    [known] = caller.add_leads({"email": ANN, "crmKey": "k1"})

    [result] = caller.sync({"crmKey": "k1", FLAG: True}, lookupField="crmKey")

    assert result == {"id": known, "status": "updated"}


def test_300_records_are_taken_and_301_are_not(caller: Caller) -> None:
    """As a whole: nothing of such a request is done."""
    records = [{"email": f"u{number}@example.com"} for number in range(301)]

    refused = caller.post(LEADS, {"input": records})
    results = caller.sync(*records[:300])

    assert code_of(refused) == "1003"
    assert {result["status"] for result in results} == {"created"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "609"),
        ({}, "701"),
        ({"input": []}, "701"),
        ({"input": [{"email": ANN}], "action": "upsert"}, "1003"),
        ({"input": [{"email": ANN}], "lookupfield": "email"}, "1003"),
        ({"input": [{"email": [ANN]}]}, "1003"),
        ({"input": [{"email": ANN}], "lookupField": "userId"}, "1006"),
        ({"input": [{"email": ANN}], "lookupField": "firstName"}, "1011"),
        ({"input": [{"email": ANN}], "lookupField": FLAG}, "1011"),
        ({"input": [{"email": ANN}], "asyncProcessing": True}, "703"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_as_a_whole(caller: Caller, body: object, code: str) -> None:
    """And nothing of it is done."""
    assert code_of(caller.post(LEADS, body)) == code
    assert len(caller.sandbox.instance.leads) == 0


def test_50000_leads_are_no_burden() -> None:
    """An upsert finds its leads by index, not by looking through all."""
    caller = Caller(Limits(calls_per_window=1_000))
    records = [{"email": f"u{number}@example.com", FLAG: True} for number in range(50_000)]

    for start in range(0, len(records), 300):
        caller.sync(*records[start : start + 300])

    assert len(caller.sandbox.instance.leads) == 50_000
    assert caller.sync({"email": "U49999@example.com"})[0]["status"] == "updated"
