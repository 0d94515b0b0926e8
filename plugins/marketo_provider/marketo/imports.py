"""Bulk import of leads: files of addresses that Marketo takes, queues and works through by itself.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
"""

import csv
import io
from dataclasses import dataclass
from typing import Literal

from marketo_provider.errors import RequestRefused
from marketo_provider.marketo.answers import ImportRow, Page, QueuedRow
from marketo_provider.marketo.exchange import Exchange
from marketo_provider.transport import Request

MAX_FILE_BYTES = 10_000_000
_UNKNOWN_JOB = frozenset({"610", "1013", "404"})
_REASON_COLUMNS = {"failures": "Import Failure Reason", "warnings": "Import Warning Reason"}


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """How far a job has got; `gone`: Marketo does not know it any more, as after seven days."""

    state: Literal["Queued", "Importing", "Complete", "Failed", "gone"]
    failed: int = 0
    warned: int = 0

    @property
    def ended(self) -> bool:
        """Whether the job will change no lead any more."""
        return self.state in {"Complete", "Failed", "gone"}


@dataclass(frozen=True, slots=True)
class RowReason:
    """A row that Marketo says something of; its reason is Marketo's own wording and must not be shown."""

    address: str
    reason: str


class Imports:
    """The import endpoints of one instance.

    Args:
        exchange: carries the calls.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def upload(self, file: bytes, *, partition: str | None, deadline: float) -> int:
        """Hand a CSV file over, which is looked up by e-mail; return the id of its job.

        Raises:
            NoAnswer: the file may or may not have been taken; nothing was repeated.
            VendorUnavailable: it was not; with the code 1016 where the queue is full.
            MarketoProviderError: see `Exchange.ask`.
        """
        if len(file) > MAX_FILE_BYTES:
            raise ValueError(f"Marketo takes files of {MAX_FILE_BYTES} bytes, not {len(file)}.")
        params = {"format": "csv", "lookupField": "email"} | ({"partitionName": partition} if partition else {})
        request = Request("POST", "/bulk/v1/leads.json", params=params, file=file)

        def read(answer: bytes) -> int:
            rows = Page[QueuedRow].model_validate_json(answer).result
            if len(rows) != 1:
                raise ValueError("not one job")
            return rows[0].batch_id

        return self._exchange.ask(request, read, deadline=deadline, writes=True)

    def status(self, batch_id: int, *, deadline: float) -> ImportStatus:
        """Return how far a job has got."""
        request = Request("GET", f"/bulk/v1/leads/batch/{batch_id}.json")

        def read(answer: bytes) -> ImportStatus:
            rows = Page[ImportRow].model_validate_json(answer).result
            if len(rows) != 1:
                raise ValueError("not one job")
            return ImportStatus(rows[0].status, rows[0].failed, rows[0].warned)

        try:
            return self._exchange.ask(request, read, deadline=deadline)
        except RequestRefused as refused:
            if refused.code in _UNKNOWN_JOB:
                return ImportStatus("gone")
            raise

    def reasons(
        self, batch_id: int, kind: Literal["failures", "warnings"], *, deadline: float
    ) -> list[RowReason] | None:
        """Return the rows of a job that failed or were warned of; None where the file is not as documented.

        The file is in the columns of the upload, the address first, and a last one with the reason. It may be
        of any size up to the upload's.
        """
        request = Request("GET", f"/bulk/v1/leads/batch/{batch_id}/{kind}.json")

        def read(answer: bytes) -> list[RowReason] | None:
            rows = csv.reader(io.StringIO(answer.decode("utf-8"), newline=""))
            header = next(rows, None)
            if header is None:
                return []
            if header[0] != "email" or header[-1] != _REASON_COLUMNS[kind]:
                return None
            return [RowReason(row[0], row[-1]) for row in rows if row]

        return self._exchange.ask(request, read, deadline=deadline, file=True)
