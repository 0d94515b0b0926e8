"""The sandbox's answers are held to Marketo's own Swagger files (`specs/README.md`).

Beyond what the files demand, an answer may hold no property that they do not know; a lead, whose fields are the
instance's own, is the exception. What is wrong in the files stands in `MISTAKES`, each with its reason, and a
test shows that each is one: without it an answer that real instances give would not pass.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from include.sandbox.marketo import OPERATIONS as BY_PATH
from include.sandbox.marketo import TOKEN_PATH
from tests.sandbox.marketo_bulk_support import HEADER, IMPORT, run, upload
from tests.sandbox.marketo_support import FLAG, LEADS, Caller, body_of, done

SPECS = Path(__file__).parent / "specs"
LEAD_DATABASE = json.loads((SPECS / "swagger-mapi.json").read_text())
IDENTITY = json.loads((SPECS / "swagger-identity.json").read_text())
Definitions = dict[str, Any]
Operation = tuple[str, str]
FORMATS = FormatChecker(())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    """Say whether a string is a date with a time, as the files' date-time demands."""
    return not isinstance(value, str) or ("T" in value and bool(datetime.fromisoformat(value)))


def envelope_members(definitions: Definitions) -> None:
    """Require of an envelope what all answers have."""
    for name, definition in definitions.items():
        if name.startswith("ResponseOf"):
            definition["required"] = ["requestId", "success"]


