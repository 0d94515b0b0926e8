"""The sandbox's answers are held to Mixpanel's own OpenAPI files (`specs/README.md`).

Known mistakes of the files, put right here and nowhere else:

- engage, `$distinct_id`: said to be an integer. It is whatever the sender of the profile chose, mostly a string,
  as Mixpanel's own examples elsewhere and all its clients have it.
- engage, request: the file does not know `page_size`, though the answer has it and clients send it (Airbyte,
  OpenPanel); the sandbox takes it, as the real one does.
- engage, response: `total` is said to be the users in this payload; it is the size of the whole result, and on
  page 0 only (mixpanel-utils, tap-mixpanel, Airbyte).
- Nothing is marked as required, so that an empty object would do: here every property of the file must be there.
- The files know no answer but 200 for queries; the App API's 401 is in the file on service accounts.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from tests.sandbox.mixpanel_support import COHORT, COHORTS, ME, Caller, body_of

SPECS = Path(__file__).parent / "specs"


def spec(name: str) -> dict[str, Any]:
    """Return one of the vendor's files."""
    content: dict[str, Any] = yaml.safe_load((SPECS / name).read_text())
    return content


QUERY = spec("mixpanel-query.openapi.yaml")
APP = spec("mixpanel-service-accounts.openapi.yaml")


def response_schema(operation: dict[str, Any], status: str) -> dict[str, Any]:
    """Return what the file says of an answer, made strict."""
    schema: dict[str, Any] = operation["responses"][status]["content"]["application/json"]["schema"]
    return all_required(schema)


def all_required(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with every property required and no other allowed, `$properties` apart."""
    if schema.get("type") == "array":
        return schema | {"items": all_required(schema["items"])}
    properties = {name: all_required(one) for name, one in schema.get("properties", {}).items()}
    if not properties:
        return schema
    return schema | {
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.fixture
def engage_schema() -> dict[str, Any]:
    """Return what the file says of a page, its mistake about ids put right."""
    schema = response_schema(QUERY["paths"]["/engage"]["post"], "200")
    schema["properties"]["results"]["items"]["properties"]["$distinct_id"] = {
        "anyOf": [{"type": "string"}, {"type": "integer"}]
    }
    return schema


@pytest.fixture
def caller() -> Caller:
    """Return a sandbox whose cohort has 300 people of every kind."""
    caller = Caller()
    caller.admin("POST cohort/generate", {"id": COHORT, "seed": 7, "size": 300})
    return caller


def test_page_0_fits_the_file(caller: Caller, engage_schema: dict[str, Any]) -> None:
    """All it names is there, mess and all, and nothing it does not name."""
    OAS30Validator(engage_schema).validate(caller.page())


def test_a_later_page_fits_the_file_but_for_the_total(caller: Caller, engage_schema: dict[str, Any]) -> None:
    """`total` is on page 0 only."""
    session = caller.page(page_size=200)["session_id"]
    engage_schema["required"].remove("total")

    page = caller.page(page_size=200, page=1, session_id=session)

    OAS30Validator(engage_schema).validate(page)
    assert "total" not in page


def test_the_files_own_example_fits_what_we_hold_pages_to(engage_schema: dict[str, Any]) -> None:
    """Our corrections of the file do not refuse the vendor's example."""
    content = QUERY["paths"]["/engage"]["post"]["responses"]["200"]["content"]["application/json"]

    OAS30Validator(engage_schema).validate(content["examples"]["example"]["value"])


def test_the_cohort_list_fits_the_file(caller: Caller) -> None:
    """A bare array of cohorts."""
    schema = response_schema(QUERY["paths"]["/cohorts/list"]["post"], "200")

    listed = body_of(caller.call(COHORTS))

    assert len(listed) == 1
    OAS30Validator(schema).validate(listed)


@pytest.mark.parametrize("operation", ["/engage", "/cohorts/list"])
def test_the_url_is_the_files(caller: Caller, operation: str) -> None:
    """Server path, operation and required parameter are those of the file."""
    server = QUERY["servers"][0]["url"].removeprefix("https://{regionAndDomain}.com")
    required = [one["name"] for one in QUERY["paths"][operation]["post"]["parameters"] if one.get("required")]

    assert required == ["project_id"]
    assert caller.call(server + operation).status == 200


def test_every_form_field_of_the_file_is_read_or_refused_aloud(caller: Caller) -> None:
    """None that the vendor documents is ignored in silence, but for the time stamp that only `behaviors` use."""
    content = QUERY["paths"]["/engage"]["post"]["requestBody"]["content"]
    fields = content["application/x-www-form-urlencoded"]["schema"]["properties"]

    ignored = {name for name in fields if caller.engage(**{name: "%nonsense%"}).status == 200}

    assert ignored == {"as_of_timestamp"}


def test_the_form_example_of_the_file_works(caller: Caller) -> None:
    """The documented way of naming a cohort and the properties."""
    caller.admin("POST cohort", {"id": 12345})

    assert caller.page(filter_by_cohort='{"id":12345}', output_properties='["$last_name", "$email"]')


def test_authentication_is_the_files(caller: Caller) -> None:
    """Both APIs declare HTTP Basic for service accounts."""
    schemes = [one["components"]["securitySchemes"]["ServiceAccount"] for one in (QUERY, APP)]

    assert [(one["type"], one["scheme"]) for one in schemes] == [("http", "basic")] * 2
    assert caller.engage().status == 200


def test_the_app_apis_401_fits_the_file(caller: Caller) -> None:
    """`/api/app/me` is in no file; its server and its errors are."""
    schema = response_schema(APP["paths"]["/organizations/{organizationId}/service-accounts"]["get"], "401")
    caller.secret = "another"

    response = caller.call(ME, method="GET")

    assert ME.startswith(APP["servers"][0]["url"].removeprefix("https://{regionAndDomain}.com"))
    assert response.status == 401
    OAS30Validator(schema).validate(json.loads(response.body))
