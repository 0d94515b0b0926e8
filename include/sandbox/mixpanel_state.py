"""All that the Mixpanel sandbox holds, in one place, so that a reset is a new one."""

from dataclasses import dataclass, field
from typing import Self

from include.sandbox.clock import Clock
from include.sandbox.mixpanel_account import Account
from include.sandbox.mixpanel_engage import Engage
from include.sandbox.mixpanel_limits import Limits, RateLimit
from include.sandbox.mixpanel_project import Project


@dataclass(slots=True)
class MixpanelState:
    """The account, the project's data, the limits and what they have counted, and the sessions."""

    account: Account
    project: Project
    rate: RateLimit
    engage: Engage
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def fresh(cls, clock: Clock, account: Account) -> Self:
        """Return the state of a project nobody has put anything into."""
        project = Project(clock)
        return cls(account, project, RateLimit(clock), Engage(clock, project))
