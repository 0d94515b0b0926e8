"""The fields of a pydantic model as Airflow's forms take them: a label, a help text and a flat JSON Schema each.

Connection forms, the form of run parameters and the declared settings are all made of this.
"""

from dataclasses import dataclass

from pydantic import BaseModel, JsonValue


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form."""

    label: str
    description: str
    required: bool
    schema: dict[str, JsonValue]
    """JSON Schema with `type`, bounds and `default`; where a value may be absent, `type` is a list with `null`."""


def form_fields(model: type[BaseModel]) -> dict[str, FormField]:
    """Return the fields of a model, in the order of its declaration."""
    document = model.model_json_schema()
    required = document.get("required", [])
    return {
        name: _form_field(schema, required=name in required) for name, schema in document["properties"].items()
    }


def _form_field(schema: dict[str, JsonValue], *, required: bool) -> FormField:
    label, description = str(schema.pop("title")), str(schema.pop("description"))
    return FormField(label, description, required, _flat(schema))


def _flat(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Fold `anyOf: [{type: integer}, {type: null}]` into `type: [integer, null]`, the only form Airflow shows."""
    match schema.pop("anyOf", None):
        case [dict() as value, {"type": "null"}]:
            return {**value, **schema, "type": [value["type"], "null"]}
        case _:
            return schema
