"""The records of a target's log: typed, append-only, each enough to tell what was decided and by whom.

A record is never changed. The state of a target is what its records fold to: see `state.target`. What records of
any log have in common stands here too; those of an instance's are in `state.instance`.
"""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from marketo_provider.errors import StoreUnusable

FORMAT = 1
# To which durations can be added.
Moment = Annotated[AwareDatetime, Field(lt=datetime(9000, 1, 1, tzinfo=UTC))]
Seconds = Annotated[float, Field(ge=0, le=1_000_000)]


class Frozen(BaseModel):
    """Never changed, and of known keys only."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Claim(Frozen):
    """Whom a target belongs to. The export's name is only shown; the rest is compared.

    `snapshot` is the one-time export's own snapshot; `finished_at` says that it is done. `retired_at`: since then
    nobody is set True any more.
    """

    project_id: int
    workspace_id: int | None
    cohort_id: int
    sync_type: Literal["one_time", "dynamic"]
    export: str
    claimed_at: Moment
    snapshot: int | None = None
    finished_at: Moment | None = None
    retired_at: Moment | None = None

    def same_owner(self, other: "Claim") -> bool:
        """Whether both claims are of one project, data view, cohort and sync type."""
        return (self.project_id, self.workspace_id, self.cohort_id, self.sync_type) == (
            other.project_id,
            other.workspace_id,
            other.cohort_id,
            other.sync_type,
        )


class LogRecord(Frozen):
    """What every record of any log carries: when (UTC), by whom, and an id by which an append knows its own."""

    format: int = FORMAT
    record_id: str = Field(default_factory=lambda: secrets.token_hex(8))
    at: Moment
    by: str


class SnapshotBegun(LogRecord):
    """A read of the cohort begins; this record's number orders it among all snapshots."""

    kind: Literal["snapshot_begun"] = "snapshot_begun"
    run_id: str


class LeaseTaken(LogRecord):
    """`by` alone may write to the target from here on.

    `takeover_seconds` after its last record another may: the holder's own settings decide, not the other's.
    """

    kind: Literal["lease_taken"] = "lease_taken"
    takeover_seconds: Seconds


class LeaseRenewed(LogRecord):
    """`by` is still at work."""

    kind: Literal["lease_renewed"] = "lease_renewed"


class LeaseGivenBack(LogRecord):
    """`by` is done; nothing of its may still land."""

    kind: Literal["lease_given_back"] = "lease_given_back"


class Intended(LogRecord):
    """What is about to be sent: the ledger rows of a change set, as `unknown`; and a list of it for people."""

    kind: Literal["intended"] = "intended"
    run_id: str
    snapshot: int
    claim: Claim
    rows: str
    change_list: str


class Journaled(LogRecord):
    """Answers: the ledger rows that they make."""

    kind: Literal["journaled"] = "journaled"
    rows: str


class ImportAnnounced(LogRecord):
    """A file of leads is about to be handed to bulk import: the ledger rows that it holds."""

    kind: Literal["import_announced"] = "import_announced"
    name: str
    rows: str


class ImportQueued(LogRecord):
    """Marketo has taken an announced file; without this record it may or may not have."""

    kind: Literal["import_queued"] = "import_queued"
    name: str
    batch_id: int


class ImportEnded(LogRecord):
    """No lead is changed any more by an announced file: the ledger rows that this makes, where it is known."""

    kind: Literal["import_ended"] = "import_ended"
    name: str
    rows: str | None


class OpenImport(Frozen):
    """An announced file that is not known to have ended.

    `batch_id`: its job; None where Marketo gave no answer. `later`: the rows of the intents since it was
    announced, whose addresses somebody else than the file has had the last word on.
    """

    name: str
    rows: str
    announced_at: Moment
    batch_id: int | None = None
    later: tuple[str, ...] = ()


class Adopted(LogRecord):
    """Ledger rows of leads that hold True already, told by a person."""

    kind: Literal["adopted"] = "adopted"
    rows: str


class Settled(LogRecord):
    """A run's end, and a checkpoint: folding may begin here.

    `goes_on`: only a part of the run's work is done, the run waits and goes on with the same snapshot.
    """

    kind: Literal["settled"] = "settled"
    run_id: str
    snapshot: int
    snapshot_begun_at: Moment
    claim: Claim
    base: str | None
    base_rows: int
    deltas: tuple[str, ...]
    imports: tuple[OpenImport, ...] = ()
    delivered: int
    address_share: float
    report: dict[str, Any]
    left_over: int
    failure: str | None = None
    failed_by: Literal["refusals", "drift", "import"] = "refusals"
    goes_on: bool = False
    takeover_seconds: Seconds


class Released(LogRecord):
    """The claim is given up and the ledger forgotten; the target is free for another export."""

    kind: Literal["released"] = "released"


class LedgerReplaced(LogRecord):
    """The ledger lies in other files from here on: rebuilt by a re-read from Marketo, or without an address."""

    kind: Literal["ledger_replaced"] = "ledger_replaced"
    cause: Literal["repaired", "erased"]
    base: str | None
    base_rows: int
    deltas: tuple[str, ...]
    imports: tuple[OpenImport, ...]


class RetirementBegun(LogRecord):
    """The target is given up: every lead that it holds True becomes False. Older snapshots are superseded."""

    kind: Literal["retirement_begun"] = "retirement_begun"
    claim: Claim


class Retired(LogRecord):
    """Nobody is held True any more; the ledger is forgotten, the claim stays, so that no export comes back."""

    kind: Literal["retired"] = "retired"


Record = (
    SnapshotBegun
    | LeaseTaken
    | LeaseRenewed
    | LeaseGivenBack
    | Intended
    | Journaled
    | ImportAnnounced
    | ImportQueued
    | ImportEnded
    | Adopted
    | Settled
    | Released
    | LedgerReplaced
    | RetirementBegun
    | Retired
)
R = TypeVar("R", bound=LogRecord)
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def encode(record: LogRecord) -> bytes:
    """Return a record's JSON."""
    return record.model_dump_json().encode()


def decode(data: bytes, path: str) -> Record:
    """Return the record of a target's log that `data` holds.

    Raises:
        StoreUnusable: it holds none, or one of a newer format.
    """
    return decode_as(_RECORD, data, path)


def decode_as(kinds: TypeAdapter[R], data: bytes, path: str) -> R:
    """Return the record that `data` holds, of the kinds that a log has.

    Raises:
        StoreUnusable: it holds none, or one of a newer format.
    """
    try:
        record = kinds.validate_json(data)
    except ValidationError:
        raise StoreUnusable(
            f"The state store's record {path} is damaged, or was written by a newer release. "
            "Nothing was sent. Restore the file, or bring this deployment to the newer release."
        ) from None
    if record.format != FORMAT:
        raise StoreUnusable(
            f"The state store's record {path} has format {record.format}; this release reads {FORMAT}. "
            "Nothing was sent. Bring this deployment to the newer release."
        )
    return record
