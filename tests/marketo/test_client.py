import contextlib
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from marketo_provider.errors import (
    AccessDenied,
    MarketoProviderError,
    NoAnswer,
    QuotaExhausted,
    RequestRefused,
    VendorUnavailable,
)
from marketo_provider.marketo.client import (
    FailedRequest,
    Field,
    Lead,
    LeadResult,
    LeadResults,
    MarketoClient,
    Scalar,
)
from marketo_provider.marketo.models import Status
from tests.fake_wire import Reply, Step, body_of, session_with, shown
from tests.marketo.support import World

ANN = "ann@example.com"
NOT_SENT = requests.ConnectionError(MaxRetryError(None, "/", NewConnectionError(None, ANN)))  # type: ignore[arg-type] # no pool, no connection
RESET = requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, ANN)))
LATE = requests.ReadTimeout(ANN)


def ok(*result: object, **more: object) -> Reply:
    """Return a successful answer."""
    return Reply({"requestId": "1#ok", "success": True, "result": list(result), **more})


def failed(code: str | int, message: str = f"quotes {ANN}") -> Reply:
    """Return an answer that is a failure, which Marketo sends with HTTP 200."""
    return Reply({"requestId": "2#bad", "success": False, "errors": [{"code": code, "message": message}]})


UPDATED = ok({"id": 7, "status": "updated"})
FOUND = ok({"id": 7, "email": ANN, "flag": True})

UNSURE: list[Step] = [
    RESET,
    LATE,
    Reply(b"", 500),
    Reply(b"<html>", 502),
    Reply(b"", 503),
    Reply(b"", 408),
    Reply(b"<html>Maintenance</html>"),
    Reply(b'{"success": tr'),
    Reply(b"", headers={"Content-Length": "9"}),
    Reply([]),
    Reply({}),
    Reply({"success": "true", "result": []}),
    Reply({"success": True}),
    Reply({"success": True, "result": None}),
    Reply({"success": True, "result": {}}),
    Reply({"success": False}),
    Reply({"success": False, "errors": []}),
    Reply({"success": False, "errors": [{"code": ANN}]}),
    Reply({"success": False, "errors": {"code": "601"}}),
    failed("500"),
    failed("502"),
    failed("604"),
    failed("611"),
]
TRANSIENT: list[Step] = [NOT_SENT, Reply(b"", 429), *map(failed, ("606", "608", "614", "615", "713", "719"))]
REFUSED = ("600", "605", "609", "610", "612", "616", "701", "1003", "1006")


def write(
    world: World, *records: Mapping[str, Scalar], seconds: float = 300, partition: str | None = None
) -> list[LeadResult]:
    """Set flags by e-mail."""
    return list(
        world.client.sync_leads(
            records or ({"email": ANN, "flag": True},),
            action="createOrUpdate",
            lookup_field="email",
            partition=partition,
            deadline=world.deadline(seconds),
        )
    )


def find(world: World, *values: str | int, seconds: float | None = None) -> list[Lead]:
    """Look leads up by e-mail."""
    deadline = None if seconds is None else world.deadline(seconds)
    return world.client.find_leads("email", values or (ANN,), field="flag", deadline=deadline)


def test_records_are_sent_as_they_are(world: World) -> None:
    """With real Booleans, and nothing that was not given."""
    world.answer(UPDATED)

    write(world)

    [request] = world.marketo.requests
    assert (request.method, request.url) == ("POST", "https://123-abc-456.mktorest.com/rest/v1/leads.json")
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(body_of(request)) == {
        "action": "createOrUpdate",
        "lookupField": "email",
        "input": [{"email": ANN, "flag": True}],
    }


def test_a_partition_is_named_where_there_is_one(world: World) -> None:
    """Marketo puts a new lead into the default partition otherwise."""
    world.answer(UPDATED)

    write(world, partition="Europe")

    assert json.loads(body_of(world.marketo.requests[0]))["partitionName"] == "Europe"


def test_results_are_in_the_order_of_the_records(world: World) -> None:
    """Skipped ones carry the first reason's code, be it text or a number."""
    world.answer(
        ok(
            {"id": 7, "status": "created"},
            {"id": 8, "status": "updated"},
            {"status": "skipped", "reasons": [{"code": "1007", "message": ANN}, {"code": "1003", "message": ANN}]},
            {"status": "skipped", "reasons": [{"code": 1004, "message": ANN}]},
            {"status": "skipped"},
        )
    )

    assert write(world, *[{"email": f"{n}@example.com"} for n in range(5)]) == [
        LeadResult("created", 7, None),
        LeadResult("updated", 8, None),
        LeadResult("skipped", None, "1007"),
        LeadResult("skipped", None, "1004"),
        LeadResult("skipped", None, None),
    ]


