"""The admin API for the data of the Mixpanel sandbox: cohorts and profiles.

Ids are JSON strings or integers, as Mixpanel's are. A person is `{"distinct_id", "properties"}`; whoever has
no profile has null for properties.

| request under `/_sandbox/` | body or query | does, and answers |
| --- | --- | --- |
| GET cohorts | | the cohorts: id, name, members (how many), announced_total |
| GET cohort | `?id=` | one of them, its members as people |
| POST cohort | `{"id", "name"?, "members"?: [ids], "announced_total"?}` | creates or replaces it |
| DELETE cohort | `?id=` | deletes it; profiles stay |
| POST cohort/generate | `{"id", "seed", "size", "without_profile"?}` | adds so many new people, and so many |
| | | members without a profile (one for 100 people); creates the cohort if need be |
| POST cohort/members | `{"id", "add"?: [ids], "remove"?: [ids]}` | moves members; profiles stay |
| POST cohort/churn | `{"id", "seed", "entered", "exited"}` | moves so many; `entered`, `exited` as people |
| POST profiles | `[person, ...]` | creates or replaces profiles; null properties delete one |
"""

from typing import Any

from pydantic import BaseModel, NonNegativeInt, PositiveInt, TypeAdapter

from include.sandbox.admin import Handler
from include.sandbox.mixpanel_project import Cohort, Project
from include.sandbox.people import DistinctId, Properties
from include.sandbox.wire import Request

_PEOPLE_PER_STRANGER = 100


class _SetCohort(BaseModel, frozen=True, extra="forbid"):
    id: PositiveInt
    name: str | None = None
    members: list[DistinctId] = []
    announced_total: NonNegativeInt | None = None


class _Generate(BaseModel, frozen=True, extra="forbid"):
    id: PositiveInt
    seed: int
    size: NonNegativeInt
    without_profile: NonNegativeInt | None = None


class _Members(BaseModel, frozen=True, extra="forbid"):
    id: PositiveInt
    add: list[DistinctId] = []
    remove: list[DistinctId] = []


class _Churn(BaseModel, frozen=True, extra="forbid"):
    id: PositiveInt
    seed: int
    entered: NonNegativeInt
    exited: NonNegativeInt


class _Person(BaseModel, frozen=True, extra="forbid"):
    distinct_id: DistinctId
    properties: Properties | None


_PEOPLE: TypeAdapter[list[_Person]] = TypeAdapter(list[_Person])


class CohortAdmin:
    """The handlers of these routes."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def routes(self) -> dict[str, Handler]:
        """Return the routes for cohorts and profiles."""
        return {
            "GET cohorts": self._read_cohorts,
            "GET cohort": self._read_cohort,
            "POST cohort": self._set_cohort,
            "DELETE cohort": self._delete_cohort,
            "POST cohort/generate": self._generate,
            "POST cohort/members": self._set_members,
            "POST cohort/churn": self._churn,
            "POST profiles": self._set_profiles,
        }

    def _read_cohorts(self, _: Request) -> Any:
        return {"cohorts": [_summary(cohort) for cohort in self._project.cohorts.values()]}

    def _read_cohort(self, request: Request) -> Any:
        cohort = self._project.cohort(_id(request))
        return _summary(cohort) | {"members": [_person(id_, self._project) for id_ in cohort.members]}

    def _set_cohort(self, request: Request) -> Any:
        body = _SetCohort.model_validate_json(request.body)
        name, total = body.name or _name(body.id), body.announced_total
        return _summary(self._project.set_cohort(body.id, name, members=body.members, announced_total=total))

    def _delete_cohort(self, request: Request) -> Any:
        del self._project.cohorts[self._project.cohort(_id(request)).id]
        return {}

    def _generate(self, request: Request) -> Any:
        body = _Generate.model_validate_json(request.body)
        if body.id not in self._project.cohorts:
            self._project.set_cohort(body.id, _name(body.id), members=[])
        cohort = self._project.cohort(body.id)
        strangers = body.without_profile
        if strangers is None:
            strangers = body.size // _PEOPLE_PER_STRANGER
        self._project.generate(cohort, seed=body.seed, size=body.size, without_profile=strangers)
        return _summary(cohort)

    def _set_members(self, request: Request) -> Any:
        body = _Members.model_validate_json(request.body)
        cohort = self._project.cohort(body.id)
        for distinct_id in body.remove:
            cohort.members.pop(distinct_id, None)
        cohort.members.update(dict.fromkeys(body.add))
        return _summary(cohort)

    def _churn(self, request: Request) -> Any:
        body = _Churn.model_validate_json(request.body)
        cohort = self._project.cohort(body.id)
        moved = self._project.churn(cohort, seed=body.seed, entered=body.entered, exited=body.exited)
        return {
            "entered": [_person(one.distinct_id, self._project) for one in moved.entered],
            "exited": [_person(one.distinct_id, self._project) for one in moved.exited],
        }

    def _set_profiles(self, request: Request) -> Any:
        for one in _PEOPLE.validate_json(request.body):
            self._project.set_profile(one.distinct_id, one.properties)
        return {"profiles": len(self._project.profiles)}


def _id(request: Request) -> int:
    return int(request.query.get("id", ""))


def _name(cohort_id: int) -> str:
    return f"Cohort {cohort_id}"


def _summary(cohort: Cohort) -> dict[str, Any]:
    return {
        "id": cohort.id,
        "name": cohort.name,
        "members": len(cohort.members),
        "announced_total": cohort.announced_total,
    }


def _person(distinct_id: DistinctId, project: Project) -> dict[str, Any]:
    return {"distinct_id": distinct_id, "properties": project.profiles.get(distinct_id)}
