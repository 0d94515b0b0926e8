"""The files of bulk import: the one that is uploaded, and those that say which of its rows failed or warned.

A file is UTF-8 and has no byte order mark (with one, its first column has a name that no field has); cells are
quoted as in RFC 4180 whatever separates them, and a file that breaks off inside of quotes fails as a whole.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from include.sandbox.marketo_answers import Refused
from include.sandbox.wire import Response

DELIMITERS: Mapping[str, str] = {"csv": ",", "tsv": "\t", "ssv": ";"}
FAILURE, WARNING = "Import Failure Reason", "Import Warning Reason"
Row = list[str]


class BrokenFile(Exception):
    """A file that stops being one somewhere below its header."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """An uploaded file; `header` is its first row."""

    text: str
    delimiter: str
    header: Row

    def rows(self) -> Iterator[Row]:
        """Yield the rows below the header; empty lines are none.

        Raises:
            BrokenFile: when the place is reached where it is broken.
        """
        try:
            rows = filter(None, _reader(self.text, self.delimiter))
            next(rows)
            yield from rows
        except csv.Error:
            raise BrokenFile from None


def read_file(content: bytes, delimiter: str) -> ImportFile:
    """Return the uploaded file.

    Raises:
        Refused: it is not UTF-8 or has no header (1003; the vendor does not say which code).
    """
    try:
        text = content.decode("utf-8")
        header = next(filter(None, _reader(text, delimiter)))
    except (UnicodeDecodeError, csv.Error):
        raise Refused("1003", "Invalid file") from None
    except StopIteration:
        raise Refused("1003", "Empty file") from None
    return ImportFile(text, delimiter, header)


def report(file: ImportFile, reasons: Mapping[int, str], heading: str, *, shuffle: Random) -> Response:
    """Return the file of those rows that have a reason, with it in a last column, in no particular order.

    Where the last cell of all of them is empty, its column is left out, heading and all, as has been seen on a
    real instance
    (https://blog.teknkl.com/tip-add-a-initial-row-number-to-bulk-lead-import-csvs-for-useful-failure-reports).
    """
    if not reasons:
        return Response(404, b"Not Found", {"content-type": "text/plain"})
    width = len(file.header)
    rows = [(row + [""] * (width - len(row)), reasons[i]) for i, row in enumerate(file.rows()) if i in reasons]
    shuffle.shuffle(rows)
    if not any(row[width - 1] for row, _ in rows):
        width -= 1
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=file.delimiter, lineterminator="\n")
    writer.writerow([*file.header[:width], heading])
    writer.writerows([*row[:width], reason] for row, reason in rows)
    return Response(200, text.getvalue().encode(), {"content-type": "text/csv;charset=UTF-8"})


def _reader(text: str, delimiter: str) -> Iterator[Row]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
