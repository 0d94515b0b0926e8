"""Whatever a host sends, each call of the real clients ends in time with an error of ours, or with an answer."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from marketo_provider import transport
from marketo_provider.errors import AccessDenied, MarketoProviderError, NoAnswer, RequestRefused, VendorUnavailable
from tests.fake_wire import shown
from tests.hostile.answers import BROKEN, HANGING, REFUSED, UNREADABLE
from tests.hostile.clients import CANARY, PATIENCE, SECRET, Clients
from tests.hostile.server import Answer, HostileServer, hostile_server

ANSWERS: Mapping[str, Answer] = {**BROKEN, **UNREADABLE, **REFUSED}
# One call of each way in which answers are read.
WAYS = ("find leads", "failures", "first page")
# A status that these calls know a meaning of.
MEANT = {("failures", "a page that is not here"), ("warnings", "a page that is not here")}


@pytest.fixture
def server() -> Iterator[HostileServer]:
    """Serve whatever the test says."""
    with hostile_server() as server:
        yield server


@pytest.fixture
def clients(
    server: HostileServer, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Clients:
    """Return clients of that host; they wait for long, unless nothing else ends the call."""
    monkeypatch.setattr(transport, "MAX_DOWNLOAD_BYTES", 20_000_000)
    hangs = request.node.callspec.params["name"] in HANGING
    return Clients(server.url, tmp_path, patience=1.0 if hangs else PATIENCE)


@pytest.mark.parametrize("name", [*BROKEN, *UNREADABLE])
def test_a_write_without_a_clear_answer_may_have_been_carried_out(
    server: HostileServer, clients: Clients, name: str
) -> None:
    """It is told so, and sent once: whoever repeats it must wait first."""
    server.answer = ANSWERS[name]

    for write in clients.writes.values():
        before = len(server.asked)
        with pytest.raises(NoAnswer, match="may have been carried out"):
            write()
        assert sum("/oauth/" not in asked.line for asked in server.asked[before:]) == 1


@pytest.mark.parametrize("name", REFUSED)
def test_a_write_that_is_refused_was_not_carried_out(server: HostileServer, clients: Clients, name: str) -> None:
    """A status below 500 is the word of somebody who passed nothing on."""
    server.answer = ANSWERS[name]

    for write in clients.writes.values():
        with pytest.raises((RequestRefused, AccessDenied)):
            write()


@pytest.mark.parametrize("name", ANSWERS)
def test_a_read_ends_with_an_error_of_ours(
    server: HostileServer, clients: Clients, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of all calls of both clients; neither what came nor a secret is in it, or in a log."""
    caplog.set_level(logging.INFO)
    server.answer = ANSWERS[name]

    for read, call in clients.reads.items():
        if name in BROKEN and read not in WAYS:
            continue
        if (read, name) in MEANT:
            assert call() == []
            continue
        with pytest.raises((VendorUnavailable, RequestRefused, AccessDenied, MarketoProviderError)) as caught:
            call()
        told = shown(caught.value) + caplog.text
        assert CANARY not in told
        assert SECRET not in told
        assert "hostile-token" not in told


@pytest.mark.parametrize("name", ANSWERS)
def test_an_identity_endpoint_in_bad_hands_gives_no_token(
    server: HostileServer, clients: Clients, name: str
) -> None:
    """Nothing else is asked without one."""
    server.grants = False
    server.answer = ANSWERS[name]

    with pytest.raises((VendorUnavailable, RequestRefused, AccessDenied)) as caught:
        clients.write()

    assert all("/oauth/" in asked.line for asked in server.asked)
    assert SECRET not in shown(caught.value)
    assert CANARY not in shown(caught.value)