@pytest.mark.parametrize(
    "result",
    [
        [],
        [{"id": 7, "status": "updated"}] * 2,
        [{"id": 7, "status": "deleted"}],
        [{"id": 7}],
        [{"status": "updated"}],
        [{"id": None, "status": "created"}],
        [{"id": "7", "status": "updated"}],
        [{"id": True, "status": "updated"}],
        [{"id": 0, "status": "updated"}],
        [{"status": "skipped", "reasons": {"code": "1007"}}],
        [{"status": "skipped", "reasons": [{"code": ANN}]}],
        [{"status": "skipped", "reasons": [{}]}],
        [None],
        ["updated"],
    ],
)
def test_results_that_do_not_pair_up_are_no_answer(world: World, result: list[object]) -> None:
    """What was written is not known, and what is not known is not guessed."""
    world.answer(ok(*result))

    with pytest.raises(NoAnswer) as caught:
        write(world)

    assert world.client.failed_requests == [FailedRequest("unreadable", "1#ok")]
    assert caught.value.request_id == "1#ok"


@pytest.mark.parametrize("step", UNSURE)
def test_a_write_that_may_have_been_executed_is_not_repeated(world: World, step: Step) -> None:
    """The caller waits out Marketo's own limit first: two upserts at once can make two leads."""
    world.answer(step)

    with pytest.raises(NoAnswer):
        write(world)

    assert len(world.marketo.requests) == 1
    assert world.clock.naps == []


@pytest.mark.parametrize("step", UNSURE)
def test_a_read_is_repeated_whatever_happened_to_it(world: World, step: Step) -> None:
    """It changes nothing."""
    world.answer(step, FOUND)

    assert find(world) == [Lead(7, ANN, flag=True)]


@pytest.mark.parametrize("step", UNSURE)
def test_a_read_that_never_succeeds_ends_with_its_time(world: World, step: Step) -> None:
    """Nothing was executed that anybody would have to find out about."""
    world.answer(*[step] * 100)
    deadline = world.deadline(120)

    with pytest.raises(VendorUnavailable):
        find(world, seconds=120)

    assert deadline - 60 < world.clock.time < deadline
    assert len(world.marketo.requests) > 3


@pytest.mark.parametrize("step", TRANSIENT)
def test_a_write_that_was_certainly_not_executed_is_repeated(world: World, step: Step) -> None:
    """After a pause."""
    world.answer(step, step, UPDATED)

    assert write(world) == [LeadResult("updated", 7, None)]
    assert len(world.clock.naps) == 2


@pytest.mark.parametrize("step", TRANSIENT)
def test_repeating_ends_before_the_deadline(world: World, step: Step) -> None:
    """No attempt begins after it, and no pause outlasts it."""
    world.answer(*[step] * 100)
    deadline = world.deadline(200)

    with pytest.raises(VendorUnavailable):
        write(world, seconds=200)

    assert deadline - 61 < world.clock.time < deadline


def test_too_many_calls_wait_for_the_next_window(world: World) -> None:
    """606 spends a call of the quota each time."""
    world.answer(failed("606"), UPDATED)

    write(world)

    [nap] = world.clock.naps
    assert 20 <= nap <= 25


def test_pauses_grow(world: World) -> None:
    """To a minute, and random in their upper half."""
    world.answer(*[failed("608")] * 9, UPDATED)

    write(world, seconds=1000)

    assert world.clock.naps == [0.75 * seconds for seconds in (1, 2, 4, 8, 16, 32, 60, 60, 60)]


def test_nothing_is_sent_when_the_time_is_over(world: World) -> None:
    """Not even the request for a token."""
    with pytest.raises(VendorUnavailable):
        write(world, seconds=0)

    assert not world.marketo.token_requests
    assert not world.marketo.requests


@pytest.mark.parametrize(("seconds", "attempt"), [(300, 100), (40, 40)])
def test_an_attempt_ends_by_its_deadline_and_by_100_seconds(world: World, seconds: float, attempt: float) -> None:
    """Marketo itself ends Sync Leads after 90."""
    world.answer(UPDATED)

    write(world, seconds=seconds)

    assert world.marketo.timeouts[0].total == attempt


