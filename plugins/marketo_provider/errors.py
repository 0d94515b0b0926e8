"""Every exception of this package, grouped by what the caller should do about it.

MarketoProviderError
├── StopAndAsk               a person must change something; a retry would repeat the failure
│   ├── InvalidExport        an export's YAML is wrong
│   ├── InvalidSetting       a Connection, a setting or a run parameter is wrong
│   ├── AccessDenied         a vendor refuses the account
│   ├── CohortUnusable       the cohort is missing, too large or gives no addresses
│   ├── FieldUnusable        the Marketo field cannot carry the flag
│   ├── TargetClaimed        the field belongs to another export, or its one-time export is finished
│   ├── GuardStopped         the change is larger than the export's guards let through
│   ├── TooManyRefused       Marketo refused too large a share of the records; the run is settled
│   ├── TooMuchDrift         too many leads differ from what was sent; the run is settled
│   ├── ImportUnreadable     Marketo's file of an import's rows is not as documented
│   ├── StoreUnusable        the state store is damaged, not shared or of a kind not supported
│   └── RequestRefused       a vendor refused one request as a whole; nothing of it was executed
├── TryAgain                 a later try may succeed
│   ├── VendorUnavailable    a vendor could not be used; nothing was executed
│   ├── NoAnswer             a request may or may not have been executed
│   ├── SessionLost          Mixpanel no longer knows the query session
│   ├── SnapshotIncomplete   Mixpanel's pages do not add up
│   ├── StoreUnavailable     the state store could not be read or written
│   └── LeaseLost            another run may write to the target
├── WaitUntil                the run should go on at a known time
│   ├── RateLimited          the vendor asks for a long pause
│   ├── QuotaExhausted       Marketo's calls of the day are spent
│   ├── ImportQueueFull      Marketo's queue of imports has no place
│   ├── LeaseHeld            another run is writing to the target
│   └── ImportsUnderWay      Marketo works on files that the run has handed over
└── NothingToDo              the run ends without having done anything, and that is right
    ├── Superseded           a newer snapshot was delivered
    └── NoCallsLeft          Marketo's calls of the day are spent, and the schedule's next run will look again

No message holds an e-mail address, a secret or a vendor's own wording, which may quote either.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime


class MarketoProviderError(Exception):
    """Root of the tree.

    Args:
        message: what happened, to which export, and what to do next.
        code: the vendor's error code or HTTP status, where one was given.
        request_id: Marketo's `requestId`, for Adobe's support.
    """

    def __init__(self, message: str, *, code: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class StopAndAsk(MarketoProviderError):
    """A person must change something; a retry would repeat the failure."""


class InvalidExport(StopAndAsk):
    """An export's YAML is wrong."""


class InvalidSetting(StopAndAsk):
    """A Connection, a setting or a run parameter is wrong."""


class AccessDenied(StopAndAsk):
    """A vendor refuses the account."""


class CohortUnusable(StopAndAsk):
    """The cohort is missing, too large or gives no addresses."""


class FieldUnusable(StopAndAsk):
    """The Marketo field cannot carry the flag."""


class TargetClaimed(StopAndAsk):
    """The field belongs to another export, or its one-time export is finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedChange:
    """What a guard stopped: `count` changes, where the field is True for `held`.

    The run parameter `parameter` lets it through with the number `proposed`.
    """

    parameter: str
    count: int
    held: int
    proposed: int


class GuardStopped(StopAndAsk):
    """The change is larger than the export's guards let through; `change` is None where no number lets it."""

    def __init__(self, message: str, *, change: GuardedChange | None = None) -> None:
        super().__init__(message)
        self.change = change


class TooManyRefused(StopAndAsk):
    """Marketo refused too large a share of the records; the run is settled."""


class TooMuchDrift(StopAndAsk):
    """Too many leads differ from what was sent; the run is settled."""


class ImportUnreadable(StopAndAsk):
    """Marketo's file of an import's rows is not as documented."""


class StoreUnusable(StopAndAsk):
    """The state store is damaged, not shared or of a kind not supported."""


class RequestRefused(StopAndAsk):
    """A vendor refused one request as a whole; nothing of it was executed."""


class TryAgain(MarketoProviderError):
    """A later try may succeed."""


class VendorUnavailable(TryAgain):
    """A vendor could not be used; nothing was executed."""


class NoAnswer(TryAgain):
    """A request may or may not have been executed."""


class SessionLost(TryAgain):
    """Mixpanel no longer knows the query session."""


class SnapshotIncomplete(TryAgain):
    """Mixpanel's pages do not add up."""


class StoreUnavailable(TryAgain):
    """The state store could not be read or written."""


class LeaseLost(TryAgain):
    """Another run may write to the target."""


class WaitUntil(MarketoProviderError):
    """The run should go on at `resume_at` (aware, UTC)."""

    def __init__(
        self, message: str, *, resume_at: datetime, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.resume_at = resume_at


class RateLimited(WaitUntil):
    """The vendor asks for a long pause."""


class QuotaExhausted(WaitUntil):
    """Marketo's calls of the day are spent."""


class ImportQueueFull(WaitUntil):
    """Marketo's queue of imports has no place."""


class LeaseHeld(WaitUntil):
    """Another run is writing to the target."""


class ImportsUnderWay(WaitUntil):
    """Marketo works on files that the run has handed over: it goes on once the jobs `batch_ids` have ended.

    At `resume_at` it does in any case.
    """

    def __init__(self, message: str, *, resume_at: datetime, batch_ids: Sequence[int]) -> None:
        super().__init__(message, resume_at=resume_at)
        self.batch_ids = tuple(batch_ids)


class NothingToDo(MarketoProviderError):
    """The run ends without having done anything, and that is right."""


class Superseded(NothingToDo):
    """A newer snapshot was delivered."""


class NoCallsLeft(NothingToDo):
    """Marketo's calls of the day are spent, and the schedule's next run will look again."""


@contextmanager
def naming(export: str) -> Iterator[None]:
    """Let every message say which export it is about, also where it was written by a layer that knows none.

    Args:
        export: how messages name it.
    """
    try:
        yield
    except MarketoProviderError as error:
        if export not in str(error):
            error.args = (f"{export}: {error}",)
        raise
