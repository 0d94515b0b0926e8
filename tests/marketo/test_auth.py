from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest
import requests

from marketo_provider.errors import AccessDenied, MarketoProviderError, RequestRefused, VendorUnavailable
from tests.fake_wire import Reply, Step, body_of, shown
from tests.marketo.support import World, grant

PARTITIONS = Reply({"requestId": "1#1", "success": True, "result": [{"name": "Default"}]})


def refused(code: str) -> Reply:
    """Return an answer that refuses the token."""
    return Reply({"requestId": "1#1", "success": False, "errors": [{"code": code, "message": "Access token"}]})


def test_the_secret_travels_in_the_body(world: World) -> None:
    """URLs end up in logs."""
    world.answer(PARTITIONS)

    world.client.partitions()

    [request] = world.marketo.token_requests
    assert (request.method, request.url) == ("POST", "https://123-abc-456.mktorest.com/identity/oauth/token")
    assert parse_qs(body_of(request)) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client-id"],
        "client_secret": ["s3cret"],
    }
    assert "Authorization" not in request.headers


def test_the_token_is_sent_in_the_header_and_kept(world: World) -> None:
    """One token serves until it expires, and token calls are no calls of the quota."""
    world.answer(PARTITIONS, PARTITIONS)

    world.client.partitions()
    world.clock.time += 3599
    world.client.partitions()

    assert world.marketo.bearers == ["token-1", "token-1"]
    assert world.client.calls == 2


def test_an_expired_token_is_not_sent(world: World) -> None:
    """Its time counts from before it was asked for."""
    world.answer(PARTITIONS, PARTITIONS)

    world.client.partitions()
    world.clock.time += 3600
    world.client.partitions()

    assert world.marketo.bearers == ["token-1", "token-2"]


@pytest.mark.parametrize("code", ["601", "602"])
def test_a_refused_token_is_replaced_and_the_request_repeated_at_once(world: World, code: str) -> None:
    """Nothing ran, and it cost no call."""
    world.answer(refused(code), PARTITIONS)

    assert world.client.partitions() == ["Default"]

    assert world.marketo.bearers == ["token-1", "token-2"]
    assert (world.client.calls, sum(world.clock.naps)) == (1, 0)


def test_marketo_may_hand_out_the_refused_token_again(world: World) -> None:
    """It does so until that expires; it is used, and asked for again after a pause."""
    world.marketo.tokens = [Reply(grant("same", expires_in=9)), Reply(grant("same", expires_in=9))]
    world.answer(refused("602"), refused("602"), PARTITIONS)

    assert world.client.partitions() == ["Default"]

    assert world.marketo.bearers == ["same", "same", "token-3"]
    assert [nap for nap in world.clock.naps if nap] == [5]


def test_a_token_refused_again_and_again_ends_the_call(world: World) -> None:
    """After three replays."""
    world.answer(*[refused("601")] * 4)

    with pytest.raises(VendorUnavailable) as caught:
        world.client.partitions()

    assert caught.value.code == "601"
    assert len(world.marketo.requests) == 4


def test_a_token_in_its_last_second_is_asked_for_again(world: World) -> None:
    """`expires_in` 0 has been seen in production."""
    world.marketo.tokens = [Reply(grant("dying", expires_in=0)), Reply(grant("fresh"))]
    world.answer(PARTITIONS)

    world.client.partitions()

    assert world.marketo.bearers == ["fresh"]
    assert 0 < sum(world.clock.naps) <= 2


def test_threads_share_one_token(world: World) -> None:
    """A second token would be the same one anyhow."""
    world.answer(*[PARTITIONS] * 20)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: world.client.partitions(), range(20)))

    assert set(world.marketo.bearers) == {"token-1"}
    assert len(world.marketo.token_requests) == 1


