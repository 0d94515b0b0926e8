"""Who is to be told of an export's troubles, as its YAML declares it."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

NoticeKind = Literal["failure", "stopped", "refused", "left_over", "stale"]
NOTICE_KINDS: Final[tuple[NoticeKind, ...]] = get_args(NoticeKind)

Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}[mhd]$")]
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


class Notifier(BaseModel):
    """An Airflow notifier, and what it is to tell of."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    notifier: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")] = Field(
        description="Class of an Airflow notifier with its module, such as "
        "airflow.providers.smtp.notifications.smtp.SmtpNotifier."
    )
    arguments: dict[str, Any] = Field(
        default={},
        description="Arguments of the notifier, by their names; in those that it templates, notice.subject and "
        "notice.text are the message. No secrets: give it a Connection.",
    )
    tell_of: tuple[NoticeKind, ...] = Field(
        default=NOTICE_KINDS,
        min_length=1,
        strict=False,
        description="List of what it tells of: failure, stopped, refused, left_over, stale. Without it, of all.",
    )


def length(duration: str) -> timedelta:
    """Return what a text such as `6h` means."""
    return timedelta(**{_UNITS[duration[-1]]: int(duration[:-1])})
