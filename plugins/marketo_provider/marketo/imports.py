"""The endpoints of bulk lead import: a file is uploaded, its job waits and works, others say which rows failed.

An import by e-mail inserts or updates, and never tells which. The files of failed and of warned rows are CSV,
whatever their path says, with the columns of the upload and a last one; where there are no such rows, there is no
file
(https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import).
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from marketo_provider.errors import ImportUnreadable, RequestRefused
from marketo_provider.marketo.answers import ImportRow, Page, QueuedRow
from marketo_provider.marketo.exchange import Exchange
from marketo_provider.marketo.models import ImportProblem, ImportStatus
from marketo_provider.multipart import Upload
from marketo_provider.transport import Request

MAX_FILE_BYTES = 10_000_000  # "under 10 MB", of which Adobe gives no bytes: the smaller of the two readings
ADDRESS_COLUMN = "email"
_GONE = {"610", "1013"}  # an id is valid for seven days; what comes after is not documented
_LONGEST_LINE = 100_000


class Imports:
    """The import jobs of one instance; safe to share between threads.

    Args:
        exchange: carries the calls through.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def create(self, file: Path, *, partition: str | None, deadline: float) -> int:
        """Upload a CSV file of at most `MAX_FILE_BYTES`, with a header, and return its job's batch id.

        Raises:
            ImportQueueFull: there is no place in the queue; nothing was taken.
            NoAnswer: the file may or may not have been taken; nothing was repeated.
            MarketoProviderError: see `Exchange.ask`.
        """
        params: dict[str, str | int] = {"format": "csv", "lookupField": ADDRESS_COLUMN}
        if partition is not None:
            params["partitionName"] = partition
        upload = Upload("file", "leads.csv", "text/csv", file)

        def read(answer: bytes) -> int:
            (row,) = Page[QueuedRow].model_validate_json(answer).result
            return row.batch_id

        request = Request("POST", "/bulk/v1/leads.json", params=params, upload=upload)
        return self._exchange.ask(request, read, deadline=deadline, writes=True)

    def status(self, batch_id: int) -> ImportStatus | None:
        """Tell how far a job is; None where Marketo does not know it any more, seven days after the upload."""

        def read(answer: bytes) -> ImportStatus:
            (row,) = Page[ImportRow].model_validate_json(answer).result
            return row.value()

        request = Request("GET", f"/bulk/v1/leads/batch/{batch_id}.json")
        try:
            return self._exchange.ask(request, read, deadline=self._exchange.deadline())
        except RequestRefused as refused:
            if refused.code in _GONE:
                return None
            raise

    def failures(self, batch_id: int, *, field: str) -> Iterator[ImportProblem]:
        """Yield the rows of a complete job that were not imported, in no order.

        Args:
            batch_id: the job's.
            field: the second column of what was uploaded.

        Raises:
            ImportUnreadable: the file is not as documented.
            MarketoProviderError: see `Exchange.ask`.
        """
        return self._problems(batch_id, "failures", [ADDRESS_COLUMN, field, "Import Failure Reason"])

    def warnings(self, batch_id: int, *, field: str) -> Iterator[ImportProblem]:
        """Yield the rows that were imported with a warning; as `failures`."""
        return self._problems(batch_id, "warnings", [ADDRESS_COLUMN, field, "Import Warning Reason"])

    def _problems(self, batch_id: int, name: str, header: list[str]) -> Iterator[ImportProblem]:
        request = Request("GET", f"/bulk/v1/leads/batch/{batch_id}/{name}.json")
        with TemporaryFile(prefix="marketo-provider-") as file:
            if self._exchange.download(request, file, deadline=self._exchange.deadline()):
                try:
                    yield from _read(file, header)
                except (ValueError, csv.Error):
                    raise ImportUnreadable(
                        f"Marketo's {name} file of import {batch_id} is not as documented; its columns should be "
                        f"{', '.join(header)}. What became of the file's rows is unknown. Look at the job under "
                        "Admin > Integration, and report the format to the maintainers of this provider."
                    ) from None


def _read(file: IO[bytes], header: list[str]) -> Iterator[ImportProblem]:
    file.seek(0)
    rows = csv.reader(_lines(io.TextIOWrapper(file, encoding="utf-8", newline="")), strict=True)
    if next(rows, None) != header:
        raise ValueError("other columns")
    for address, _, reason in rows:
        yield ImportProblem(address, reason)


def _lines(text: IO[str]) -> Iterator[str]:
    """Yield the lines of a file; one that does not end would be read into memory whole."""
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise ValueError("a line without end")
        yield line