def reasons(definitions: Definitions) -> None:
    """Replace the one `reason` of a record by a list of `reasons`."""
    lead = definitions["Lead"]["properties"]
    del lead["reason"]
    lead["reasons"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/Reason"}}
    lead["status"]["enum"] = ["created", "updated", "skipped"]


def no_description(definitions: Definitions) -> None:
    """Allow a field's description to be null."""
    definitions["LeadField"]["properties"]["description"]["type"] = ["string", "null"]


def plain_dates(definitions: Definitions) -> None:
    """Have the days of the statistics be days."""
    for name in ("UsageData", "ErrorsData"):
        del definitions[name]["properties"]["date"]["format"]


def queued_imports(definitions: Definitions) -> None:
    """Do not demand a number of leads of an import that is only queued."""
    definitions["ImportLeadResponse"]["required"] = ["batchId", "status"]


@dataclass(frozen=True)
class Mistake:
    """Something wrong in the file: what it says, what is true and how we know, and how it is put right."""

    says: str
    truth: str
    mend: Callable[[Definitions], None]


MISTAKES = [
    Mistake(
        "Every envelope must have errors, warnings and result.",
        "A success has neither errors nor warnings, a refusal has no result ('Error Codes', and traffic recorded "
        "by grouparoo).",
        envelope_members,
    ),
    Mistake(
        "A skipped lead has one object, `reason`.",
        "It has a list, `reasons` ('Error Codes', record level; recorded by grouparoo).",
        reasons,
    ),
    Mistake(
        "A field's description is a string.",
        "It is null where there is none ('Leads', example of Get Lead Field by Name).",
        no_description,
    ),
    Mistake(
        "The statistics' date is a date-time.",
        "It is a day ('Usage', examples).",
        plain_dates,
    ),
    Mistake(
        "An import that was just queued has a number of leads that were processed.",
        "It has none ('Bulk Lead Import', example of Creating a Job).",
        queued_imports,
    ),
]


def definitions_with(mistakes: list[Mistake]) -> Definitions:
    """Return the file's definitions with these mistakes put right, closed to properties they do not know."""
    definitions: Definitions = deepcopy(LEAD_DATABASE["definitions"])
    for mistake in mistakes:
        mistake.mend(definitions)
    for name, definition in definitions.items():
        if name != "Lead" and "properties" in definition:
            definition["additionalProperties"] = False
    lead = definitions["Lead"]
    unknown = {"reason", "reasons"} - set(lead["properties"])
    lead["not"] = {"anyOf": [{"required": [name]} for name in unknown]}
    return definitions


def errors_of(operation: Operation, body: object, definitions: Definitions) -> list[str]:
    """Return what is wrong in an answer, by the file."""
    path, method = operation
    schema = LEAD_DATABASE["paths"][path][method.lower()]["responses"]["200"]["schema"]
    validator = Draft4Validator(schema | {"definitions": definitions}, format_checker=FORMATS)
    return [error.message for error in validator.iter_errors(body)]


def caller_with_leads() -> Caller:
    """Return a caller of an instance that has leads, a duplicate among them, a CRM's field and an import."""
    caller = Caller()
    caller.add_field("crmFlag", "CRM Flag", crm_managed=True, updateable=False, description="The CRM's")
    caller.add_leads({"email": "ann@example.com"}, {"email": "bob@example.com"}, {"email": "bob@example.com"})
    run(caller, HEADER, "bob@example.com,true", "ann@example.com,true", "nobody,true")
    return caller


def get(path: str, **query: str) -> Callable[[Caller], dict[str, Any]]:
    """Return a GET that is yet to be sent."""
    return lambda caller: caller.get(path, **query)


def post(path: str, *records: dict[str, object]) -> Callable[[Caller], dict[str, Any]]:
    """Return a POST that is yet to be sent."""
    return lambda caller: caller.post(path, {"input": records})


def status(caller: Caller) -> dict[str, Any]:
    """Ask for the status of the import there is."""
    [job] = caller.admin("GET imports")["imports"]
    return caller.get(STATUS.format(batchId=job["batch_id"]))


STATUS = "/bulk/v1/leads/batch/{batchId}.json"
FILES = [STATUS.replace(".json", f"/{name}.json") for name in ("failures", "warnings")]
SCHEMA = "/rest/v1/leads/schema/fields.json"
FIELD = "/rest/v1/leads/schema/fields/{fieldApiName}.json"
REQUESTS: dict[Operation, Callable[[Caller], dict[str, Any]]] = {
    (LEADS, "GET"): get(LEADS, filterType="email", filterValues="ann@example.com,bob@example.com", batchSize="2"),
    (LEADS, "POST"): post(
        LEADS,
        {"email": "new@example.com", FLAG: True},
        {"email": "ann@example.com", FLAG: True},
        {"email": "bob@example.com", FLAG: True},
    ),
    (SCHEMA, "GET"): get(SCHEMA, batchSize="70"),
    (SCHEMA, "POST"): post(SCHEMA, {"name": "one", "displayName": "One", "dataType": "boolean"}),
    (FIELD, "GET"): get(FIELD.format(fieldApiName="email")),
    (IMPORT, "POST"): lambda caller: upload(caller, HEADER),
    (STATUS, "GET"): status,
} | {(path, "GET"): get(path) for path in BY_PATH if path not in {LEADS, SCHEMA, FIELD, IMPORT, STATUS, *FILES}}
OPERATIONS = [(path, method) for path, methods in BY_PATH.items() for method in methods if path not in FILES]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_are_as_the_file_says(operation: Operation) -> None:
    """Every operation of the sandbox is one of the vendor's, and so is its answer."""
    caller = caller_with_leads()

    body = REQUESTS[operation](caller)

    assert body["success"] is True
    assert body["result"]
    assert errors_of(operation, body, definitions_with(MISTAKES)) == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_refusals_are_as_the_file_says(operation: Operation) -> None:
    """A list of codes, which are strings, and messages."""
    caller = caller_with_leads()
    caller.token = "nonsense"

    body = REQUESTS[operation](caller)

    assert body["success"] is False
    assert errors_of(operation, body, definitions_with(MISTAKES)) == []


@pytest.mark.parametrize("path", FILES)
def test_the_file_takes_files_of_rows_for_json(path: str) -> None:
    """It gives a schema to what is CSV, so only that there is such an operation can be held to it."""
    assert BY_PATH[path].keys() == {"GET"}
    assert LEAD_DATABASE["paths"][path].keys() == {"get"}
    assert LEAD_DATABASE["paths"][path]["get"]["produces"] == ["application/json"]


def test_an_upload_takes_the_parameters_of_the_file() -> None:
    """All of them, in the query string, and no other."""
    declared = LEAD_DATABASE["paths"][IMPORT]["post"]["parameters"]
    names = {one["name"] for one in declared if one["in"] == "query"}
    query = {"lookupField": "email", "partitionName": "Default", "listId": "1"}

    taken, refused = (upload(Caller(), HEADER, query=one) for one in (query, {"dedupeBy": "email"}))

    assert names == {"format", *query}
    assert taken["success"] is True
    assert refused["success"] is False


def test_a_statistic_of_errors_is_as_the_file_says() -> None:
    """Once there are errors to be counted."""
    caller = caller_with_leads()
    caller.get("/rest/v1/nothing.json")

    body = caller.get("/rest/v1/stats/errors.json")

    assert body["result"][0]["errors"]
    assert errors_of(("/rest/v1/stats/errors.json", "GET"), body, definitions_with(MISTAKES)) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.mend.__name__)
def test_each_mistake_is_one(mistake: Mistake) -> None:
    """With it in the file, an answer that is right does not pass."""
    definitions = definitions_with([one for one in MISTAKES if one is not mistake])

    answers = {operation: request(caller_with_leads()) for operation, request in REQUESTS.items()}

    assert any(errors_of(operation, body, definitions) for operation, body in answers.items())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_tokens_are_as_the_identity_file_says(method: str) -> None:
    """By either verb."""
    body = body_of(done(Caller().ask_token(method=method)))

    schema = IDENTITY["paths"][TOKEN_PATH][method.lower()]["responses"]["200"]["schema"]
    validator = Draft4Validator(schema | {"definitions": IDENTITY["definitions"]})
    assert list(validator.iter_errors(body)) == []
    assert set(body) == set(IDENTITY["definitions"]["ResponseOfIdentity"]["properties"])
