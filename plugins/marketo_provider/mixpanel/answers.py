"""Mixpanel's answers, parsed strictly: a key of the wrong type makes the whole answer one that cannot be believed.

What an answer may leave out is taken from what clients in the field met, not from the OpenAPI file alone: `total`
comes with page 0 only, and a profile may lack `$properties` or the property asked for.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field
from msgspec.json import Decoder
from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictInt, StrictStr

LARGEST = 2**63 - 1  # that DuckDB and Arrow take
Count = Annotated[StrictInt, Field(ge=0, le=LARGEST)]


class _Part(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


# Objects that cannot form a cycle need no look by the garbage collector, which would take longer than the parsing.
class _Properties(Struct, gc=False):
    email: Any = field(name="$email", default=None)


class _Profile(Struct, gc=False):
    distinct_id: str | int = field(name="$distinct_id")
    properties: _Properties | None = field(name="$properties", default=None)


class EngageAnswer(Struct):
    """A page of profiles. Of these there are millions, and msgspec reads them four times as fast as pydantic."""

    status: Literal["ok"]
    page: Annotated[int, Meta(ge=0, le=LARGEST)]
    page_size: Annotated[int, Meta(ge=1, le=LARGEST)]
    results: list[_Profile]
    total: Annotated[int, Meta(ge=0, le=LARGEST)] | None = None
    session_id: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None

    def __repr__(self) -> str:
        """Say which page it is; what it holds stays out."""
        return f"EngageAnswer(page={self.page})"

    @property
    def distinct_ids(self) -> list[str]:
        """The profiles' ids."""
        return [str(profile.distinct_id) for profile in self.results]

    @property
    def emails(self) -> list[object]:
        """Whatever their `$email` holds; None where it is missing."""
        return [profile.properties and profile.properties.email for profile in self.results]


_decode = Decoder(EngageAnswer).decode


def read_page(body: bytes) -> EngageAnswer:
    """Return the page that a body holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        return _decode(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


class _Cohort(_Part):
    id: StrictInt
    name: StrictStr
    count: Count | None = None


# At the first fault, since a list of all of them may be a hundred times as large as the body.
class CohortsAnswer(RootModel[Annotated[list[_Cohort], Field(fail_fast=True)]]):
    """The saved cohorts of a project."""


class Project(_Part):
    """What an account may do in a project."""

    permissions: Annotated[list[StrictStr], Field(fail_fast=True)] | None = None


class Account(_Part):
    """The projects and data views that an account sees."""

    projects: dict[str, object] | None = None
    workspaces: dict[str, object] | None = None

    def project(self, project_id: int) -> Project | None:
        """Return a project, if the account sees it; the others do not matter.

        Raises:
            ValueError: it is not as documented.
        """
        held = (self.projects or {}).get(str(project_id))
        return None if held is None else Project.model_validate(held)


class MeAnswer(_Part):
    """What the service account sees; Mixpanel documents every key of it as optional."""

    results: Account
