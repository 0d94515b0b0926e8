import json

import pytest

from include.sandbox.wire import Fault, Request
from tests.sandbox.marketo_support import FLAG, LEADS, Caller

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def test_leads_are_shown_with_all_that_was_set(caller: Caller) -> None:
    """And nothing that was not, so that a test sees every field a client wrote."""
    caller.sync({"email": ANN, FLAG: True})

    [lead] = caller.admin("GET leads", email=ANN.upper())["leads"]

    assert lead == {"id": lead["id"], "partition": "Default", "email": ANN, FLAG: True}


def test_a_lead_can_change_its_address(caller: Caller) -> None:
    """It is found under the new one and no more under the old."""
    [known] = caller.add_leads({"email": ANN})

    caller.admin("PATCH leads", {"ids": [known], "values": {"email": BOB}})

    assert caller.find("email", ANN) == []
    assert [lead["id"] for lead in caller.find("email", BOB)] == [known]


def test_merged_leads_keep_the_winners_flag(caller: Caller) -> None:
    """False is a value, null is none; the losers are gone and their ids too."""
    ids = caller.add_leads({"email": ANN, FLAG: False}, {"email": BOB, FLAG: True, "firstName": "Ann"})

    caller.admin("POST merge", {"winner": ids[0], "losers": [ids[1]]})

    assert caller.find("id", *ids, fields=f"email,firstName,{FLAG}") == [
        {"id": ids[0], "email": ANN, "firstName": "Ann", FLAG: False}
    ]
    assert caller.find("email", BOB) == []


def test_a_deleted_lead_is_gone_and_its_id_is_not_used_again(caller: Caller) -> None:
    """A lead of the same address is another one."""
    [known] = caller.add_leads({"email": ANN})

    caller.admin("DELETE leads", {"ids": [known]})

    assert caller.find("email", ANN) == []
    assert caller.sync({"email": ANN})[0]["id"] > known


def test_reset_makes_everything_as_at_the_start(caller: Caller) -> None:
    """Ids and tokens repeat; leads, fields, faults and log are gone."""
    first = caller.sync({"email": ANN})[0]["id"]
    caller.sandbox.wire.faults.append(Fault("reset_before"))

    caller.admin("POST reset")
    repeated = Caller()

    assert caller.admin("GET leads")["leads"] == []
    assert caller.sandbox.wire.faults == []
    assert repeated.sync({"email": ANN})[0]["id"] == first
    assert repeated.token == caller.token


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("POST leads", {"leads": [{"noSuchField": 1}]}),
        ("POST leads", {"leed": []}),
        ("DELETE leads", {"ids": [1]}),
        ("POST merge", {"winner": 1, "losers": [1]}),
        ("POST permissions", {"permissions": ["Everything"]}),
        ("POST partitions", {"partitions": []}),
        ("POST limits", {"daily_quota": -1}),
        ("POST fields", {"fields": [{"name": "x"}]}),
        ("POST faults", {"kind": "no such kind"}),
        ("POST latency", {"seconds": -1}),
    ],
)
def test_a_wrong_request_is_told_so(caller: Caller, route: str, body: object) -> None:
    """HTTP 400, for a test must see its own mistakes."""
    method, name = route.split()

    response = caller.sandbox.admin(Request(method, f"/_sandbox/{name}", {}, {}, json.dumps(body).encode()))

    assert response.status == 400


def test_an_unknown_route_names_those_there_are(caller: Caller) -> None:
    """HTTP 404."""
    response = caller.sandbox.admin(Request("GET", "/_sandbox/nothing", {}, {}, b""))

    assert response.status == 404
    assert "GET leads" in json.loads(response.body)["routes"]


def test_limits_are_set_one_by_one(caller: Caller) -> None:
    """The others stay as they are."""
    caller.admin("POST limits", {"concurrent_calls": 2})

    limits = caller.admin("GET limits")["limits"]

    assert (limits["concurrent_calls"], limits["calls_per_window"]) == (2, 100)


def test_the_admin_api_costs_nothing(caller: Caller) -> None:
    """Neither quota nor a line of the log."""
    caller.admin("GET leads")

    assert caller.used() == 0
    assert caller.admin("GET log")["requests"] == []
    assert caller.get(LEADS, filterType="id", filterValues="1")["success"] is True
