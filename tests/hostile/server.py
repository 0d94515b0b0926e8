"""A vendor's host in bad hands: a plain socket server that sends the bytes a test gives it, maybe for ever."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from tests.marketo.support import TOKEN_PATH

LOOPBACK = "127.0.0.1"
GRANT = b'{"access_token":"hostile-token","token_type":"bearer","expires_in":3600}'


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in."""

    line: str
    headers: str
    body: bytes = field(repr=False)


Pieces = Iterable[bytes]
Answer = Callable[["HostileServer"], Pieces]


class HostileServer:
    """Answers each request with the pieces of `answer`, closes after it, and keeps what it was asked.

    Attributes:
        answer: what is sent; a request for a token is answered rightly, unless `grants` is off.
        over: set at the end of the test, for who drips.
    """

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self.url = f"{'https' if tls else 'http'}://{LOOPBACK}:{listener.getsockname()[1]}"
        self.answer: Answer = lambda _: ()
        self.grants = True
        self.asked: list[Asked] = []
        self.connections = 0
        self.over = Event()
        self._listener = listener

    def drip(self, pieces: Pieces) -> Iterator[bytes]:
        """Yield pieces one by one, with a pause that no timeout between two of them can see."""
        for piece in pieces:
            yield piece
            if self.over.wait(0.02):
                return

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            asked = _read(connection)
            if asked is None:
                return
            self.asked.append(asked)
            wants_token = TOKEN_PATH in asked.line
            for piece in page(GRANT) if wants_token and self.grants else self.answer(self):
                if self.over.is_set():
                    return
                connection.sendall(piece)


@contextmanager
def hostile_server(tls: ssl.SSLContext | None = None) -> Iterator[HostileServer]:
    """Serve on loopback while the context lasts."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        server = HostileServer(listener, tls)
        thread = Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def page(body: bytes, status: str = "200 OK", *headers: str) -> list[bytes]:
    """Return a well-formed answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return [("\r\n".join(head) + "\r\n\r\n").encode("latin-1"), body]


def _read(connection: socket.socket) -> Asked | None:
    """Read one request, its body by its length; None where none comes."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    line, _, headers = head.decode("latin-1").partition("\r\n")
    length = next(
        (int(each.split(":")[1]) for each in headers.split("\r\n") if each.lower().startswith("content-length")), 0
    )
    while len(body) < length and (piece := connection.recv(65536)):
        body += piece
    return Asked(line, headers, body)
