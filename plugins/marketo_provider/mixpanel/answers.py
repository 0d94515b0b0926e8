"""Mixpanel's answers, parsed strictly: a key of the wrong type makes the whole answer one that cannot be believed.

What an answer may leave out is taken from what clients in the field met, not from the OpenAPI file alone: `total`
comes with page 0 only, and a profile may lack `$properties` or the property asked for.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictInt, StrictStr

Count = Annotated[StrictInt, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class _Properties(_Part):
    email: object = Field(None, alias="$email", repr=False)


class _Profile(_Part):
    distinct_id: StrictStr | StrictInt = Field(alias="$distinct_id", repr=False)
    properties: _Properties | None = Field(None, alias="$properties")

    @property
    def email(self) -> object:
        """Whatever `$email` holds; None where it is missing."""
        return self.properties.email if self.properties else None


class EngageAnswer(_Part):
    """A page of profiles."""

    status: Literal["ok"]
    page: Count
    page_size: Annotated[StrictInt, Field(ge=1)]
    total: Count | None = None
    session_id: Annotated[StrictStr, Field(min_length=1)] | None = None
    results: list[_Profile]


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
