"""Mixpanel's answers, parsed strictly: a key of the wrong type makes the whole answer one that cannot be believed.

What an answer may leave out is taken from what clients in the field met, not from the OpenAPI file alone: `total`
comes with page 0 only, and a profile may lack `$properties` or the property asked for.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictInt, StrictStr
from typing_extensions import TypedDict  # pydantic takes the standard library's from Python 3.12 on

Count = Annotated[StrictInt, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


# Of profiles there are millions: as dictionaries they are read three times as fast as models.
_Properties = TypedDict("_Properties", {"$email": object}, total=False)
_Profile = TypedDict(
    "_Profile", {"$distinct_id": StrictStr | StrictInt, "$properties": NotRequired[_Properties | None]}
)


class EngageAnswer(_Part):
    """A page of profiles."""

    status: Literal["ok"]
    page: Count
    page_size: Annotated[StrictInt, Field(ge=1)]
    total: Count | None = None
    session_id: Annotated[StrictStr, Field(min_length=1)] | None = None
    results: Annotated[list[_Profile], Field(repr=False)]

    @property
    def distinct_ids(self) -> list[str]:
        """The profiles' ids."""
        return [str(profile["$distinct_id"]) for profile in self.results]

    @property
    def emails(self) -> list[object]:
        """Whatever their `$email` holds; None where it is missing."""
        return [(profile.get("$properties") or {}).get("$email") for profile in self.results]


class _Cohort(_Part):
    id: StrictInt
    name: StrictStr
    count: Count | None = None


class CohortsAnswer(RootModel[list[_Cohort]]):
    """The saved cohorts of a project."""


class _Project(_Part):
    permissions: list[StrictStr] | None = None


class _Account(_Part):
    projects: dict[str, _Project] | None = None
    workspaces: dict[str, object] | None = None


class MeAnswer(_Part):
    """What the service account sees; Mixpanel documents every key of it as optional."""

    results: _Account