def test_a_late_refusal_does_not_cost_the_new_token(world: World) -> None:
    """Of two requests refused for one old token, the second finds the first's replacement."""

    def meanwhile(_: requests.PreparedRequest) -> Reply:
        # Another thread's call, begun and refused with the same token, ends before this answer arrives.
        assert world.client.partitions() == ["Default"]
        return refused("602")

    world.answer(meanwhile, refused("602"), PARTITIONS, PARTITIONS)

    world.client.partitions()

    assert world.marketo.bearers == ["token-1", "token-1", "token-2", "token-2"]


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"error": "invalid_client", "error_description": "quotes s3cret"}, 401),
        Reply({"error": "unauthorized", "error_description": "quotes s3cret"}, 401),
        Reply({"error": "unauthorized", "error_description": "quotes s3cret"}),
        Reply({"error": "invalid_request"}, 400),
        Reply(b"<html>Forbidden</html>", 403),
    ],
    ids=["invalid-client", "unauthorized", "with-status-200", "bad-request", "forbidden"],
)
def test_bad_credentials_are_told_at_once(world: World, reply: Reply) -> None:
    """Repeating them would not make them right."""
    world.marketo.tokens = [reply]

    with pytest.raises(AccessDenied, match="client id and secret") as caught:
        world.client.partitions()

    assert caught.value.code == str(reply.status)
    assert len(world.marketo.token_requests) == 1
    assert "quotes" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 404, 405])
def test_an_identity_endpoint_that_is_not_there_is_told_at_once(world: World, status: int) -> None:
    """The REST URL is wrong."""
    world.marketo.tokens = [Reply(b"<html>", status, {"Location": "https://elsewhere.example.com"})]

    with pytest.raises(RequestRefused, match="REST URL"):
        world.client.partitions()

    assert len(world.marketo.token_requests) == 1


@pytest.mark.parametrize(
    "step",
    [
        Reply(b"", 502),
        Reply(b"", 429),
        Reply({"error": "server_error"}, 500),
        Reply(b"<html>"),
        Reply([]),
        Reply({}),
        Reply({"access_token": "t"}),
        Reply({"access_token": None, "expires_in": 5}),
        Reply({"access_token": "", "expires_in": 5}),
        Reply({"access_token": "two\nlines", "expires_in": 5}),
        Reply({"access_token": 5, "expires_in": 5}),
        Reply({"access_token": "t", "expires_in": "soon"}),
        Reply({"access_token": "t", "expires_in": -1}),
        requests.ReadTimeout("quotes s3cret"),
        requests.ConnectTimeout("quotes s3cret"),
    ],
)
def test_whatever_else_comes_back_is_tried_again(world: World, step: Step) -> None:
    """Asking for a token changes nothing, so that it can be repeated, before a write too."""
    world.marketo.tokens = [step]
    world.answer(Reply({"requestId": "1#1", "success": True, "result": [{"id": 1, "status": "updated"}]}))

    results = world.client.sync_leads(
        [{"id": 1, "flag": True}],
        action="updateOnly",
        lookup_field="id",
        partition=None,
        deadline=world.deadline(),
    )

    assert len(results) == 1
    assert len(world.marketo.token_requests) == 2


def test_no_token_to_the_end_of_the_time_means_nothing_was_executed(world: World) -> None:
    """Even where the token request itself may have been carried out."""
    world.marketo.tokens = [requests.ReadTimeout("quotes s3cret")] * 50

    with pytest.raises(VendorUnavailable) as caught:
        world.client.partitions()

    assert world.client.calls == 0
    assert "s3cret" not in shown(caught.value)


def test_no_error_and_no_repr_holds_token_or_secret(world: World) -> None:
    """They would end up in a log."""
    world.answer(refused("601"), Reply(b"", 500), *[refused("603")] * 2)

    with pytest.raises(MarketoProviderError) as caught:
        world.client.partitions()

    seen = f"{shown(caught.value)}{world.client!r}{world.connection!r}{world.client.failed_requests}"
    assert "s3cret" not in seen
    assert "token-" not in seen
