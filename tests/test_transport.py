import gzip
import io
import socket
import ssl
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import requests
from requests.auth import AuthBase
from urllib3 import HTTPResponse
from urllib3.exceptions import (
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
)

from marketo_provider import transport
from marketo_provider.errors import InvalidSetting, MarketoProviderError, NoAnswer, VendorUnavailable
from marketo_provider.multipart import Upload
from marketo_provider.transport import MAX_BODY_BYTES, Answer, Request, Transport
from tests.fake_wire import FakeAdapter, FakeClock, Reply, Step, body_of, session_with, shown

BASE = "https://api.example.com"
SECRET = "s3cret"
REASON = "reason that quotes ann@example.com"


class Header(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add a secret that no message may show."""
        request.headers["Authorization"] = SECRET
        return request


class Setup:
    def __init__(self, *script: Step) -> None:
        self.clock = FakeClock()
        self.adapter = FakeAdapter(*script)
        self.session = session_with(self.adapter)
        self.transport = Transport(BASE, session=self.session, clock=self.clock)

    def send(self, request: Request | None = None, *, seconds: float = 10.0) -> Answer:
        """Send a request that may take so many seconds."""
        return self.transport.send(
            request or Request("GET", "/thing"), auth=Header(), deadline=self.clock.time + seconds
        )


class Trickle(io.BytesIO):
    """A body of which every read brings one byte and takes a second."""

    def __init__(self, content: bytes, clock: FakeClock) -> None:
        super().__init__(content)
        self.clock = clock
        self.reads = 0

    def read1(self, _size: int | None = -1, /) -> bytes:
        """Bring one byte."""
        self.reads += 1
        self.clock.sleep(1.0)
        return super().read1(1)


@pytest.fixture
def unused_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def pool_error(reason: Exception) -> MaxRetryError:
    """Return what urllib3's pool raises."""
    return MaxRetryError(None, "/thing", reason)  # type: ignore[arg-type] # the pool is not looked at


def test_an_answer_is_returned_whole_whatever_its_status() -> None:
    """What a status means is the vendors' clients' business."""
    setup = Setup(Reply(b"teapot", 418, {"X-Kind": "pot"}))

    answer = setup.send()

    assert (answer.status, answer.body, answer.headers["x-kind"]) == (418, b"teapot", "pot")


def test_a_request_is_sent_as_it_is_asked() -> None:
    """Method, path, query, form, headers and authentication all arrive."""
    setup = Setup(Reply())

    setup.send(Request("POST", "/a/b", params={"x": 1}, form={"plus": "a+b"}, headers={"X-Name": "me"}))

    sent = setup.adapter.requests[0]
    assert (sent.method, sent.url, body_of(sent)) == ("POST", f"{BASE}/a/b?x=1", "plus=a%2Bb")
    assert (sent.headers["X-Name"], sent.headers["Authorization"]) == ("me", SECRET)


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    """Return a file of several pieces that is to be sent."""
    path = tmp_path / "ann@example.com.csv"
    path.write_bytes(b"0123456789" * 20_000)
    return Upload("file", "leads.csv", "text/csv", path)


def pieces_of(request: requests.PreparedRequest) -> Iterator[bytes]:
    """Yield the body of a request as it is sent."""
    yield from request.body or []  # type: ignore[misc] # pieces of bytes


def test_a_file_is_sent_as_the_one_part_of_a_form(upload: Upload) -> None:
    """Piece by piece, with its length said before, as servers want it."""
    pieces: list[bytes] = []

    def take(request: requests.PreparedRequest) -> Reply:
        pieces.extend(pieces_of(request))
        return Reply()

    setup = Setup(take)

    setup.send(Request("POST", "/files", upload=upload))

    sent = setup.adapter.requests[0]
    form = message_from_bytes(f"Content-Type: {sent.headers['Content-Type']}\r\n\r\n".encode() + b"".join(pieces))
    (part,) = (part for part in form.walk() if not part.is_multipart())
    assert (part.get_param("name", header="content-disposition"), part.get_filename()) == ("file", "leads.csv")
    assert (part.get_content_type(), part.get_payload()) == ("text/csv", "0123456789" * 20_000)
    assert sent.headers["Content-Length"] == str(sum(map(len, pieces)))
    assert "Transfer-Encoding" not in sent.headers
    assert max(map(len, pieces)) < 100_000


def test_an_upload_ends_at_the_deadline(upload: Upload) -> None:
    """A server that takes the file too slowly may have all of it in the end."""
    setup = Setup()

    def slow(request: requests.PreparedRequest) -> Reply:
        try:
            for _ in pieces_of(request):
                setup.clock.sleep(6)
        except TimeoutError as error:
            raise requests.ConnectionError(ProtocolError("Connection aborted.", error)) from None
        return Reply()

    setup.adapter.script.append(slow)

    with pytest.raises(NoAnswer):
        setup.send(Request("POST", "/files", upload=upload), seconds=10)

    assert setup.clock.monotonic() <= 1012


def test_a_body_may_go_to_a_file(tmp_path: Path) -> None:
    """Nothing is left of what an earlier attempt wrote."""
    setup = Setup(Reply(b"a longer answer"), Reply(b"new"))
    with (tmp_path / "answer").open("w+b") as file:
        answers = [setup.send(Request("GET", "/file", into=file)) for _ in range(2)]
        file.seek(0)

        assert file.read() == b"new"
    assert [answer.body for answer in answers] == [b"", b""]


def test_a_file_has_an_end_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The disk is not filled by whatever a server sends."""
    monkeypatch.setattr(transport, "MAX_DOWNLOAD_BYTES", 10)
    setup = Setup(Reply(b"x" * 11))

    with (tmp_path / "answer").open("w+b") as file, pytest.raises(NoAnswer, match="larger than 10 bytes"):
        setup.send(Request("GET", "/file", into=file))


def test_neither_files_nor_bodies_are_in_a_request_s_repr(upload: Upload) -> None:
    """Their names and contents may be of persons."""
    request = Request("POST", "/files", upload=upload, form={"filterValues": "ann@example.com"})

    assert "ann@example.com" not in repr(request)


def test_a_session_s_own_credentials_are_not_sent() -> None:
    """A hook's session carries the Connection's login; the vendor's authentication takes its place."""
    setup = Setup(Reply())
    setup.session.auth = ("login", "password")

    setup.send()

    assert setup.adapter.requests[0].headers["Authorization"] == SECRET


def test_a_redirect_is_not_followed() -> None:
    """Credentials must not travel to where it points."""
    setup = Setup(Reply(status=302, headers={"Location": "https://elsewhere.example.com/"}))

    assert setup.send().status == 302
    assert len(setup.adapter.requests) == 1


def test_compressed_bodies_are_unpacked() -> None:
    """Marketo compresses on request; sessions ask for it."""
    setup = Setup(Reply(gzip.compress(b"x" * 100_000), headers={"Content-Encoding": "gzip"}))

    assert setup.send().body == b"x" * 100_000


def test_nothing_is_sent_after_the_deadline() -> None:
    """Not begun means certainly not executed."""
    setup = Setup(Reply())

    with pytest.raises(VendorUnavailable):
        setup.send(seconds=0)

    assert not setup.adapter.requests


def test_the_time_left_bounds_the_whole_wait_for_the_first_byte() -> None:
    """Connecting and waiting share it."""
    setup = Setup(Reply())

    setup.send(seconds=7)

    assert setup.adapter.timeouts[0].total == 7


def test_a_body_that_trickles_past_the_deadline_is_given_up() -> None:
    """Silence alone would never end it."""
    setup = Setup()
    body = Trickle(b"0123456789", setup.clock)
    setup.adapter.script = [Reply(body)]

    with pytest.raises(NoAnswer, match="did not end in time"):
        setup.send(seconds=3)

    assert body.reads == 3


def test_a_body_that_trickles_within_the_deadline_is_read() -> None:
    """Slow is not late."""
    setup = Setup()
    setup.adapter.script = [Reply(Trickle(b"0123456789", setup.clock))]

    assert setup.send(seconds=60).body == b"0123456789"


def test_a_read_on_a_silent_socket_is_woken_at_the_deadline() -> None:
    """Between two reads the clock is looked at; within one, only the socket's end helps."""
    woken = Event()
    closing_nothing = io.BytesIO()

    class Silent(io.BytesIO):
        def read1(self, _size: int | None = -1, /) -> bytes:
            assert woken.wait(timeout=30), "nobody woke the read"
            return b""

    class SilentAdapter(FakeAdapter):
        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # as in FakeAdapter
            response = super().send(request, **options)
            response.raw = HTTPResponse(
                body=Silent(),
                headers={"Content-Length": "5"},
                preload_content=False,
                connection=closing_nothing,  # type: ignore[arg-type] # it is only closed
                sock_shutdown=lambda _how: woken.set(),
            )
            return response

    clock = FakeClock()
    session = session_with(SilentAdapter(Reply()))

    with pytest.raises(NoAnswer):
        Transport(BASE, session=session, clock=clock).send(
            Request("GET", "/thing"), auth=Header(), deadline=clock.time + 0.01
        )


def test_a_body_above_the_cap_is_given_up() -> None:
    """A gateway's endless page must not fill the memory; what is measured is the body as unpacked."""
    packed = {"Content-Encoding": "gzip"}
    setup = Setup(
        Reply(gzip.compress(bytes(MAX_BODY_BYTES), 1), headers=packed),
        Reply(gzip.compress(bytes(MAX_BODY_BYTES + 1), 1), headers=packed),
    )

    assert len(setup.send().body) == MAX_BODY_BYTES
    with pytest.raises(NoAnswer, match="larger than"):
        setup.send()


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout(REASON),
        requests.exceptions.ProxyError(REASON),
        requests.ConnectionError(pool_error(NewConnectionError(None, REASON))),  # type: ignore[arg-type] # no connection
        requests.ConnectionError(pool_error(NameResolutionError("h", None, OSError(REASON)))),  # type: ignore[arg-type] # as above
    ],
    ids=["connect-timeout", "proxy", "refused", "no-such-name"],
)
def test_what_failed_before_sending_is_unavailable(error: Exception) -> None:
    """The vendor certainly did nothing."""
    setup = Setup(error)

    with pytest.raises(VendorUnavailable, match="could not be reached"):
        setup.send()


