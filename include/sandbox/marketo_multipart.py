"""The multipart/form-data body of a bulk import, read with `python-multipart`.

That parser takes a body which ends before its last boundary for a whole one; here it is broken, for half a file
must not be imported.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-import
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from include.sandbox.marketo_answers import Refused

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    content: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form holds: its fields, and the files by the name of their part."""

    fields: dict[str, str]
    files: dict[str, bytes]


def read_form(content_type: str, body: bytes) -> Form:
    """Return what is in a body.

    Raises:
        Refused: it is not said to be a form (612), or it is a broken one, or one name comes twice (613).
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise Refused("612")
    reader = _Reader()
    try:
        parser = MultipartParser(options[b"boundary"], reader.callbacks())
        parser.write(body)
        parser.finalize()
        if not reader.ended:
            raise Refused("613")
        return _form(reader.parts)
    except (FormParserError, KeyError, UnicodeDecodeError):
        raise Refused("613") from None


class _Reader:
    """Gathers the parts as the parser finds them."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self._name = self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": lambda: self.parts.append(_Part()),
            "on_part_data": self._data,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_end": self._end,
        }

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].content += memoryview(data)[start:end]

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self.parts[-1].headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end(self) -> None:
        self.ended = True


def _form(parts: list[_Part]) -> Form:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        _, options = parse_options_header(part.headers[b"content-disposition"])
        name = options[b"name"].decode("utf-8")
        if name in fields or name in files:
            raise Refused("613")
        if b"filename" in options:
            files[name] = bytes(part.content)
        else:
            fields[name] = part.content.decode("utf-8")
    return Form(fields, files)
