import pytest

from include.sandbox.marketo import TOKEN_PATH
from tests.sandbox.marketo_support import FORM, JSON, LEADS, Caller, body_of, code_of, done

SYNC = b'{"input":[{"email":"ann@example.com"}]}'
SCHEMA = "/rest/v1/leads/schema/fields.json"
ONE_FIELD = "/rest/v1/leads/schema/fields/email.json"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


@pytest.mark.parametrize(
    "path",
    [
        "/rest/v1/lead.json",
        "/rest/v1/leads",
        "/rest/v1/leads.json/",
        "/rest//v1/leads.json",
        "//rest/v1/leads.json",
        f"/{TOKEN_PATH}",
        "/rest/bulk/v1/leads.json",
        "/bulk//v1/leads.json",
        "/bulk/v1/leads/export.json",
        "/v1/leads.json",
        "/",
    ],
)
def test_a_path_that_is_not_one_is_610(caller: Caller, path: str) -> None:
    """Double slashes and paths that are not built yet among them; HTTP says 200."""
    response = done(caller.begin("GET", path))

    assert response.status == 200
    assert code_of(body_of(response)) == "610"


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", LEADS), ("PUT", LEADS), ("POST", "/rest/v1/leads/describe.json"), ("POST", ONE_FIELD)],
)
def test_another_method_is_605(caller: Caller, method: str, path: str) -> None:
    """And it costs nothing."""
    body = body_of(done(caller.begin(method, path, SYNC)))

    assert code_of(body) == "605"
    assert caller.used() == 0


@pytest.mark.parametrize("content_type", ["", "text/plain", FORM])
def test_json_must_be_said_to_be_json(caller: Caller, content_type: str) -> None:
    """612."""
    body = body_of(done(caller.begin("POST", LEADS, SYNC, content_type=content_type)))

    assert code_of(body) == "612"


def test_a_charset_may_follow_the_content_type(caller: Caller) -> None:
    """As third-party clients send it."""
    body = body_of(done(caller.begin("POST", LEADS, SYNC, content_type=f"{JSON}; charset=utf-8")))

    assert body["success"] is True


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"input":[{"email":"a@example.com","email":"b@example.com"}]}',
        b'{"input":[{"email":NaN}]}',
        '{"input":[{"email":"müller@example.com"}]}'.encode("latin-1"),
        b"[" * 100_000,
    ],
)
def test_what_is_not_json_is_609(caller: Caller, content: bytes) -> None:
    """A key given twice and a string that is not UTF-8 are not."""
    assert code_of(body_of(done(caller.begin("POST", LEADS, content)))) == "609"


def test_a_body_over_a_megabyte_is_http_413(caller: Caller) -> None:
    """One byte less is read."""
    taken = done(caller.begin("POST", LEADS, SYNC.ljust(1_000_000)))
    refused = done(caller.begin("POST", LEADS, SYNC.ljust(1_000_001)))

    assert body_of(taken)["success"] is True
    assert refused.status == 413


def test_a_uri_over_8_kb_is_http_414(caller: Caller) -> None:
    """Which is what 300 addresses in a GET come to."""
    values = ",".join(f"somebody.{number}@example.com" for number in range(300))

    response = done(caller.begin("GET", LEADS, query={"filterType": "email", "filterValues": values}))

    assert response.status == 414


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([], []),
        (["Read-Only Lead"], ["read", "describe"]),
        (["Read-Write Lead"], ["read", "describe", "write"]),
        (["Read-Write Schema Standard Field"], ["schema"]),
        (["Read-Write Schema Custom Field"], ["schema", "create"]),
    ],
)
def test_permissions_open_what_the_vendor_says(caller: Caller, permissions: list[str], allowed: list[str]) -> None:
    """603 for the rest; the statistics are open to all."""
    caller.admin("POST permissions", {"permissions": permissions})
    new_field = {"displayName": "New", "name": "new", "dataType": "boolean"}

    answers = {
        "read": caller.get(LEADS, filterType="id", filterValues="1"),
        "describe": caller.get("/rest/v1/leads/describe2.json"),
        "write": caller.post(LEADS, {"input": [{"email": "ann@example.com"}]}),
        "schema": caller.get(SCHEMA),
        "create": caller.post(SCHEMA, {"input": [new_field]}),
        "usage": caller.get("/rest/v1/stats/usage.json"),
    }

    assert [name for name, body in answers.items() if body["success"]] == [*allowed, "usage"]
    assert {code_of(body) for body in answers.values() if not body["success"]} <= {"603"}


def test_request_ids_differ_and_repeat_with_the_seed() -> None:
    """Every answer has one."""
    ids = [[one.get("/rest/v1/stats/usage.json")["requestId"] for _ in range(3)] for one in (Caller(), Caller())]

    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
