"""The schema endpoints: a field's metadata with more detail than describe gives, and the creation of fields.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads ("Fields")
"""

import re
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic import Field as Setting

from include.sandbox.marketo_answers import Refused
from include.sandbox.marketo_fields import Catalog, Field


def schema_field(field: Field) -> dict[str, Any]:
    """Return a field as the schema endpoints show it."""
    names = {"displayName": field.display_name, "name": field.name, "description": field.description}
    length = {} if field.length is None else {"length": field.length}
    return (
        names
        | {"dataType": field.data_type}
        | length
        | {
            "isHidden": field.hidden,
            "isHtmlEncodingInEmail": field.html_encoding,
            "isSensitive": field.sensitive,
            "isCustom": field.custom,
            "isApiCreated": field.api_created,
        }
    )


_CREATABLE = frozenset(
    {
        "boolean",
        "currency",
        "date",
        "datetime",
        "email",
        "float",
        "integer",
        "percent",
        "phone",
        "score",
        "string",
        "url",
    }
)
_LIMITED = frozenset({"string", "email", "phone", "url"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_DISPLAY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")


class _Creation(BaseModel, frozen=True, extra="forbid", strict=True):
    display_name: str = Setting(alias="displayName")
    name: str
    data_type: str = Setting(alias="dataType")
    description: str | None = None
    hidden: bool = Setting(default=False, alias="isHidden")
    html_encoding: bool = Setting(default=True, alias="isHtmlEncodingInEmail")
    sensitive: bool = Setting(default=False, alias="isSensitive")


_CREATIONS: TypeAdapter[list[_Creation]] = TypeAdapter(list[_Creation])


def create_fields(catalog: Catalog, records: Any, *, limit: int) -> list[dict[str, Any]]:
    """Create all fields of a request, or none: its answer knows no status but `created`.

    Raises:
        Refused: a name is taken (1017) or against the rules (1003), or there are `limit` such fields.
    """
    try:
        creations = _CREATIONS.validate_python(records)
    except ValidationError:
        raise Refused("1003", "Invalid field definition") from None
    if not creations:
        raise Refused("701", "input cannot be blank")
    names = {field.name.lower() for field in catalog}
    display_names = {field.display_name.lower() for field in catalog}
    for creation in creations:
        _check(creation, names=names, display_names=display_names)
        names.add(creation.name.lower())
        display_names.add(creation.display_name.lower())
    if len(creations) + sum(field.api_created for field in catalog) > limit:
        raise Refused("1003", f"No more than {limit} custom fields can be created")
    for creation in creations:
        length = 255 if creation.data_type in _LIMITED else None
        catalog.put(Field(**creation.model_dump(), length=length, custom=True, api_created=True))
    return [{"name": creation.name, "status": "created"} for creation in creations]


def _check(creation: _Creation, *, names: set[str], display_names: set[str]) -> None:
    if not _NAME.fullmatch(creation.name):
        raise Refused("1003", f"Invalid field name '{creation.name}'")
    if not _DISPLAY_NAME.fullmatch(creation.display_name):
        raise Refused("1003", f"Invalid display name '{creation.display_name}'")
    if creation.data_type not in _CREATABLE:
        raise Refused("1003", f"Invalid data type '{creation.data_type}'")
    if creation.name.lower() in names or creation.display_name.lower() in display_names:
        raise Refused("1017", f"Field '{creation.name}' already exists")
