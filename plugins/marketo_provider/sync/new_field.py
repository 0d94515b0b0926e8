"""A field that does not exist yet: Adobe's rules for it are looked at first, since it can never be deleted again.

Vendor page: help/rest-api/leads.md, "Create Fields" (AdobeDocs/marketo-developer.en).
"""

import re

from pydantic import TypeAdapter, ValidationError

from marketo_provider.errors import AccessDenied, FieldUnusable, NoAnswer
from marketo_provider.exports import MarketoField
from marketo_provider.marketo.client import Field, MarketoClient
from marketo_provider.marketo.models import NewField, SchemaField

MOST_CREATED = 100
NEVER_DELETED = (
    "A field that was created by the API can never be deleted, only hidden, and Marketo creates at most "
    f"{MOST_CREATED} so."
)
_NO_PERMISSION = "603"
# "Cannot contain special characters" says no more than that: these are surely none.
_DISPLAY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")
_NAME = TypeAdapter[str](MarketoField)
_LONGEST = 255
_WORDS = re.compile(r"[A-Za-z0-9]+")
_OTHER = "It may be a hidden one. Take another name."
_BY_HAND = "or create the field in Marketo (Admin > Field Management)"


def propose_display_name(cohort_name: str) -> str:
    """Return a display name for the field of a cohort."""
    words: list[str] = ["Mixpanel", *_WORDS.findall(cohort_name)]
    return " ".join(words)[:_LONGEST].strip()


def propose_name(display_name: str) -> str:
    """Return the REST API name that Adobe's convention makes of a display name: camel case."""
    words: list[str] = _WORDS.findall(display_name)
    first, *others = words or [""]
    return first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others)


def new_field(name: str, display_name: str, cohort_id: int) -> NewField:
    """Return the field that is to be created for a cohort."""
    return NewField(name, display_name, f"Members of the Mixpanel cohort {cohort_id}, set by Airflow.")


class NewFields:
    """What may be created on an instance.

    Args:
        client: of the instance.

    Raises:
        AccessDenied: the account may not see the schema of fields, and so create none.
        FieldUnusable: as many fields as may be were created already.
    """

    def __init__(self, client: MarketoClient) -> None:
        try:
            there = client.schema.fields()
        except AccessDenied as denied:
            raise _not_allowed(denied) from None
        if sum(each.api_created for each in there) >= MOST_CREATED:
            raise FieldUnusable(
                f"{MOST_CREATED} fields were created by the API already, and Marketo creates no more. Take one of "
                f"them, {_BY_HAND}."
            )
        # The schema shows hidden fields, but only those of the kinds that the account has a permission for.
        seen: list[SchemaField | Field] = [*there, *client.fields()]
        self._names = {each.name.lower() for each in seen}
        self._display_names = {each.display_name.lower() for each in seen}

    def check_display_name(self, display_name: str) -> None:
        """Refuse a display name that is against the rules, or taken.

        Raises:
            FieldUnusable: says what is right.
        """
        if len(display_name) > _LONGEST or not _DISPLAY_NAME.fullmatch(display_name):
            raise FieldUnusable(
                "Marketo takes no special characters in a field's display name; write letters, digits, spaces, _ "
                "and -, beginning with a letter or a digit."
            )
        if display_name.lower() in self._display_names:
            raise FieldUnusable(f"Marketo has a field with the display name {display_name} already. {_OTHER}")

    def check_name(self, name: str) -> None:
        """Refuse a REST API name that is against the rules, or taken.

        Raises:
            FieldUnusable: says what is right.
        """
        try:
            _NAME.validate_python(name, strict=True)
        except ValidationError:
            raise FieldUnusable(
                "A field's REST API name is a letter, then letters, digits and underscores; write it like that."
            ) from None
        if name.lower() in self._names:
            raise FieldUnusable(f"Marketo has a field {name} already. {_OTHER}")


def create_field(client: MarketoClient, field: NewField) -> None:
    """Create a field whose names were looked at.

    Raises:
        AccessDenied: the account lacks the permission.
        NoAnswer: it may have been created.
        MarketoProviderError: see `Schema.create`.
    """
    try:
        client.schema.create(field)
    except AccessDenied as denied:
        raise _not_allowed(denied) from None
    except NoAnswer as unsure:
        raise NoAnswer(
            f"Marketo gave no usable answer, so the field {field.name} may have been created, or not. Look for it "
            "in a while: if it is there, take it like any other field.",
            code=unsure.code,
            request_id=unsure.request_id,
        ) from None


def _not_allowed(denied: AccessDenied) -> AccessDenied:
    if denied.code != _NO_PERMISSION:
        return denied
    return AccessDenied(
        "The API-only user may not create fields. Give its role the permission Read-Write Schema Custom Field, "
        f"{_BY_HAND}.",
        code=denied.code,
        request_id=denied.request_id,
    )
