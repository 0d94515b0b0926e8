"""One try of one run of an export, with all that it works with; and what else writes to a target."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from marketo_provider.clock import Clock
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.instance import InstanceLog
from marketo_provider.state.lease import Lease
from marketo_provider.state.log import TargetLog
from marketo_provider.state.presence import Presence
from marketo_provider.state.records import Claim
from marketo_provider.state.slots import SlotLog, Slots
from marketo_provider.state.store import Store
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.route import RouteName

logger = logging.getLogger("marketo_provider.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What everything works with that writes to a target: the runs of an export, and a person at a terminal.

    `holder` names this try and no other: the lease is its own. `run_id` is Airflow's, shared by all tries.
    `pool` makes the threads that requests are sent in.
    """

    export: CohortExport
    settings: ProviderSettings
    limits: MarketoConnection
    marketo: MarketoClient
    store: Store
    clock: Clock
    run_id: str
    holder: str
    pool: Callable[[int], Executor] = ThreadPoolExecutor

    @property
    def field(self) -> str:
        """The field's REST API name."""
        return self.export.marketo_field

    @property
    def folder(self) -> str:
        """The target's folder in the store. A field is the same in any case."""
        return f"marketo/{self.marketo.host}/{self.field.lower()}"

    @property
    def target(self) -> str:
        """The target as the command line names it."""
        return self.folder.removeprefix("marketo/")

    @property
    def one_time(self) -> bool:
        """Whether the field is set once and never again."""
        return self.export.sync_type == "one_time"

    @property
    def label(self) -> str:
        """How messages name the export."""
        return self.export.label(self.field)

    def open_log(self) -> TargetLog:
        """Return the target's log, read to its end."""
        return TargetLog(self.store, self.folder, self.clock)

    def lease(self, log: TargetLog) -> Lease:
        """Return this try's lease, not yet taken."""
        return Lease(
            log,
            self.holder,
            lease_seconds=self.settings.lease_seconds,
            replay_after_seconds=self.limits.replay_after_seconds,
            clock=self.clock,
        )

    def presence(self) -> Presence:
        """Return this try's presence on the instance, not yet joined."""
        return Presence(
            InstanceLog(self.store, f"marketo/{self.marketo.host}", self.clock),
            self.holder,
            target=self.target,
            run=f"{self.target} {self.run_id}",
            lease_seconds=self.settings.lease_seconds,
            replay_after_seconds=self.limits.replay_after_seconds,
            most_calls=self.limits.calls_per_20_seconds,
            calls=self.marketo.calls_in_window,
            clock=self.clock,
        )

    def workspace(self) -> Workspace:
        """Return a DuckDB workspace."""
        return Workspace(self.store, memory_limit=self.settings.memory_limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Work):
    """One try of one run of an export. `route` forces the way that the entered go."""

    parameters: RunParameters
    mixpanel: MixpanelClient
    route: RouteName | None = None

    @property
    def field(self) -> str:
        """The field of this run: the parameter's, which a one-time export may be given, else the export's."""
        return self.parameters.marketo_field or self.export.marketo_field

    @property
    def dry(self) -> bool:
        """Whether nothing may be sent or kept."""
        return self.parameters.dry_run or self.settings.dry_run

    def slots(self) -> Slots:
        """Return this try's slots of the Mixpanel project, none taken yet."""
        log = SlotLog(self.store, f"mixpanel/{self.mixpanel.project_id}", self.clock)
        return Slots(log, self.holder, wanted=self.mixpanel.concurrent_pages, clock=self.clock)

    def claim(self) -> Claim:
        """Return the claim that this export makes."""
        return Claim(
            project_id=self.mixpanel.project_id,
            workspace_id=self.mixpanel.workspace_id,
            cohort_id=self.export.cohort_id,
            sync_type=self.export.sync_type,
            export=self.export.name,
            claimed_at=self.clock.now(),
        )
