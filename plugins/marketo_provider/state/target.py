"""What a target's log says: its records folded into one value.

snapshot_begun ... lease_taken -> intended -> journaled* -> settled -> lease_given_back
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from marketo_provider.state.records import (
    Adopted,
    Claim,
    ImportAnnounced,
    ImportEnded,
    ImportQueued,
    Intended,
    Journaled,
    LeaseGivenBack,
    LeaseTaken,
    OpenImport,
    Record,
    Released,
    Settled,
    SnapshotBegun,
)


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds the lease, the time in his last record, and how long after it another may take over."""

    holder: str
    last_at: datetime
    takeover_seconds: float


@dataclass(frozen=True, slots=True)
class Target:
    """The state of a target after its record `number`.

    The ledger is `base` overlaid by `deltas`, in order. What an intent announced is in `deltas` as `unknown`
    from the moment it is announced, and its answers follow: so a run that died needs no recovery of its own.
    `imports` are the files under way: what is in them stays `unknown` until they have ended.
    `delivered` is the highest snapshot that has an intent or a settle.
    """

    number: int = 0
    claim: Claim | None = None
    base: str | None = None
    base_rows: int = 0
    deltas: tuple[str, ...] = ()
    delivered: int = 0
    settled: Settled | None = None
    lease: Holding | None = None
    imports: tuple[OpenImport, ...] = ()
    begun: Mapping[str, int] = field(default_factory=dict)

    def after(self, number: int, record: Record) -> "Target":
        """Return the state after `record`, which has that number."""
        state = replace(self._changed_by(number, record), number=number)
        if state.lease and state.lease.holder == record.by:
            return replace(state, lease=replace(state.lease, last_at=record.at))
        return state

    def _changed_by(self, number: int, record: Record) -> "Target":  # noqa: C901, PLR0911 - one a record's kind
        match record:
            case SnapshotBegun():
                return replace(self, begun={**self.begun, record.run_id: number})
            case LeaseTaken():
                return replace(self, lease=Holding(record.by, record.at, record.takeover_seconds))
            case LeaseGivenBack():
                return replace(self, lease=None)
            case Intended():
                return replace(
                    self,
                    claim=record.claim,
                    deltas=(*self.deltas, record.rows),
                    delivered=max(self.delivered, record.snapshot),
                    imports=tuple(
                        one.model_copy(update={"later": (*one.later, record.rows)}) for one in self.imports
                    ),
                )
            case ImportAnnounced():
                announced = OpenImport(name=record.name, rows=record.rows, announced_at=record.at)
                return replace(self, imports=(*self.imports, announced))
            case ImportQueued():
                return replace(
                    self,
                    imports=tuple(
                        one.model_copy(update={"batch_id": record.batch_id}) if one.name == record.name else one
                        for one in self.imports
                    ),
                )
            case ImportEnded():
                deltas = (*self.deltas, record.rows) if record.rows else self.deltas
                imports = tuple(one for one in self.imports if one.name != record.name)
                return replace(self, deltas=deltas, imports=imports)
            case Journaled() | Adopted():
                return replace(self, deltas=(*self.deltas, record.rows))
            case Settled():
                return Target(
                    claim=record.claim,
                    base=record.base,
                    base_rows=record.base_rows,
                    deltas=record.deltas,
                    imports=record.imports,
                    delivered=record.delivered,
                    settled=record,
                    lease=Holding(record.by, record.at, record.takeover_seconds),
                )
            case Released():
                return Target(delivered=number, lease=self.lease)
        return self
