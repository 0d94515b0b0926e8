"""What the tests of bulk import share: uploads, and a look at what became of them."""

from collections.abc import Mapping
from typing import Any

from include.sandbox.wire import Response
from tests.sandbox.marketo_support import FLAG, Caller, body_of, done, results_of

IMPORT = "/bulk/v1/leads.json"
HEADER = f"email,{FLAG}"
ANN, BOB, CYN = "ann@example.com", "bob@example.com", "cyn@example.com"
BOUNDARY = "a-boundary"


def form_of(content: bytes | None, fields: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a form with these fields and a file of this content."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in (fields or {}).items()
    ]
    if content is not None:
        disposition = b'Content-Disposition: form-data; name="file"; filename="leads.csv"\r\n'
        parts.append(disposition + b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n")
    delimiter = f"--{BOUNDARY}".encode()
    return b"".join(delimiter + b"\r\n" + part for part in parts) + delimiter + b"--\r\n"


def upload(caller: Caller, *lines: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the upload of a file of these lines is answered; it is CSV unless the query says otherwise."""
    return send(caller, form_of("\r\n".join(lines).encode()), query={"format": "csv"} | dict(query or {}))


def send(caller: Caller, body: bytes, *, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the upload of a body is answered."""
    content_type = f"multipart/form-data; boundary={BOUNDARY}"
    return body_of(done(caller.begin("POST", IMPORT, body, content_type=content_type, query=query)))


def batch_of(answer: Mapping[str, Any]) -> int:
    """Return the batch id in the answer to an upload, which must have been taken."""
    assert answer["success"] is True, answer
    batch: int = answer["result"][0]["batchId"]
    return batch


def start(caller: Caller, *lines: str, query: Mapping[str, str] | None = None) -> int:
    """Upload a file of these lines, which must be taken, and return its batch id."""
    return batch_of(upload(caller, *lines, query=query))


def run(caller: Caller, *lines: str, query: Mapping[str, str] | None = None) -> int:
    """Upload a file and let time pass until it must have been imported."""
    batch = start(caller, *lines, query=query)
    caller.clock.advance(60)
    return batch


def status_of(caller: Caller, batch: int) -> dict[str, Any]:
    """Return the status of a job that must be known."""
    [status] = results_of(done(caller.begin("GET", f"/bulk/v1/leads/batch/{batch}.json")))
    return status


def states(caller: Caller, *batches: int) -> list[str]:
    """Return the states of jobs, by a look from outside."""
    jobs = {job["batch_id"]: job["status"] for job in caller.admin("GET imports")["imports"]}
    return [jobs[batch] for batch in batches]


def file_of(caller: Caller, batch: int, name: str = "failures") -> Response:
    """Return a job's failures or warnings."""
    return done(caller.begin("GET", f"/bulk/v1/leads/batch/{batch}/{name}.json"))


def reasons(caller: Caller, batch: int) -> list[str | None]:
    """Return why the rows of a job failed or warned, in the order of its file; None where one did not."""
    return [row["reason"] for row in caller.admin("GET import-rows", batch_id=str(batch))["rows"]]


def flags(caller: Caller, email: str) -> list[object]:
    """Return the flags of the leads of an address, None where it was never set."""
    return [lead.get(FLAG) for lead in caller.admin("GET leads", email=email)["leads"]]
