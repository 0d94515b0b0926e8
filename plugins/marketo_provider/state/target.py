"""What a target's log says: its records folded into one value.

snapshot_begun ... lease_taken -> intended -> journaled* -> settled -> lease_given_back
lease_taken -> retirement_begun -> intended -> journaled* -> retired -> lease_given_back
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
    LedgerReplaced,
    OpenImport,
    Record,
    Released,
    Retired,
    RetirementBegun,
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

    @property
    def closed(self) -> bool:
        """Whether the target is retired, and nobody is held True any more."""
        retired = self.claim is not None and self.claim.retired_at is not None
        return retired and not (self.base or self.deltas or self.imports)

    @property
    def files(self) -> list[str]:
        """The files that the ledger lies in, and those of the imports under way."""
        imports = [path for one in self.imports for path in (one.rows, *one.later)]
        return list(dict.fromkeys([*([self.base] if self.base else []), *self.deltas, *imports]))

    def after(self, number: int, record: Record) -> "Target":
        """Return the state after `record`, which has that number."""
        state = replace(self._changed_by(number, record), number=number)
        if state.lease and state.lease.holder == record.by:
            return replace(state, lease=replace(state.lease, last_at=record.at))
        return state

    def _changed_by(self, number: int, record: Record) -> "Target":  # noqa: C901, PLR0911, PLR0912 - one a record's kind
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
            case LedgerReplaced():
                return self._with_ledger(record)
            case RetirementBegun():
                return replace(self, claim=record.claim, delivered=number)
            case Retired():
                return Target(claim=self.claim, delivered=self.delivered, lease=self.lease)
        return self

    def _with_ledger(self, record: LedgerReplaced) -> "Target":
        """Return the state with another ledger; what the last settle had settled of it stays settled."""
        settled = self.settled
        if settled:
            ledger = {"base": record.base, "base_rows": record.base_rows, "imports": record.imports}
            deltas = record.deltas[: len(settled.deltas)]
            settled = settled.model_copy(update={**ledger, "deltas": deltas})
        return replace(
            self,
            base=record.base,
            base_rows=record.base_rows,
            deltas=record.deltas,
            imports=record.imports,
            settled=settled,
        )