def test_the_day_s_quota_is_not_waited_for(world: World) -> None:
    """The caller is told until when: five minutes after midnight in Chicago."""
    world.answer(failed("607"))

    with pytest.raises(QuotaExhausted) as caught:
        write(world)

    assert caught.value.resume_at == datetime(2026, 11, 25, 6, 5, tzinfo=UTC)
    assert (caught.value.code, caught.value.request_id) == ("607", "2#bad")
    assert world.clock.naps == []


def test_denied_access_names_both_causes(world: World) -> None:
    """603 is a missing permission or an address that is not on the list."""
    world.answer(failed("603"))

    with pytest.raises(AccessDenied, match=r"Read-Write Lead.*IP address") as caught:
        write(world)

    assert caught.value.code == "603"


@pytest.mark.parametrize("code", REFUSED)
def test_a_request_refused_as_a_whole_is_told_at_once(world: World, code: str) -> None:
    """The caller may halve it; as it is, it would be refused again."""
    world.answer(failed(code))

    with pytest.raises(RequestRefused) as caught:
        write(world)

    assert (caught.value.code, caught.value.request_id) == (code, "2#bad")
    assert len(world.marketo.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 413, 414])
def test_a_request_refused_by_http_is_told_at_once(world: World, status: int) -> None:
    """413 is the one the caller halves."""
    world.answer(Reply(b"<html>", status))

    with pytest.raises(RequestRefused) as caught:
        write(world)

    assert caught.value.code == str(status)


def test_a_redirect_is_refused(world: World) -> None:
    """The token stays with Marketo."""
    world.answer(Reply(b"", 307, {"Location": "https://elsewhere.example.com/"}))

    with pytest.raises(RequestRefused, match="redirect"):
        write(world)

    assert len(world.marketo.requests) == 1


def test_an_unknown_code_is_refused_after_three_tries(world: World) -> None:
    """It may pass, and it may not."""
    world.answer(failed("6666"), failed("6666"), failed("6666"))

    with pytest.raises(RequestRefused) as caught:
        write(world)

    assert caught.value.code == "6666"
    assert len(world.marketo.requests) == 3


def test_every_failed_answer_is_kept_for_the_report(world: World) -> None:
    """Those that were repeated too; what was no answer has nothing to keep."""
    world.answer(failed(606), NOT_SENT, failed("602"), Reply(b"<html>", 429), failed("610"))

    with pytest.raises(RequestRefused):
        write(world)

    assert world.client.failed_requests == [
        FailedRequest("606", "2#bad"),
        FailedRequest("602", "2#bad"),
        FailedRequest("429", None),
        FailedRequest("610", "2#bad"),
    ]


@pytest.mark.parametrize("request_id", [5, None, "", f"for {ANN}", "x" * 65])
def test_a_request_id_that_is_none_is_left_out(world: World, request_id: object) -> None:
    """It is for Adobe's support only, and is shown."""
    world.answer(Reply({"requestId": request_id, "success": False, "errors": [{"code": "610"}]}))

    with pytest.raises(RequestRefused) as caught:
        write(world)

    assert caught.value.request_id is None


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ([UPDATED], 1),
        ([failed("606"), UPDATED], 2),
        ([failed("601"), UPDATED], 1),
        ([failed("608"), UPDATED], 1),
        ([NOT_SENT, UPDATED], 1),
        ([RESET], 1),
        ([LATE], 1),
        ([failed("611")], 0),
        ([failed("607")], 1),
        ([failed("603")], 1),
        ([Reply(b"", 502)], 1),
    ],
)
def test_calls_are_counted_as_marketo_counts_them(world: World, script: list[Step], calls: int) -> None:
    """Where Marketo alone knows, as if it had counted."""
    world.answer(*script)

    with contextlib.suppress(MarketoProviderError):
        write(world)

    assert world.client.calls == calls


def test_calls_keep_to_the_limit_in_every_window() -> None:
    """Threads and endpoints together."""
    world, begun = World(calls_per_20_seconds=7, concurrent_calls=3), []

    def answer(_: requests.PreparedRequest) -> Reply:
        begun.append(world.clock.time)
        return FOUND

    world.answer(*[answer] * 40)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: find(world), range(40)))

    assert world.client.calls == 40
    begun.sort()
    assert all(later - first >= 20 for first, later in zip(begun, begun[7:], strict=False))


