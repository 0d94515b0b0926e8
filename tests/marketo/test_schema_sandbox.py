"""The schema of fields, against the sandbox's Marketo: do both understand the vendor alike?"""

from pathlib import Path

import pytest

from include.sandbox.marketo_fields import Field
from marketo_provider.errors import NoAnswer, RequestRefused
from marketo_provider.marketo.models import NewField, SchemaField
from tests.sync.world import FIELD, World

PATH = "/rest/v1/leads/schema/fields.json"
NEW = NewField("launch", "Launch", "Members of a cohort")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with Marketo's standard fields and two of our own."""
    return World(tmp_path)


def test_every_field_is_listed_over_all_pages(world: World) -> None:
    """Hidden ones too, and who was created by the API."""
    for number in range(300):
        world.marketo.instance.catalog.put(
            Field(name=f"f{number}", display_name=f"F {number}", data_type="string", custom=True, hidden=True)
        )

    fields = world.run().marketo.schema.fields()

    assert SchemaField(FIELD, f"Display {FIELD}", api_created=False) in fields
    assert {f"f{number}" for number in range(300)} <= {field.name for field in fields}
    assert len([logged for logged in world.marketo.wire.log if logged.path == PATH]) == 2


def test_a_boolean_field_is_created(world: World) -> None:
    """Once, with its description."""
    client = world.run().marketo

    client.schema.create(NEW)

    field = world.marketo.instance.catalog.get("launch")
    assert field
    assert (field.data_type, field.display_name, field.description) == ("boolean", "Launch", "Members of a cohort")
    assert SchemaField("launch", "Launch", api_created=True) in client.schema.fields()


def test_one_that_is_there_is_refused_at_once(world: World) -> None:
    """1017 is no reason to repeat."""
    world.run().marketo.schema.create(NEW)

    with pytest.raises(RequestRefused, match="there is such an object already"):
        world.run().marketo.schema.create(NEW)
    assert len([logged for logged in world.marketo.wire.log if logged.path == PATH]) == 2


@pytest.mark.parametrize(
    "body",
    [
        '{"success": true, "result": []}',
        '{"success": true, "result": [{"name": "other", "status": "created"}]}',
        '{"success": true, "result": [{"name": "launch", "status": "skipped"}]}',
    ],
)
def test_an_answer_that_is_not_as_documented_is_none(world: World, body: str) -> None:
    """The field may have been created; it is asked for once."""
    world.edit_marketo = lambda request, response: (
        type(response)(200, body.encode()) if request.path == PATH else response
    )

    with pytest.raises(NoAnswer):
        world.run().marketo.schema.create(NEW)
    assert len([logged for logged in world.marketo.wire.log if logged.path == PATH]) == 1
