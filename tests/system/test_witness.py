"""The system tests' own judge: what it must see, and what it must let pass."""

import json

from include.demo.sandbox import Lead, LoggedCall
from tests.system.witness import judge_leads, judge_writes, writes_of

FIELD = "flag"
ANN, BOB = "ann@example.com", "bob@example.com"
LEADS = [Lead(1, "Ann@example.com", {FIELD: True}), Lead(2, BOB, {FIELD: False})]


def call(number: int, *keys: str | int, arrived_at: int) -> LoggedCall:
    """Return a call that sets the field for some addresses or ids."""
    lookup = "id" if isinstance(keys[0], int) else "email"
    body = json.dumps({"lookupField": lookup, "input": [{lookup: key, FIELD: True} for key in keys]})
    return LoggedCall(number, "POST", "/rest/v1/leads.json", {}, body, arrived_at)


def test_a_person_in_two_requests_at_once_is_seen() -> None:
    """By address in one and by the lead's id in the other, of which one began before the other had ended."""
    writes = writes_of([call(4, "ANN@example.com", arrived_at=4), call(7, 1, arrived_at=3)])

    assert judge_writes(writes, LEADS) == ["1 pairs of requests that were under way at once name the same person."]


def test_a_person_in_one_request_after_the_other_is_right() -> None:
    """The second arrived when the first was in the log; and two people may be in two at once."""
    writes = writes_of([call(4, ANN, arrived_at=4), call(5, BOB, arrived_at=3), call(6, ANN, arrived_at=5)])

    assert judge_writes(writes, LEADS) == []


def test_a_person_twice_in_a_request_is_seen() -> None:
    """In whatever case the addresses are."""
    assert judge_writes(writes_of([call(0, ANN, "ANN@example.com", arrived_at=0)]), LEADS) == [
        "1 requests name a person twice."
    ]


def test_reading_is_no_write() -> None:
    """A query is a POST too."""
    query = LoggedCall(0, "POST", "/rest/v1/leads.json", {"_method": "GET"}, "filterType=email", 0)

    assert writes_of([query]) == []


def test_leads_are_held_against_the_members() -> None:
    """One who holds nothing, one who left, one without a lead, and one with two."""
    leads = [*LEADS, Lead(3, "cy@example.com", {}), Lead(4, "cy@example.com", {FIELD: True})]

    assert judge_leads(leads, FIELD, {BOB, "cy@example.com", "dan@example.com"}) == [
        "2 leads of members do not hold True.",
        "1 leads of others hold True.",
        "1 members have no lead.",
        "1 addresses have more than one lead.",
    ]
    assert judge_leads(LEADS, FIELD, {ANN}) == []