@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, REASON))),
        requests.ConnectionError(ProtocolError("Connection aborted.", BrokenPipeError(32, REASON))),
        requests.ReadTimeout(REASON),
        requests.exceptions.SSLError(SSLError(REASON)),
        requests.exceptions.RetryError(REASON),
        requests.exceptions.InvalidHeader(REASON),
        ProtocolError(REASON),
    ],
    ids=["reset", "broken-pipe", "read-timeout", "tls-broke", "adapter-repeated", "answer-header", "raw"],
)
def test_what_failed_after_sending_is_no_answer(error: Exception) -> None:
    """The vendor may have acted."""
    setup = Setup(error)

    with pytest.raises(NoAnswer, match="may have been carried out"):
        setup.send()


@pytest.mark.parametrize(
    "error",
    [
        requests.exceptions.SSLError(pool_error(SSLError(ssl.SSLCertVerificationError(1, REASON)))),
        requests.exceptions.InvalidProxyURL(f"http://user:{SECRET}@proxy"),
        OSError(f"no such bundle: {SECRET}"),
    ],
    ids=["certificate", "proxy-address", "ca-bundle"],
)
def test_what_only_a_person_can_mend_is_a_setting(error: Exception) -> None:
    """Trying again would fail alike."""
    setup = Setup(error)

    with pytest.raises(InvalidSetting, match="verify"):
        setup.send()


