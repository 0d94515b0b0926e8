"""A local file as the one part of a multipart form, sent piece by piece (RFC 7578)."""

import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from marketo_provider.clock import Clock

_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A local file that is sent as the one part of a multipart form; it is never held in memory."""

    name: str
    filename: str
    content_type: str
    path: Path = field(repr=False)


class Multipart:
    """The body of an upload, read by the library piece by piece.

    Not left to the library: it would hold the file twice, and send it in one piece, which has to be through within
    the time for connecting.
    """

    def __init__(self, upload: Upload, file: IO[bytes], *, clock: Clock, deadline: float) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        disposition = f'form-data; name="{upload.name}"; filename="{upload.filename}"'
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {upload.content_type}\r\n\r\n"
        head_bytes, tail_bytes = head.encode(), f"\r\n--{boundary}--\r\n".encode()
        self._size = len(head_bytes) + upload.path.stat().st_size + len(tail_bytes)
        self._parts = [io.BytesIO(head_bytes), file, io.BytesIO(tail_bytes)]
        self._clock = clock
        self._deadline = deadline

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_PIECE_BYTES):
            yield piece

    def read(self, size: int = _PIECE_BYTES) -> bytes:
        """Return the next piece, as long as there is time."""
        if self._clock.monotonic() >= self._deadline:
            raise TimeoutError
        while self._parts:
            if piece := self._parts[0].read(size):
                return piece
            self._parts.pop(0)
        return b""
