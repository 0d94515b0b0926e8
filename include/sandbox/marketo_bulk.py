"""The endpoints of bulk lead import.

Parameters come in the query string or as fields of the form. Where the vendor is silent the upload is strict, as
what it takes is done unseen: a parameter it does not know is refused (1003), so are a column that cannot be
written and one that comes twice (1003), a column that is no field's REST name (1006), and a file without the
lookup field (1002). A file that was refused is no job.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/bulk-import/bulk-lead-import
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from include.sandbox.marketo_answers import Refused
from include.sandbox.marketo_bulk_files import DELIMITERS, FAILURE, WARNING, ImportFile, read_file, report
from include.sandbox.marketo_bulk_queue import Job
from include.sandbox.marketo_bulk_rows import ImportOptions, RowImport
from include.sandbox.marketo_endpoints import Call, Endpoint, Finish
from include.sandbox.marketo_instance import WRITE_LEAD, Instance
from include.sandbox.marketo_multipart import read_form

IMPORT_PATH = "/bulk/v1/leads.json"
_PARAMETERS = frozenset({"format", "lookupField", "partitionName", "listId"})
_NO_LOOKUP = frozenset({"leadPartitionId"})
"""Fields that leads are searched by but not imported by."""
_MAX_INT = 2**31 - 1


def _upload(instance: Instance, call: Call) -> Finish:
    form = read_form(call.content_type, call.body)
    if "file" not in form.files:
        raise Refused("701", "file cannot be blank")
    parameters = _parameters({**call.parameters, **form.fields})
    if "format" not in parameters:
        raise Refused("701", "format cannot be blank")
    delimiter = DELIMITERS.get(parameters["format"].lower())
    if delimiter is None:
        raise Refused("1003", "Invalid value for 'format'")
    options = _options(instance, parameters)
    file = read_file(form.files["file"], delimiter)
    _check_header(instance, file, options.lookup_field)

    def finish() -> Mapping[str, Any]:
        job = instance.imports.add(file, options)
        return {"result": [_names(job) | {"status": job.status}]}

    return finish


def _parameters(given: Mapping[str, str]) -> Mapping[str, str]:
    # The token is not read from here any more, but the vendor's own example still sends it.
    parameters = {name: value for name, value in given.items() if name != "access_token" and value}
    for name in parameters:
        if name not in _PARAMETERS:
            raise Refused("1003", f"Invalid value for '{name}'")
    return parameters


def _options(instance: Instance, parameters: Mapping[str, str]) -> ImportOptions:
    lookup_field = parameters.get("lookupField", "email")
    if instance.catalog.get(lookup_field) is None:
        raise Refused("1006", f"Lookup field '{lookup_field}' not found")
    if lookup_field in _NO_LOOKUP or not instance.catalog.searchable(lookup_field):
        raise Refused("1011", f"Field '{lookup_field}' not supported")
    partition = parameters.get("partitionName")
    if partition is not None and not instance.partitions.accessible(partition):
        raise Refused("1008", f"Access denied to partition '{partition}'")
    list_id = parameters.get("listId")
    if list_id is None:
        return ImportOptions(lookup_field, partition)
    if not (list_id.isascii() and list_id.isdecimal() and len(list_id) <= len(str(_MAX_INT))):
        raise Refused("1003", "Invalid value for 'listId'")
    return ImportOptions(lookup_field, partition, int(list_id))


def _check_header(instance: Instance, file: ImportFile, lookup_field: str) -> None:
    for name in file.header:
        field = instance.catalog.get(name)
        if field is None:
            raise Refused("1006", f"Field '{name}' not found")
        if file.header.count(name) > 1 or not (field.updateable or name == lookup_field == "id"):
            raise Refused("1003", f"Invalid column '{name}'")
    if lookup_field not in file.header:
        raise Refused("1002", f"Missing value for the required parameter '{lookup_field}'")


def _status(instance: Instance, call: Call) -> Finish:
    return lambda: {"result": [_shown(_job(instance, call))]}


def _rows(which: Callable[[RowImport], Mapping[int, str]], heading: str) -> Callable[[Instance, Call], Finish]:
    def begin(instance: Instance, call: Call) -> Finish:
        def finish() -> Any:
            job = _job(instance, call)
            done = job.work if job.status == "Complete" else None
            shuffle = Random(f"rows {job.batch_id} {heading}")  # noqa: S311 - repeatable on purpose
            return report(job.file, which(done) if done else {}, heading, shuffle=shuffle)

        return finish

    return begin


def _job(instance: Instance, call: Call) -> Job:
    if not (call.name.isascii() and call.name.isdecimal() and len(call.name) <= len(str(_MAX_INT))):
        raise Refused("610")
    return instance.imports.get(int(call.name))


def _names(job: Job) -> dict[str, Any]:
    return {"batchId": job.batch_id, "importId": str(job.batch_id)}


def _shown(job: Job) -> dict[str, Any]:
    imported, failed, warned = counts(job)
    numbers = {"numOfLeadsProcessed": imported, "numOfRowsFailed": failed, "numOfRowsWithWarning": warned}
    shown = _names(job) | {"status": job.status} | numbers
    if job.status == "Failed":
        return shown | {"message": "Import failed"}
    if job.status != "Complete":
        return shown
    outcome = "completed with errors" if failed else "succeeded"
    failures = f", {failed} failed" if failed else ""
    warnings = f", {warned} warning{'' if warned == 1 else 's'}." if warned else ""
    return shown | {
        "message": f"Import {outcome}, {imported} records imported ({imported} members){failures}{warnings}"
    }


def counts(job: Job) -> tuple[int, int, int]:
    """Return how many rows have been imported, have failed, and have been imported with a warning."""
    work = job.work
    return (work.imported, len(work.failures), len(work.warnings)) if work else (0, 0, 0)


_WRITE = frozenset({WRITE_LEAD})
_BATCH = "/bulk/v1/leads/batch/{batchId}"
BULK_ENDPOINTS: Mapping[str, Mapping[str, Endpoint]] = {
    IMPORT_PATH: {"POST": Endpoint(_upload, _WRITE)},
    f"{_BATCH}.json": {"GET": Endpoint(_status, _WRITE)},
    f"{_BATCH}/failures.json": {"GET": Endpoint(_rows(lambda work: work.failures, FAILURE), _WRITE)},
    f"{_BATCH}/warnings.json": {"GET": Endpoint(_rows(lambda work: work.warnings, WARNING), _WRITE)},
}
"""By path, as the vendor's Swagger file writes it, and method."""
