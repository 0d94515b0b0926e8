"""The pictures in the docs, each with what it shows. `make screenshots` makes them all."""

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

from include.demo.processes import ROOT
from tests.browser.chromium import DESK, Screen

FOLDER: Final = ROOT / "docs" / "images"
_PHONE: Final = Screen(width=360, height=780)
_DARK: Final = Screen(scheme="dark")
_IN_AIRFLOW: Final = "plugin/cohort-exports"
_TYPICAL: Final = "cohort-exports/dags/cohort_export__trial_users_dach"
_STOPPED: Final = f"{_IN_AIRFLOW}/cohort-exports/dags/cohort_export__churn_risk_anz"
_ANSWERS: Final = {
    "mixpanel_conn_id": "mixpanel_default",
    "cohort": "1001 Trial users",
    "name": "trial_users_emea",
    "marketo_conn_id": "marketo_default",
    "field": "+",
    "display_name": "Mixpanel Trial Users EMEA",
    "new_name": "mixpanelTrialUsersEmea",
    "sync_type": "dynamic",
}


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of a page of Airflow.

    Attributes:
        name: of its file, without the ending.
        scene: what Airflow has at that moment: the demo, which was played in it, or what scenes.py makes up.
        path: of the page.
        screen: before which somebody sits.
        whole: whether all of the page is shown, however long it is.
    """

    name: str
    scene: Literal["demo", "empty", "one", "hundred"]
    path: str
    screen: Screen = DESK
    whole: bool = False


IMAGES: Final = (
    Image("dag", "demo", "dags/cohort_export__trial_users"),
    Image("set-up", "demo", f"cohort-exports/new/preview?{urlencode(_ANSWERS)}", whole=True),
    Image("trigger-form", "one", "dags/cohort_export__trial_users_dach"),
    Image("connection-form", "empty", "connections"),
    Image(
        "field-without-export",
        "hundred",
        "cohort-exports/fields/123-abc-456.mktorest.com/mixpanelbetatesters",
        whole=True,
    ),
    Image("exports-none", "empty", _IN_AIRFLOW),
    Image("exports-one", "one", _IN_AIRFLOW),
    Image("exports-hundred", "hundred", _IN_AIRFLOW),
    Image("exports-hundred-dark", "hundred", _IN_AIRFLOW, _DARK),
    Image("exports-hundred-phone", "hundred", "cohort-exports/", _PHONE),
    Image("export", "hundred", _TYPICAL, whole=True),
    Image("export-dark", "hundred", f"{_IN_AIRFLOW}/{_TYPICAL}", _DARK),
    Image("export-phone", "hundred", _TYPICAL, _PHONE),
    Image("export-stopped", "hundred", _STOPPED),
)
