"""What is there before the first run: the cohorts in Mixpanel, and fields and people in Marketo."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from include.demo.exports import NEWSLETTER_LAUNCH, TRIAL_USERS, Export
from include.demo.sandbox import Sandbox, Value
from include.demo.truth import read_cohort

_SHARE_KNOWN = 0.4
_SHARE_OTHER_CASE = 0.1
_DUPLICATES = 25
_HOLDING_FALSE = 200
_BYSTANDERS = 500


@dataclass(frozen=True, slots=True)
class Scale:
    """How many profiles the cohorts have, and how many people move."""

    dynamic: int = 50_000
    one_time: int = 5_000
    entered: int = 2_000
    exited: int = 1_500


def set_up(sandbox: Sandbox, *, seed: int, scale: Scale) -> None:
    """Fill the sandbox; the same seed and scale give the same people and leads."""
    random = Random(seed)  # noqa: S311 - repeatable demo data, no secret
    for export, size in ((TRIAL_USERS, scale.dynamic), (NEWSLETTER_LAUNCH, scale.one_time)):
        sandbox.generate(export.cohort_id, seed=seed, size=size)
        sandbox.create_field(export.field, display_name=export.display_name)
        members = sorted(read_cohort(sandbox.emails(export.cohort_id)).members)
        sandbox.add_leads(list(known_leads(members, export, random)))
    sandbox.add_leads([{"email": f"bystander.{number}@example.com"} for number in range(_BYSTANDERS)])


def known_leads(members: list[str], export: Export, random: Random) -> Iterator[dict[str, Value]]:
    """Yield leads for part of the members: some in another case, some twice, some holding False already."""
    known = random.sample(members, int(len(members) * _SHARE_KNOWN))
    for number, address in enumerate(known):
        email = address.upper() if random.random() < _SHARE_OTHER_CASE else address
        yield {"email": email} | ({export.field: False} if number < _HOLDING_FALSE else {})
    for address in known[-_DUPLICATES:]:
        yield {"email": address.capitalize()}
