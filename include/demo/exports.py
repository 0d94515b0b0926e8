"""The two exports of the demo, as include/exports declares them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Export:
    """What the demo knows of an export."""

    name: str
    cohort_id: int
    field: str
    display_name: str
    sync_type: Literal["one_time", "dynamic"]

    @property
    def dag_id(self) -> str:
        """The id of its DAG."""
        return f"cohort_export__{self.name}"


TRIAL_USERS = Export("trial_users", 1001, "mixpanelTrialUsers", "Mixpanel Trial Users", "dynamic")
NEWSLETTER_LAUNCH = Export(
    "newsletter_launch", 1002, "mixpanelNewsletterLaunch", "Mixpanel Newsletter Launch", "one_time"
)
