import pytest

from include.sandbox.marketo import TOKEN_PATH
from include.sandbox.wire import Request
from tests.sandbox.marketo_support import Caller, body_of, code_of, done

DESCRIBE = "/rest/v1/leads/describe2.json"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


@pytest.mark.parametrize(("method", "form"), [("GET", False), ("POST", False), ("POST", True)])
def test_the_token_is_given_in_every_way_of_asking(caller: Caller, method: str, form: bool) -> None:  # noqa: FBT001 - pytest passes it by name
    """Query string by both verbs, and a form; without Marketo's envelope."""
    response = caller.ask_token(method=method, form=form)

    body = body_of(response)
    assert response.status == 200
    assert body["token_type"] == "bearer"
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}


def test_the_same_token_comes_back_with_less_time_left(caller: Caller) -> None:
    """Nobody can have a new one before the old one expires."""
    first = body_of(caller.ask_token())
    caller.clock.advance(600)

    second = body_of(caller.ask_token())

    assert second["access_token"] == first["access_token"]
    assert (first["expires_in"], second["expires_in"]) == (3599, 2999)


def test_the_last_second_is_answered_with_none_left(caller: Caller) -> None:
    """HTTP 200 with `expires_in` 0, as seen in production."""
    caller.clock.advance(3599.5)

    body = body_of(caller.ask_token())

    assert body["expires_in"] == 0
    assert body["access_token"] == caller.token


def test_an_expired_token_is_602_and_a_new_one_works(caller: Caller) -> None:
    """The hour counts from the token's creation."""
    caller.clock.advance(3600)

    expired = caller.get(DESCRIBE)
    caller.token = body_of(caller.ask_token())["access_token"]

    assert code_of(expired) == "602"
    assert caller.get(DESCRIBE)["success"] is True


def test_an_unknown_token_is_601(caller: Caller) -> None:
    """It never was one."""
    caller.token = "nonsense"

    assert code_of(caller.get(DESCRIBE)) == "601"


@pytest.mark.parametrize(("now", "code"), [("expired", "602"), ("revoked", "601")])
def test_a_token_can_be_ended_by_hand(caller: Caller, now: str, code: str) -> None:
    """So that a test meets either code when it wants to."""
    caller.admin("POST token", {"now": now})

    assert code_of(caller.get(DESCRIBE)) == code


def test_a_token_is_taken_from_the_header_alone(caller: Caller) -> None:
    """The `access_token` parameter is gone: 600."""
    request = Request("GET", DESCRIBE, {"access_token": caller.token}, {}, b"")

    body = body_of(done(caller.sandbox.begin(request)))

    assert code_of(body) == "600"


def test_rest_left_in_the_identity_url_is_600(caller: Caller) -> None:
    """What a person gets who pastes the wrong one of the two URLs."""
    request = Request("GET", f"/rest{TOKEN_PATH}", {}, {}, b"")

    assert code_of(body_of(done(caller.sandbox.begin(request)))) == "600"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"client_id": "nobody"}, "unauthorized"), ({"client_secret": "wrong"}, "invalid_client")],
)
def test_bad_credentials_are_http_401_in_the_form_of_oauth(
    caller: Caller, wrong: dict[str, str], error: str
) -> None:
    """There is no envelope and no code."""
    response = caller.ask_token(wrong)

    assert response.status == 401
    assert body_of(response)["error"] == error
    assert "success" not in body_of(response)


def test_another_grant_type_is_refused(caller: Caller) -> None:
    """Client credentials are the only one."""
    response = caller.ask_token({"grant_type": "password"})

    assert response.status == 400


def test_tokens_cost_no_quota(caller: Caller) -> None:
    """Neither do the answers 600, 601 and 602."""
    caller.ask_token()
    caller.token = "nonsense"
    caller.get(DESCRIBE)

    assert caller.used() == 0