def test_a_body_that_breaks_off_is_no_answer() -> None:
    """Fewer bytes than announced, or bytes that cannot be unpacked."""
    setup = Setup(
        Reply(b"half", headers={"Content-Length": "8"}),
        Reply(b"not gzip", headers={"Content-Encoding": "gzip"}),
    )

    for _ in range(2):
        with pytest.raises(NoAnswer, match="broke off"):
            setup.send()


def test_no_error_tells_a_secret_or_a_library_s_words() -> None:
    """They may quote addresses, and proxies with their passwords."""
    setup = Setup(
        requests.ConnectionError(ProtocolError(REASON)),
        requests.exceptions.InvalidProxyURL(f"http://user:{SECRET}@proxy"),
    )

    for _ in range(2):
        with pytest.raises(MarketoProviderError) as caught:
            setup.send(Request("POST", "/thing", form={"secret": SECRET}))

        assert SECRET not in shown(caught.value)
        assert REASON not in shown(caught.value)


def test_bodies_are_not_in_the_repr() -> None:
    """Whoever logs a request or an answer logs no address."""
    request = Request("POST", "/thing", form={"a": SECRET}, json={"a": SECRET}, headers={"a": SECRET})
    answer = Answer(200, {"Set-Cookie": SECRET}, SECRET.encode())

    assert SECRET not in repr(request) + repr(answer)


def test_a_port_where_nobody_listens_is_unavailable(unused_port: int) -> None:
    """The same over a real socket."""
    clock = FakeClock()
    real = Transport(f"http://127.0.0.1:{unused_port}", session=requests.Session(), clock=clock)

    with pytest.raises(VendorUnavailable, match="could not be reached"):
        real.send(Request("GET", "/"), auth=Header(), deadline=clock.time + 5)
