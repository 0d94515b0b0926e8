"""Whether a Marketo field can carry the flag: refused before anything is written, each cause in its own words.

Vendor page: help/rest-api/leads.md, "Describe" (AdobeDocs/marketo-developer.en).
"""

from marketo_provider.errors import FieldUnusable
from marketo_provider.marketo.client import Field, MarketoClient

# Boolean fields that every Marketo instance has. Flagging people by one of them would, for instance,
# unsubscribe a whole cohort. The list stands in for `isCustom`, which needs a schema permission.
STANDARD_BOOLEANS = frozenset(
    {
        "blackListed",
        "doNotCall",
        "emailInvalid",
        "emailSuspended",
        "isAnonymous",
        "isEmailable",
        "isLead",
        "isPartner",
        "marketingSuspended",
        "mktoIsCustomer",
        "mktoIsPartner",
        "sfdcIsConverted",
        "sfdcIsDeleted",
        "unsubscribed",
        "webinarOptIn",
    }
)
_STANDARD_LOWER = frozenset(name.lower() for name in STANDARD_BOOLEANS)


def check_field(client: MarketoClient, name: str, label: str) -> Field:
    """Return a field; refuse one that cannot carry the flag.

    Args:
        client: asks Marketo.
        name: the field's REST API name.
        label: how messages name the export.

    Raises:
        FieldUnusable: says why, and what to do.
    """
    if name.lower() in _STANDARD_LOWER:
        raise FieldUnusable(f"{label}: {_why_standard(name)}")
    fields = client.fields()
    field = next((field for field in fields if field.name == name), None)
    if field is None:
        raise FieldUnusable(f"{label}: {_why_missing(fields, name)} Nothing was sent.")
    if unfit := why_unfit(field):
        raise FieldUnusable(f"{label}: {unfit}")
    if client.is_custom(name) is False:
        raise FieldUnusable(f"{label}: {_why_standard(name)}")
    return field


def why_unfit(field: Field) -> str | None:
    """Return why a field, as describe shows it, cannot carry the flag; None if it seems that it can."""
    if field.name.lower() in _STANDARD_LOWER:
        return _why_standard(field.name)
    if field.data_type != "boolean":
        return (
            f"the Marketo field {field.name} has the type {field.data_type}, not Boolean. Nothing was sent. "
            "Create a custom field of type Boolean in Marketo (Admin > Field Management) and name that."
        )
    if not field.updateable:
        return f"the Marketo field {field.name} cannot be updated by the API. Nothing was sent. Use another one."
    if field.crm_managed:
        return (
            f"the Marketo field {field.name} is managed by a CRM sync, which would overwrite the flag. "
            "Nothing was sent. Create a field in Marketo that the CRM does not know."
        )
    return None


def _why_standard(name: str) -> str:
    return (
        f"{name} is one of Marketo's standard fields, with a meaning of its own. Nothing was sent. "
        "Create a custom Boolean field for this export."
    )


def _why_missing(fields: list[Field], name: str) -> str:
    for field in fields:
        if field.name.lower() == name.lower():
            return f"Marketo's field is spelled {field.name}, not {name}; write it like that."
    for field in fields:
        if field.display_name.lower() == name.lower():
            return f"{name} is a display name; the field's REST API name is {field.name}. Write that."
    return (
        f"Marketo has no field {name}. Create a custom Boolean field (Admin > Field Management) and write its "
        "REST API name."
    )