def test_leads_are_looked_up_without_an_address_in_the_url(world: World) -> None:
    """300 of them would be too long for it besides."""
    world.answer(FOUND)

    find(world, "a+b@example.com", "ann@example.com")

    [request] = world.marketo.requests
    url = urlsplit(str(request.url))
    assert (request.method, url.path, url.query) == ("POST", "/rest/v1/leads.json", "_method=GET")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "a%2Bb%40example.com" in body_of(request)
    assert parse_qs(body_of(request)) == {
        "filterType": ["email"],
        "filterValues": ["a+b@example.com,ann@example.com"],
        "fields": ["id,email,flag"],
        "batchSize": ["300"],
    }


def test_leads_are_read_with_their_flags(world: World) -> None:
    """Null and missing read as False; keys that nobody asked for are passed over."""
    world.answer(
        ok(
            {"id": 1, "email": ANN, "flag": True},
            {"id": 2, "email": ANN, "flag": False},
            {"id": 3, "email": None, "flag": None},
            {"id": 4, "createdAt": "2026-01-01"},
        )
    )

    assert find(world) == [
        Lead(1, ANN, flag=True),
        Lead(2, ANN, flag=False),
        Lead(3, None, flag=False),
        Lead(4, None, flag=False),
    ]


def test_all_pages_are_read(world: World) -> None:
    """Each with the token of the one before, until there are no more."""
    world.answer(
        ok({"id": 1}, moreResult=True, nextPageToken="T1"),
        ok({"id": 2}, nextPageToken="T2"),
        ok({"id": 3}, moreResult=False, nextPageToken="T3"),
    )

    assert [lead.lead_id for lead in find(world)] == [1, 2, 3]
    tokens = [parse_qs(body_of(request)).get("nextPageToken") for request in world.marketo.requests]
    assert tokens == [None, ["T1"], ["T2"]]


@pytest.mark.parametrize("step", [failed("702"), ok()])
def test_no_lead_is_an_empty_list(world: World, step: Step) -> None:
    """However Marketo says it."""
    world.answer(step)

    assert find(world) == []


@pytest.mark.parametrize(
    ("statuses", "written"), [(["created", "updated"], [7, 8]), (["created", "skipped"], None), ([], [])]
)
def test_results_tell_whether_all_was_written(statuses: list[Status], written: list[int] | None) -> None:
    """Then nothing is left to do, and the leads' ids are all there is to know."""
    lead_ids: list[int | None] = [7, 8]

    results = LeadResults(statuses, lead_ids[: len(statuses)], [None for _ in statuses])

    assert results.written == written


def test_nothing_to_ask_costs_no_call(world: World) -> None:
    """Marketo would answer that the filter is blank."""
    assert world.client.find_leads("id", [], field="flag") == []
    assert not world.client.sync_leads(
        [], action="updateOnly", lookup_field="id", partition=None, deadline=world.deadline()
    )
    assert world.client.calls == 0


def test_more_than_300_at_once_is_a_mistake_of_the_caller(world: World) -> None:
    """It is not sent."""
    with pytest.raises(ValueError, match="300"):
        find(world, *range(301))
    with pytest.raises(ValueError, match="300"):
        write(world, *[{"id": n} for n in range(301)])


@pytest.mark.parametrize(
    "row",
    [
        {"email": ANN},
        {"id": "7"},
        {"id": True},
        {"id": -7},
        {"id": 7, "email": 5},
        {"id": 7, "flag": "true"},
        {"id": 7, "flag": 1},
        [],
        None,
    ],
)
def test_a_lead_of_the_wrong_type_is_not_believed(world: World, row: object) -> None:
    """The whole answer is asked for again."""
    world.answer(ok({"id": 1}, row), FOUND)

    assert find(world) == [Lead(7, ANN, flag=True)]


def test_fields_come_from_describe2(world: World) -> None:
    """The API name, the name that people see, type, and whether it may be written."""
    row = {"name": "flag", "displayName": "Flag", "dataType": "boolean", "updateable": True, "crmManaged": False}
    world.answer(ok({"name": "API Lead", "searchableFields": [["email"]], "fields": [row | {"length": 1}]}))

    assert world.client.fields() == [Field("flag", "Flag", "boolean", updateable=True, crm_managed=False)]
    assert str(world.marketo.requests[0].url).endswith("/rest/v1/leads/describe2.json")


