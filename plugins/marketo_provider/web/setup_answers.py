"""What a person has answered so far. Each step hands it on in its address, so that nothing is kept between two."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from marketo_provider.new_export import check_key

NEW: Final = "+"
_MOST_DIGITS: Final = 20

Answer = Annotated[str, Field(max_length=300)]


class Step(StrEnum):
    """What is asked, one after the other; the value stands in the address."""

    PROJECT = "project"
    COHORT = "cohort"
    INSTANCE = "instance"
    FIELD = "field"
    PREVIEW = "preview"
    YAML = "yaml"

    @property
    def before(self) -> "Step":
        """The step that can be gone back to."""
        steps = list(Step)
        return steps[max(steps.index(self) - 1, 0)]


class Answers(BaseModel):
    """The answers; an empty one was not given."""

    model_config = ConfigDict(frozen=True)

    mixpanel_conn_id: Answer = ""
    other_mixpanel: Answer = ""
    cohort: Answer = ""
    """Its number, and after a space its name."""
    name: Answer = ""
    marketo_conn_id: Answer = ""
    other_marketo: Answer = ""
    field: Answer = ""
    """Its REST API name, or `NEW`."""
    display_name: Answer = ""
    new_name: Answer = ""
    sync_type: Answer = ""
    create_leads: Answer = "yes"
    created: Answer = ""

    @property
    def project(self) -> str:
        """The Connection of the Mixpanel project."""
        return self.other_mixpanel.strip() or self.mixpanel_conn_id

    @property
    def instance(self) -> str:
        """The Connection of the Marketo instance."""
        return self.other_marketo.strip() or self.marketo_conn_id

    @property
    def cohort_id(self) -> int:
        """The cohort's number.

        Raises:
            InvalidExport: it is none.
        """
        text = self.cohort.partition(" ")[0]
        number = int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else 0
        check_key("cohort_id", number)
        return number

    @property
    def cohort_name(self) -> str:
        """What Mixpanel calls the cohort."""
        return self.cohort.partition(" ")[2]

    @property
    def is_new(self) -> bool:
        """Whether the field is to be created."""
        return self.field == NEW

    def keys(self) -> dict[str, object]:
        """Return the keys of the export."""
        return {
            "name": self.name,
            "cohort_id": self.cohort_id,
            "marketo_field": self.new_name if self.is_new else self.field,
            "sync_type": self.sync_type,
            "create_leads": self.create_leads == "yes",
            "mixpanel_conn_id": self.project,
            "marketo_conn_id": self.instance,
        }

    def given(self) -> dict[str, Any]:
        """Return the answers that are not what would be assumed without them."""
        return self.model_dump(exclude_defaults=True)
