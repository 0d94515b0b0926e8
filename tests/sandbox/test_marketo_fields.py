import pytest

from include.sandbox.marketo_limits import Limits
from tests.sandbox.marketo_support import FLAG, Caller, code_of

DESCRIBE, DESCRIBE2 = "/rest/v1/leads/describe.json", "/rest/v1/leads/describe2.json"
SCHEMA = "/rest/v1/leads/schema/fields.json"
NEW = {"displayName": "Flag One", "name": "flagOne", "dataType": "boolean"}
STANDARD = "Read-Write Schema Standard Field"
CUSTOM = "Read-Write Schema Custom Field"


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def by_name(name: str) -> str:
    """Return the path of one field."""
    return f"/rest/v1/leads/schema/fields/{name}.json"


def test_describe_shows_what_rest_reaches(caller: Caller) -> None:
    """A field that only SOAP reaches has no `rest`; one that is not updateable is read-only."""
    fields = {field["displayName"]: field for field in caller.get(DESCRIBE)["result"]}

    assert fields["Mixpanel Trial Users"]["rest"] == {"name": FLAG, "readOnly": False}
    assert fields["Mixpanel Trial Users"]["dataType"] == "boolean"
    assert fields["Id"]["rest"]["readOnly"] is True
    assert "rest" not in fields["Anonymous IP"]


def test_describe2_shows_one_object_and_what_may_be_searched(caller: Caller) -> None:
    """Custom strings may, Booleans may not."""
    caller.add_field("crmKey", "CRM Key", "string")
    caller.add_field("crmFlag", "CRM Flag", crm_managed=True, updateable=False)

    [described] = caller.get(DESCRIBE2)["result"]

    fields = {field["name"]: field for field in described["fields"]}
    assert described["name"] == "API Lead"
    assert ["email"] in described["searchableFields"]
    assert ["crmKey"] in described["searchableFields"]
    assert [FLAG] not in described["searchableFields"]
    assert fields[FLAG] == {
        "name": FLAG,
        "displayName": "Mixpanel Trial Users",
        "dataType": "boolean",
        "updateable": True,
        "crmManaged": False,
    }
    assert (fields["crmFlag"]["updateable"], fields["crmFlag"]["crmManaged"]) == (False, True)
    assert "AnonymousIP" not in fields


@pytest.mark.parametrize("name", ["unsubscribed", "doNotCall", "emailInvalid", "marketingSuspended"])
def test_standard_booleans_are_there_and_not_custom(caller: Caller, name: str) -> None:
    """They could be written, which is why the exporter must know them."""
    [field] = caller.get(by_name(name))["result"]

    assert field["dataType"] == "boolean"
    assert field["isCustom"] is False


def test_a_custom_field_says_so(caller: Caller) -> None:
    """Made in the UI it is custom, but not made by the API."""
    [field] = caller.get(by_name(FLAG))["result"]

    assert (field["isCustom"], field["isApiCreated"]) == (True, False)


def test_an_unknown_field_is_702(caller: Caller) -> None:
    """In another case it is unknown too."""
    assert code_of(caller.get(by_name(FLAG.upper()))) == "702"


def test_the_schema_is_paged(caller: Caller) -> None:
    """Every field once."""
    names: list[str] = []
    page = caller.get(SCHEMA, batchSize="30")
    names += [field["name"] for field in page["result"]]
    while page["moreResult"]:
        page = caller.get(SCHEMA, batchSize="30", nextPageToken=page["nextPageToken"])
        names += [field["name"] for field in page["result"]]

    assert len(names) == len(set(names)) > 60
    assert {"email", FLAG} <= set(names)


def test_a_field_is_created_and_can_be_used(caller: Caller) -> None:
    """At once, and with the vendor's defaults."""
    result = caller.post(SCHEMA, {"input": [NEW]})["result"]

    [field] = caller.get(by_name("flagOne"))["result"]
    assert result == [{"name": "flagOne", "status": "created"}]
    assert (field["isCustom"], field["isApiCreated"], field["isHidden"]) == (True, True, False)
    assert caller.sync({"email": "ann@example.com", "flagOne": True})[0]["status"] == "created"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "1flag"}, "1003"),
        ({"name": "flag-one"}, "1003"),
        ({"name": ""}, "1003"),
        ({"displayName": "Flag & One!"}, "1003"),
        ({"dataType": "checkbox"}, "1003"),
        ({"dataType": None}, "1003"),
        ({"length": 5}, "1003"),
        ({"name": FLAG}, "1017"),
        ({"name": FLAG.upper()}, "1017"),
        ({"displayName": "Mixpanel Trial Users"}, "1017"),
        ({"name": "unsubscribed"}, "1017"),
        ({"name": "good"}, "1017"),
        ({"displayName": "Good"}, "1017"),
    ],
)
def test_field_names_have_rules(caller: Caller, change: dict[str, object], code: str) -> None:
    """And a request with one bad field creates none."""
    before = caller.get(SCHEMA)["result"]

    refused = caller.post(SCHEMA, {"input": [{**NEW, "name": "good", "displayName": "Good"}, NEW | change]})

    assert code_of(refused) == code
    assert caller.get(SCHEMA)["result"] == before


def test_no_more_than_the_limit_can_be_created() -> None:
    """100 through this endpoint; fields made in the UI do not count."""
    caller = Caller(Limits(max_custom_fields=100))
    hundred = [{**NEW, "name": f"f{number}", "displayName": f"F {number}"} for number in range(100)]
    created = caller.post(SCHEMA, {"input": hundred})

    refused = caller.post(SCHEMA, {"input": [NEW]})

    assert created["success"] is True
    assert code_of(refused) == "1003"


def test_each_schema_permission_shows_its_own_fields(caller: Caller) -> None:
    """Standard or custom ones."""
    caller.admin("POST permissions", {"permissions": [STANDARD]})
    standard = caller.get(SCHEMA)["result"]
    custom_by_name = caller.get(by_name(FLAG))

    caller.admin("POST permissions", {"permissions": [CUSTOM]})
    custom = caller.get(SCHEMA)["result"]

    assert {field["isCustom"] for field in standard} == {False}
    assert [field["name"] for field in custom] == [FLAG]
    assert code_of(custom_by_name) == "603"
