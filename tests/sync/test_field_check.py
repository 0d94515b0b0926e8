from pathlib import Path
from typing import Any

import pytest

from include.sandbox.marketo_fields import Field
from include.sandbox.marketo_standard_fields import standard_fields
from marketo_provider.errors import FieldUnusable
from marketo_provider.sync.check import check_export
from marketo_provider.sync.field_check import STANDARD_BOOLEANS, check_field
from tests.sync.world import FIELD, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world for runs."""
    return World(tmp_path)


def export_to(world: World, field: str) -> World:
    """Let the export name another field."""
    world.export = world.export.model_copy(update={"marketo_field": field})
    return world


def put(world: World, name: str, **properties: Any) -> World:
    """Add a field to Marketo, and let the export name it."""
    field = {"display_name": f"Shown {name}", "data_type": "boolean", "custom": True, **properties}
    world.marketo.instance.catalog.put(Field(name=name, **field))
    return export_to(world, name)


def refusal(world: World) -> str:
    """Return why the check refuses the field, having made sure that nothing was written and Mixpanel not asked."""
    with pytest.raises(FieldUnusable) as refused:
        check_export(world.run(), interval_end=None)
    assert world.writes() == []
    assert world.mixpanel.wire.log == []
    assert world.run().open_log().target.number == 0
    message = str(refused.value)
    assert message.startswith("Export 'trial_users' (cohort 1001 to field ")
    assert "Nothing was sent." in message
    return message


def without_schema_permission(world: World) -> World:
    """Take the permission away that `isCustom` needs."""
    permissions = world.marketo.instance.permissions
    world.marketo.instance.permissions = frozenset(each for each in permissions if "Schema" not in each)
    assert world.marketo.instance.permissions < permissions
    return world


def test_a_custom_boolean_field_is_accepted(world: World) -> None:
    """And nothing is written to find out."""
    check_field(world.run().marketo, FIELD, "Export")

    assert world.writes() == []


def test_a_custom_boolean_field_is_accepted_without_the_schema_permission(world: World) -> None:
    """The API user need not have it: the shipped list stands in."""
    run = without_schema_permission(world).run()

    check_field(run.marketo, FIELD, "Export")

    assert run.marketo.is_custom(FIELD) is None


def test_a_missing_field_is_named_and_where_to_create_it(world: World) -> None:
    """Field Management, custom, Boolean, REST API name."""
    message = refusal(export_to(world, "mixpanelNobody"))

    assert (
        "Marketo has no field mixpanelNobody. Create a custom Boolean field (Admin > Field Management)" in message
    )
    assert "REST API name" in message


def test_a_field_that_only_soap_reaches_is_missing(world: World) -> None:
    """It cannot be written by REST."""
    assert "Marketo has no field AnonymousIP" in refusal(export_to(world, "AnonymousIP"))


@pytest.mark.parametrize("written", ["TrialFlag", "trialflag"])
def test_a_display_name_is_answered_with_the_api_name(world: World, written: str) -> None:
    """In any case of its letters."""
    put(world, "mkto_trial_1", display_name="TrialFlag")

    message = refusal(export_to(world, written))

    assert f"{written} is a display name; the field's REST API name is mkto_trial_1. Write that." in message


def test_another_case_is_answered_with_the_right_one(world: World) -> None:
    """Marketo's names are compared exactly."""
    message = refusal(export_to(world, "MIXPANELtrialusers"))

    assert "spelled mixpanelTrialUsers, not MIXPANELtrialusers" in message


def test_an_api_name_goes_before_a_display_name(world: World) -> None:
    """Where a name is nearly one field's own and another's display name, the first is meant."""
    put(world, "zFirst", display_name="Flag")
    put(world, "flag", display_name="Zweite")

    assert "spelled flag, not FLAG" in refusal(export_to(world, "FLAG"))


@pytest.mark.parametrize("data_type", ["string", "integer", "datetime", "score"])
def test_a_field_of_another_type_is_refused(world: World, data_type: str) -> None:
    """The message names the type that it has."""
    message = refusal(put(world, "mixpanelText", data_type=data_type))

    assert f"mixpanelText has the type {data_type}, not Boolean" in message
    assert "Create a custom field of type Boolean" in message


def test_a_field_that_cannot_be_updated_is_refused(world: World) -> None:
    """By the API, whatever people may do in Marketo."""
    assert "cannot be updated by the API" in refusal(put(world, "mixpanelFixed", updateable=False))


def test_a_field_that_a_crm_manages_is_refused(world: World) -> None:
    """Its sync would overwrite the flag."""
    message = refusal(put(world, "mixpanelCrm", crm_managed=True))

    assert "managed by a CRM sync" in message
    assert "Create a field in Marketo that the CRM does not know" in message


@pytest.mark.parametrize("field", sorted(STANDARD_BOOLEANS))
def test_the_shipped_list_of_standard_fields_is_refused(world: World, field: str) -> None:
    """Without a question to Marketo: no permission is needed for it."""
    message = refusal(export_to(world, field))

    assert f"{field} is one of Marketo's standard fields" in message
    assert "Create a custom Boolean field" in message
    assert world.marketo.wire.log == []


@pytest.mark.parametrize("field", ["UNSUBSCRIBED", "Unsubscribed", "donotcall"])
def test_standard_fields_are_refused_in_any_case(world: World, field: str) -> None:
    """Nobody unsubscribes a cohort by a capital letter."""
    assert "standard fields" in refusal(export_to(world, field))


@pytest.mark.parametrize("field", [field.name for field in standard_fields() if field.data_type == "boolean"])
def test_every_standard_boolean_is_refused_without_the_schema_permission(world: World, field: str) -> None:
    """The shipped list knows them all."""
    assert "standard fields" in refusal(export_to(without_schema_permission(world), field))


def test_a_standard_field_that_is_not_on_the_list_is_refused_by_its_schema(world: World) -> None:
    """Where the permission allows to ask, Marketo itself says that it is not custom."""
    assert "mktoNewThing is one of Marketo's standard fields" in refusal(put(world, "mktoNewThing", custom=False))
