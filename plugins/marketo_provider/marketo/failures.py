"""How one attempt at a request failed: its kind for the retry policy, and the error that the caller may get."""

from datetime import datetime, timedelta
from typing import Self

from marketo_provider.errors import (
    AccessDenied,
    ImportQueueFull,
    MarketoProviderError,
    NoAnswer,
    QuotaExhausted,
    RequestRefused,
    VendorUnavailable,
)
from marketo_provider.marketo.codes import Kind, Meaning
from marketo_provider.marketo.limits import next_quota_reset
from marketo_provider.marketo.models import FailedRequest

_QUEUE_LOOKED_AT = timedelta(seconds=60)
_ACCESS_ADVICE = (
    "the role of the API-only user needs the permission Read-Write Lead, and where the instance restricts API "
    "access by IP address, the address of this machine must be on its list"
)
_LOOK_UP = "docs/errors.md tells what to do about each code."


class Failed(Exception):
    """An attempt that brought no usable answer; it never leaves the client."""

    def __init__(self, kind: Kind, error: MarketoProviderError) -> None:
        super().__init__(kind)
        self.kind = kind
        self.error = error

    @classmethod
    def answered(cls, host: str, failed: FailedRequest, what: Meaning, *, now: datetime) -> Self:
        """Build it from an answer that was a failure."""
        said = f"Marketo ({host}) answered with code {failed.code}: {what.words}"
        fields = {"code": failed.code, "request_id": failed.request_id}
        error: MarketoProviderError
        match what.kind:
            case Kind.ACCESS:
                error = AccessDenied(f"{said}; {_ACCESS_ADVICE}.", **fields)
            case Kind.QUOTA:
                error = QuotaExhausted(
                    f"{said}; they come back after midnight in Chicago.", resume_at=next_quota_reset(now), **fields
                )
            case Kind.QUEUE:
                error = ImportQueueFull(
                    f"{said}; there will be a place when one has ended.",
                    resume_at=now + _QUEUE_LOOKED_AT,
                    **fields,
                )
            case Kind.UNSURE:
                error = NoAnswer(f"{said}; the request may have been carried out.", **fields)
            case Kind.REFUSED | Kind.UNKNOWN:
                error = RequestRefused(f"{said}; nothing was carried out. {_LOOK_UP}", **fields)
            case _:
                error = VendorUnavailable(f"{said}; nothing was carried out.", **fields)
        return cls(what.kind, error)
