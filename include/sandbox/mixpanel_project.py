"""What the sandbox's Mixpanel project holds: profiles and saved cohorts.

A member of a cohort need not have a profile, as in the real one: `include_all_users` is about those.
"""

from dataclasses import dataclass
from random import Random

from include.sandbox.clock import Clock
from include.sandbox.people import DistinctId, Person, Properties, people, stranger_id


@dataclass(slots=True)
class Cohort:
    """A saved cohort; its members keep their order.

    `announced_total` is what page 0 says instead of the number of rows: a vendor that miscounts, or a size
    nobody wants to hold in memory.
    """

    id: int
    name: str
    created: str
    members: dict[DistinctId, None]
    announced_total: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Who entered a cohort and who left it."""

    entered: list[Person]
    exited: list[Person]


class Project:
    """Profiles and cohorts."""

    def __init__(self, clock: Clock) -> None:
        self.profiles: dict[DistinctId, Properties] = {}
        self.cohorts: dict[int, Cohort] = {}
        self._clock = clock
        self._next_number = 0

    def cohort(self, cohort_id: int) -> Cohort:
        """Return a cohort.

        Raises:
            ValueError: there is none with this id.
        """
        try:
            return self.cohorts[cohort_id]
        except KeyError:
            raise ValueError(f"no cohort {cohort_id}; there are {sorted(self.cohorts)}") from None

    def set_cohort(
        self, cohort_id: int, name: str, *, members: list[DistinctId], announced_total: int | None = None
    ) -> Cohort:
        """Create a cohort, or put another in its place."""
        created = f"{self._clock.now():%Y-%m-%d %H:%M:%S}"
        cohort = Cohort(cohort_id, name, created, dict.fromkeys(members), announced_total)
        self.cohorts[cohort_id] = cohort
        return cohort

    def set_profile(self, distinct_id: DistinctId, properties: Properties | None) -> None:
        """Create, replace or (None) delete a profile; cohorts keep their members."""
        if properties is None:
            self.profiles.pop(distinct_id, None)
        else:
            self.profiles[distinct_id] = properties

    def generate(self, cohort: Cohort, *, seed: int, size: int, without_profile: int) -> None:
        """Add `size` new people to a cohort, and so many members without a profile."""
        self._enter(cohort, seed, size)
        strangers = self._numbers(without_profile)
        cohort.members.update(dict.fromkeys(stranger_id(seed, number) for number in strangers))

    def churn(self, cohort: Cohort, *, seed: int, entered: int, exited: int) -> Moved:
        """Let members with a profile leave, and new people enter.

        With the seed of the cohort itself some of the new people share the address of a member, or of one
        who leaves.

        Raises:
            ValueError: more are to leave than there are.
        """
        leaving = [member for member in cohort.members if member in self.profiles]
        if exited > len(leaving):
            raise ValueError(
                f"{exited} cannot leave: cohort {cohort.id} has {len(leaving)} members with a profile"
            )
        chooser = Random(f"{seed}:{self._next_number}")  # noqa: S311 - repeatable test data, no secret
        gone = chooser.sample(leaving, exited)
        for member in gone:
            del cohort.members[member]
        return Moved(self._enter(cohort, seed, entered), [Person(id_, self.profiles[id_]) for id_ in gone])

    def _enter(self, cohort: Cohort, seed: int, count: int) -> list[Person]:
        new = list(people(seed, self._numbers(count)))
        self.profiles.update((one.distinct_id, one.properties) for one in new)
        cohort.members.update((one.distinct_id, None) for one in new)
        return new

    def _numbers(self, count: int) -> range:
        first = self._next_number
        self._next_number += count
        return range(first, first + count)
