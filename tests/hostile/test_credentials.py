"""Credentials go to the host of the Connection, over verified TLS, and nowhere else."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from marketo_provider.errors import AccessDenied, InvalidSetting, MarketoProviderError, RequestRefused
from tests.dags.vendor_front import make_certificate
from tests.fake_wire import shown
from tests.hostile.clients import SECRET, Clients
from tests.hostile.server import LOOPBACK, HostileServer, hostile_server, page

EMPTY = b'{"success":true,"requestId":"1","result":[]}'


@pytest.fixture
def elsewhere() -> Iterator[HostileServer]:
    """Serve another host, which would take what comes."""
    with hostile_server() as server:
        yield server


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["write", "find leads", "first page", "cohorts", "a token"])
def test_a_redirect_is_not_followed(elsewhere: HostileServer, tmp_path: Path, status: int, call: str) -> None:
    """Not a connection is made to where it points."""
    with hostile_server() as server:
        server.answer = lambda _: page(b"", f"{status} Moved", f"Location: {elsewhere.url}/rest/v1/leads.json")
        server.grants = call != "a token"
        clients = Clients(server.url, tmp_path)

        with pytest.raises((RequestRefused, AccessDenied)):
            clients.reads.get(call, clients.write)()

        assert server.asked
    assert elsewhere.connections == 0


def test_a_redirect_without_end_is_not_read(elsewhere: HostileServer, tmp_path: Path) -> None:
    """`requests` reads the body of a redirect to its end, even where it does not follow it."""

    def endless(server: HostileServer) -> Iterator[bytes]:
        yield f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}/\r\n\r\n".encode()
        while True:
            sent.append(1)
            yield bytes(1 << 16)

    sent: list[int] = []
    with hostile_server() as server:
        server.answer = endless

        with pytest.raises(MarketoProviderError):
            Clients(server.url, tmp_path).write()

    assert len(sent) < 2000  # 128 MB; sockets hold some of it
    assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("wrong", "name"), [("authority", LOOPBACK), ("name", "elsewhere.example.com"), ("nothing", LOOPBACK)]
)
@pytest.mark.parametrize("vendor", ["marketo", "mixpanel"])
def test_certificates_are_verified_before_anything_is_sent(
    wrong: str, name: str, vendor: str, tmp_path: Path
) -> None:
    """Authority and name; a host that fails either hears not a byte of a request."""
    certificate, key = make_certificate([name], tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    session = requests.Session()
    session.trust_env = False
    session.verify = True if wrong == "authority" else str(certificate)
    with hostile_server(context) as server:
        server.answer = lambda _: page(EMPTY if vendor == "marketo" else b"[]")
        clients = Clients(server.url, tmp_path, session=session)
        call: Callable[[], Any] = clients.marketo.partitions if vendor == "marketo" else clients.mixpanel.cohorts
        if wrong == "nothing":
            assert call() == []
            return

        with pytest.raises(InvalidSetting, match=r"certificate .* is not trusted here") as caught:
            call()

        assert server.asked == []
    assert SECRET not in shown(caught.value)
