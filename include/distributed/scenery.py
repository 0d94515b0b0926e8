"""What there is before the first run: two Marketo instances, and twenty exports that share people and a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from include.demo.airflow_api import NewConnection
from include.demo.exports import Export
from include.demo.sandbox import Sandbox
from include.demo.scenery import known_leads
from include.demo.truth import read_cohort
from include.distributed.settings import REPLAY_AFTER_SECONDS, RETRY_DELAY_SECONDS

_SIZES = (9_000, 2_000, 1_500, 1_000, 800, 600, 500, 400, 300, 200)
"""Profiles of an instance's cohorts. Delivering the first takes long enough for a worker to die of it."""
_ONE_TIME = 2
_SHARED = 150
_SECONDS_A_CALL = 0.3


@dataclass(frozen=True, slots=True)
class Instance:
    """A Marketo instance, the Mixpanel project beside it, and the exports between them."""

    name: str
    sandbox: Sandbox
    exports: tuple[Export, ...]

    def connections(self) -> list[NewConnection]:
        """Return its Connections."""
        marketo, mixpanel = self.sandbox.connections()
        quick = {**marketo.extra, "replay_after_seconds": REPLAY_AFTER_SECONDS}
        return [
            replace(marketo, conn_id=f"marketo_{self.name}", extra=quick),
            replace(mixpanel, conn_id=f"mixpanel_{self.name}"),
        ]

    def declarations(self) -> Iterator[dict[str, object]]:
        """Yield what the YAML says of its exports."""
        for export in self.exports:
            yield {
                "name": export.name,
                "cohort_id": export.cohort_id,
                "marketo_field": export.field,
                "sync_type": export.sync_type,
                "marketo_conn_id": f"marketo_{self.name}",
                "mixpanel_conn_id": f"mixpanel_{self.name}",
                "retry_delay_seconds": RETRY_DELAY_SECONDS,
                # Its first run comes when the DAG is unpaused; no other is to come in between.
                "schedule": "@yearly" if export.sync_type == "dynamic" else None,
            }


def furnish(name: str, sandbox: Sandbox, *, seed: int) -> Instance:
    """Fill a sandbox: cohorts of people who are in others too, a field for each, and people Marketo knows."""
    random = Random(seed)  # noqa: S311 - repeatable data, no secret
    exports = tuple(_export(name, number) for number in range(len(_SIZES)))
    for export, size in zip(exports, _SIZES, strict=True):
        sandbox.generate(export.cohort_id, seed=seed, size=size)
        sandbox.create_field(export.field, display_name=export.display_name)
        members = sorted(read_cohort(sandbox.emails(export.cohort_id)).members)
        sandbox.add_leads(list(known_leads(members, export, random)))
    first = exports[0]
    for export in exports[1:]:
        sandbox.enter(export.cohort_id, members_of=first.cohort_id, most=_SHARED)
    sandbox.slow_down(_SECONDS_A_CALL)
    return Instance(name, sandbox, exports)


def _export(instance: str, number: int) -> Export:
    return Export(
        name=f"{instance}_{number}",
        cohort_id=1001 + number,
        field=f"mixpanelCohort{number}",
        display_name=f"Mixpanel Cohort {number}",
        sync_type="one_time" if number >= len(_SIZES) - _ONE_TIME else "dynamic",
    )
