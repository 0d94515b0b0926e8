"""The fields of an instance: which exist, which may be searched by, and how the describe calls show them.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

SEARCHABLE = (
    "email",
    "id",
    "cookies",
    "facebookId",
    "leadPartitionId",
    "linkedInId",
    "sfdcAccountId",
    "sfdcContactId",
    "sfdcLeadId",
    "twitterId",
)
"""Standard fields that a filter may name; of the custom ones, strings, e-mails and integers."""
SEARCHABLE_TYPES = frozenset({"string", "email", "integer"})


class Field(BaseModel, frozen=True, extra="forbid"):
    """One field of the lead object; `rest` is false where only SOAP reaches it."""

    name: str
    display_name: str
    data_type: str
    length: int | None = None
    updateable: bool = True
    crm_managed: bool = False
    custom: bool = False
    api_created: bool = False
    rest: bool = True
    hidden: bool = False
    sensitive: bool = False
    html_encoding: bool = True
    description: str | None = None


class Catalog:
    """All fields of an instance, in the order in which they came."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields: dict[str, Field] = {}
        self._ids: dict[str, int] = {}
        for field in fields:
            self.put(field)

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields.values())

    def put(self, field: Field) -> None:
        """Add a field, or replace the one of its name."""
        self._fields[field.name] = field
        self._ids.setdefault(field.name, len(self._ids) + 1)

    def get(self, name: str) -> Field | None:
        """Return the field that REST knows as `name`, in exactly that case."""
        field = self._fields.get(name)
        return field if field and field.rest else None

    def searchable(self, name: str) -> bool:
        """Say whether leads may be looked up or filtered by this field."""
        field = self.get(name)
        if field is None:
            return False
        return field.data_type in SEARCHABLE_TYPES if field.custom else name in SEARCHABLE

    def describe(self) -> list[dict[str, Any]]:
        """Return the result of Describe Lead."""
        return [self._attribute(field) for field in self]

    def describe2(self) -> list[dict[str, Any]]:
        """Return the result of Describe Lead2."""
        fields = [field for field in self if field.rest]
        searchable = [[field.name] for field in fields if self.searchable(field.name)]
        return [{"name": "API Lead", "searchableFields": searchable, "fields": [_attribute2(f) for f in fields]}]

    def _attribute(self, field: Field) -> dict[str, Any]:
        names = {"id": self._ids[field.name], "displayName": field.display_name, "dataType": field.data_type}
        length = {} if field.length is None else {"length": field.length}
        read_only = not field.updateable
        rest = {"rest": {"name": field.name, "readOnly": read_only}} if field.rest else {}
        soap = {"soap": {"name": field.name[:1].upper() + field.name[1:], "readOnly": read_only}}
        return names | length | rest | soap


def _attribute2(field: Field) -> dict[str, Any]:
    names = {"name": field.name, "displayName": field.display_name, "dataType": field.data_type}
    length = {} if field.length is None else {"length": field.length}
    return names | length | {"updateable": field.updateable, "crmManaged": field.crm_managed}
