import json

from include.demo.sandbox import Lead, LoggedCall
from include.distributed.flights import judge_flights, writes_of

ANN, BOB = "ann@example.com", "Bob@example.com"
LEADS = [Lead(1, ANN, {}), Lead(2, "bob@example.com", {}), Lead(3, "bob@example.com", {})]


def write(
    number: int, arrived: int, *rows: dict[str, object], field: str = "flagA", action: str = "updateOnly"
) -> LoggedCall:
    """Return a request that sets a field for rows that name whose."""
    body = json.dumps({"action": action, "input": [{**row, field: True} for row in rows]})
    return LoggedCall(number, "POST", "/rest/v1/leads.json", {}, body, arrived)


def test_requests_one_after_the_other_are_right() -> None:
    """The second came when the first had been dealt with."""
    calls = [write(0, 0, {"email": ANN}), write(1, 1, {"email": ANN})]

    assert judge_flights(calls, LEADS) == []


def test_one_person_in_two_requests_at_once_is_a_fault() -> None:
    """Whether by address, in any case, or by the id of any of his leads."""
    calls = [write(0, 0, {"email": BOB}), write(1, 0, {"id": 3})]

    assert judge_flights(calls, LEADS) == ["1 pairs of requests set one person's field at once."]


def test_other_people_or_another_field_may_be_set_at_once() -> None:
    """What must not meet is one person's one field."""
    calls = [write(0, 0, {"email": ANN}), write(1, 0, {"id": 2}), write(2, 0, {"email": ANN}, field="flagB")]

    assert judge_flights(calls, LEADS) == []


def test_two_exports_that_may_create_at_once_are_a_fault() -> None:
    """Of one export any number may; another person does not help, since who is new is not known."""
    first = [write(number, 0, {"email": who}, action="createOrUpdate") for number, who in ((0, ANN), (1, BOB))]
    other = write(2, 1, {"email": "cleo@example.com"}, field="flagB", action="createOrUpdate")

    assert judge_flights(first, LEADS) == []
    assert judge_flights([*first, other], LEADS) == [
        "1 pairs of requests of two exports could create leads at once."
    ]


def test_an_address_twice_in_a_request_is_a_fault() -> None:
    """Two leads of one person are not: each has its id."""
    assert judge_flights([write(0, 0, {"id": 2}, {"id": 3})], LEADS) == []
    assert judge_flights([write(0, 0, {"email": ANN}, {"email": ANN.upper()})], LEADS) == [
        "1 requests hold an address or an id twice."
    ]


def test_only_writes_count() -> None:
    """What asks for leads is no write."""
    asked = LoggedCall(1, "POST", "/rest/v1/leads.json", {"_method": "GET"}, "filterType=email", 0)

    assert judge_flights([write(0, 0, {"email": ANN}), asked], LEADS) == []
    assert writes_of("flagA", [write(0, 0, {"email": ANN}), asked]) == 1
    assert writes_of("flagB", [write(0, 0, {"email": ANN}), asked]) == 0