@pytest.mark.parametrize("key", ["name", "displayName", "dataType", "updateable", "crmManaged"])
def test_a_field_of_the_wrong_type_is_not_believed(world: World, key: str) -> None:
    """A flag must not be written on a guess."""
    row: dict[str, object] = {
        "name": "flag",
        "displayName": "Flag",
        "dataType": "boolean",
        "updateable": True,
        "crmManaged": False,
    }
    world.answer(ok({"fields": [row | {key: None}]}), ok({"fields": [row | {key: 5}]}), ok({"fields": [row]}))

    assert len(world.client.fields()) == 1
    assert len(world.marketo.requests) == 3


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        (ok({"name": "flag", "isCustom": True}), True),
        (ok({"name": "flag", "isCustom": False}), False),
        (failed("603"), None),
        (ok(), None),
    ],
)
def test_a_field_is_custom_or_not_or_not_known(world: World, step: Step, *, answer: bool | None) -> None:
    """The schema permission is one that an export does not need otherwise."""
    world.answer(step)

    assert world.client.is_custom("a/b?") is answer
    assert str(world.marketo.requests[0].url).endswith("/rest/v1/leads/schema/fields/a%2Fb%3F.json")


def test_bad_credentials_are_not_taken_for_a_missing_permission(world: World) -> None:
    """They are told, whatever was asked."""
    world.marketo.tokens = [Reply({"error": "unauthorized"}, 401)]

    with pytest.raises(AccessDenied):
        world.client.is_custom("flag")


def test_partitions_are_listed_by_name(world: World) -> None:
    """What an export's `partition` must be one of."""
    world.answer(ok({"id": 1, "name": "Default"}, {"id": 2, "name": "Europe", "description": "x"}))

    assert world.client.partitions() == ["Default", "Europe"]


def test_the_calls_of_today_are_those_of_everybody(world: World) -> None:
    """And none yet right after midnight."""
    world.answer(ok({"date": "2026-11-24", "total": 1120, "users": [{"userId": ANN, "count": 200}]}), ok())

    assert (world.client.calls_today(), world.client.calls_today()) == (1120, 0)


@pytest.mark.parametrize(
    ("read", "result"),
    [
        (lambda client: client.partitions(), [{"id": 1}]),
        (lambda client: client.partitions(), [{"name": 1}]),
        (lambda client: client.calls_today(), [{"date": "2026-11-24", "total": "5"}]),
        (lambda client: client.calls_today(), [{"date": "2026-11-24", "total": -1}]),
        (lambda client: client.is_custom("flag"), [{"isCustom": "yes"}]),
    ],
)
def test_other_reads_are_not_believed_either(
    world: World, read: Callable[[Any], object], result: list[object]
) -> None:
    """They are asked for to the end of their ten minutes."""
    world.answer(*[ok(*result)] * 100)

    with pytest.raises(VendorUnavailable):
        read(world.client)

    assert 500 < world.clock.time - 1000 < 600


def test_the_host_is_the_instance_s_identity(world: World) -> None:
    """Paths of the store begin with it."""
    assert world.client.host == "123-abc-456.mktorest.com"


@pytest.mark.parametrize(
    "step", [*UNSURE, *TRANSIENT, failed("603"), failed("607"), failed("610"), failed("6666")]
)
def test_no_error_holds_an_address_or_marketo_s_own_words(world: World, step: Step) -> None:
    """Whatever went wrong, by write or by read."""
    for ask in (lambda: write(world, seconds=30), lambda: find(world, seconds=30)):
        world.marketo.script = [step] * 100

        with pytest.raises(MarketoProviderError) as caught:
            ask()

        assert not re.search("ann@|quotes|html", f"{shown(caught.value)}{caught.value.request_id}")


def test_no_result_shows_an_address() -> None:
    """Whoever logs a lead logs its id."""
    assert ANN not in repr(Lead(1, ANN, flag=True))


def test_who_waits_may_be_less_patient(world: World) -> None:
    """The *Test* of a Connection form must not take ten minutes."""
    session = session_with(world.marketo)
    hasty = MarketoClient(world.connection, session=session, clock=world.clock, patience_seconds=15)
    world.answer(*[ok({"id": 1})] * 100)

    with pytest.raises(VendorUnavailable):
        hasty.partitions()

    assert world.clock.time - 1000 < 15


def test_all_calls_can_be_given_one_end(world: World) -> None:
    """A page that asks several things must be there while its reader still is."""
    session = session_with(world.marketo)
    client = MarketoClient(world.connection, session=session, clock=world.clock)
    client.end_by(world.clock.time + 15)
    world.answer(*[ok({"id": 1})] * 100)

    for _ in range(2):
        with pytest.raises(VendorUnavailable):
            client.partitions()

    assert world.clock.time - 1000 < 15
