"""What a host in bad hands, or a broken gateway before a good one, may answer."""

import gzip
from collections.abc import Mapping
from itertools import chain, repeat

from tests.hostile.clients import CANARY
from tests.hostile.server import Answer, HostileServer, Pieces, page

_BLOCK = bytes(1 << 16)
_LINE = b"X-Filler: " + b"x" * 60_000 + b"\r\n"
HTML = f"<html><body><h1>Sign in, {CANARY}</h1></body></html>".encode()


def fixed(*pieces: bytes) -> Answer:
    """Return an answer that is the same each time."""
    return lambda _: pieces


def html(status: str) -> Answer:
    """Return a page for people."""
    return fixed(*page(HTML, status, "Content-Type: text/html"))


def json_body(body: bytes) -> Answer:
    """Return an answer that says it is JSON."""
    return fixed(*page(body, "200 OK", "Content-Type: application/json"))


def bomb(levels: int) -> Answer:
    """Return zeros without end, compressed once or several times."""
    encodings = ", ".join(["gzip"] * levels)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {encodings}\r\n\r\n".encode()
    packed = gzip.compress(bytes(1 << 20))
    for _ in range(levels - 1):
        packed = gzip.compress(packed * 1000)
    return lambda _: chain([head], repeat(packed))


def _head_for_ever(server: HostileServer) -> Pieces:
    return server.drip(chain([b"HTTP/1.1 200 OK\r\nX-Long: "], repeat(b"x")))


def _body_for_ever(server: HostileServer) -> Pieces:
    return server.drip(chain([b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"], repeat(b" ")))


def _continue_for_ever(server: HostileServer) -> Pieces:
    return server.drip(repeat(b"HTTP/1.1 100 Continue\r\n\r\n"))


def _trailers_for_ever(server: HostileServer) -> Pieces:
    return server.drip(
        chain([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"], repeat(b"X-Trailer: x\r\n"))
    )


def _silence(server: HostileServer) -> Pieces:
    server.over.wait()
    return ()


# Only the deadline ends these.
HANGING: Mapping[str, Answer] = {
    "silence": _silence,
    "a head that drips for ever": _head_for_ever,
    "a body that drips for ever": _body_for_ever,
    "100 Continue for ever": _continue_for_ever,
    "trailers for ever": _trailers_for_ever,
}

# The connection breaks, hangs, or brings what is no complete answer.
BROKEN: Mapping[str, Answer] = {
    **HANGING,
    "closed at once": fixed(),
    "gigabytes": lambda _: chain([b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"], repeat(_BLOCK)),
    "gigabytes without a length": lambda _: chain([b"HTTP/1.1 200 OK\r\n\r\n"], repeat(_BLOCK)),
    "gigabytes in chunks": lambda _: chain(
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], repeat(b"10000\r\n" + _BLOCK + b"\r\n")
    ),
    "a gzip bomb": bomb(1),
    "a gzip bomb in a gzip bomb": bomb(2),
    "ten layers of gzip": fixed(*page(_BLOCK, "200 OK", f"Content-Encoding: {', '.join(['gzip'] * 10)}")),
    "no gzip": fixed(*page(b"no gzip at all", "200 OK", "Content-Encoding: gzip")),
    "half of a gzip": fixed(*page(gzip.compress(_BLOCK)[:20], "200 OK", "Content-Encoding: gzip", "X: 1")[:1]),
    "half a body": fixed(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"success":true'),
    "headers for ever": lambda _: chain([b"HTTP/1.1 200 OK\r\n"], repeat(_LINE)),
    "a header of megabytes": lambda _: chain([b"HTTP/1.1 200 OK\r\nX-Long: "], repeat(_BLOCK)),
    "a thousand headers": fixed(b"HTTP/1.1 200 OK\r\n", b"X-Some: x\r\n" * 1000, b"\r\n"),
    "two lengths": fixed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n{}"),
    "chunks of no size": fixed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a chunk's size for ever": lambda _: chain(
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], repeat(b"0" * 65536)
    ),
    "no HTTP": fixed(b"\x16\x03\x01 hello " + CANARY.encode() + b"\r\n\r\n"),
    "a status that is no number": fixed(b"HTTP/1.1 OK fine\r\n\r\n"),
    "a status line of megabytes": lambda _: repeat(_BLOCK),
}

# A complete answer that says nothing: whoever wrote cannot know whether he has.
UNREADABLE: Mapping[str, Answer] = {
    "an empty body": json_body(b""),
    "a page for people": html("200 OK"),
    "an error page": html("500 Internal Server Error"),
    "a gateway's page": html("503 Service Unavailable"),
    "a status nobody knows": html("999 Whatever"),
    "text": json_body(CANARY.encode()),
    "invalid UTF-8": json_body(b'{"success":true,"result":[{"email":"\xff\xfe' + CANARY.encode() + b'"}]}'),
    "UTF-16": json_body('{"success":true,"result":[]}'.encode("utf-16")),
    "zeros": json_body(bytes(1000)),
    "JSON nested a million deep": json_body(b'{"success":' + b"[" * 1_000_000),
    "results nested a million deep": json_body(b'{"success":true,"result":' + b"[" * 1_000_000),
    "a profile nested a million deep": json_body(
        b'{"status":"ok","results":[{"$properties":{"$email":' + b"[" * 1_000_000
    ),
    "a number of a million digits": json_body(b'{"success":true,"result":' + b"9" * 1_000_000 + b"}"),
    "numbers that are none": json_body(b'{"success":NaN,"results":Infinity,"result":-Infinity}'),
    "lone surrogates": json_body(b'{"success":true,"result":["\\ud800"],"results":["\\udfff"]}'),
    "a null": json_body(b"null"),
    "a list": json_body(b"[1]"),
    "an empty object": json_body(b"{}"),
    "a failure that names nothing": json_body(b'{"success":false,"errors":[]}'),
    "a failure that quotes": json_body(
        b'{"success":false,"errors":[{"code":"' + CANARY.encode() + b'","message":"' + CANARY.encode() + b'"}]}'
    ),
}

# A status that says that nothing was done.
REFUSED: Mapping[str, Answer] = {
    "a redirect": fixed(*page(HTML, "302 Found", "Location: https://elsewhere.example.com/")),
    "a redirect to nowhere": fixed(*page(b"", "307 Temporary Redirect", "Location: http://[")),
    "a redirect in other letters": fixed(*page(b"", "301 Moved", "Location: http://\xff\xfe/")),
    "a page that is not here": html("404 Not Found"),
    "a wall": html("403 Forbidden"),
    "a sign-in page": html("401 Unauthorized"),
}
