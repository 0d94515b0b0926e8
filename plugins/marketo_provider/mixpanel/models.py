"""What the client hands out. Addresses, and ids that may be some, stay out of every repr."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a session, numbered and sized by Mixpanel's echo; its profiles column by column.

    Of each profile the id, and whatever `$email` held, None where it is missing.
    """

    number: int
    page_size: int
    total: int | None
    session_id: str
    distinct_ids: list[str] = field(repr=False)
    emails: list[object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Cohort:
    """A saved cohort; `count` is not promised to be fresh."""

    cohort_id: int
    name: str
    count: int | None
