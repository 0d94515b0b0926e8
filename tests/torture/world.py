"""Both vendors, a store, and exports whose processes are disturbed: what a schedule is played in."""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import requests

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_fields import Field
from include.sandbox.mixpanel import MixpanelSandbox
from marketo_provider.exports import CohortExport
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.state.store import LocalStore, TypedStore
from marketo_provider.sync.run import Run
from tests.sync.world import FIELD, MARKETO_URL, MIXPANEL_URL, OTHER_FIELD
from tests.torture.faulty_store import FaultyStore
from tests.torture.faulty_wire import FaultyWire
from tests.torture.pool import SeededPool
from tests.torture.process import Plan, Process
from tests.torture.schedule import PEOPLE, Schedule
from tests.torture.stepping import Stepper
from tests.torture.witness import Witness
from tests.torture.work import Keys

FIELDS = (FIELD, OTHER_FIELD)
_FIRST_COHORT = 1001


class World:
    """The world of a schedule, at its beginning.

    Args:
        schedule: says how it is made.
        folder: an empty one, for the store.
    """

    def __init__(self, schedule: Schedule, folder: Path) -> None:
        self.schedule = schedule
        self.random = Random(f"play {schedule.seed}")  # noqa: S311 - repeatable on purpose
        self.stepper = Stepper(self.random)
        self.stepper.patience = schedule.patience
        self.effects: Counter[str] = Counter()
        self.marketo = MarketoSandbox(self.stepper)
        for name in FIELDS:
            self.make_field(name, "boolean")
        self.mixpanel = MixpanelSandbox(self.stepper, username="robot", secret="hush", project_id=7)
        self.witness = Witness(self.marketo.instance, self.stepper, folder)
        self.durable = LocalStore(folder)
        self.settings = ProviderSettings.model_validate({"state_url": str(folder)})
        self.exports = [_export(schedule, number) for number in range(len(schedule.exports))]
        self.broken_field = ""
        self._processes = 0
        self.witness.by_hand = True
        for person in (*schedule.known, *schedule.doubled):
            self.marketo.instance.leads.create({"email": address(person)}, partition="Default")
        self.witness.by_hand = False

    def make_field(self, name: str, data_type: str) -> None:
        """Give Marketo a field, or one of another type in its place."""
        field = Field(name=name, display_name=f"Display {name}", data_type=data_type, custom=True)
        self.marketo.instance.catalog.put(field)

    def set_cohort(self, number: int, people: tuple[int, ...]) -> None:
        """Make the cohort of an export consist of some people; some have several profiles, or no address."""
        project = self.mixpanel.state.project
        members: list[str | int] = []
        for person in people:
            for place, email in enumerate(_profiles(person)):
                members.append(f"user-{person}-{place}")
                project.set_profile(f"user-{person}-{place}", {} if email is None else {"$email": email})
        project.set_cohort(_FIRST_COHORT + number, "A cohort", members=members)

    def members(self, cohort_id: int) -> Keys:
        """Return the addresses that Mixpanel has in a cohort now, in lower case."""
        project = self.mixpanel.state.project
        emails = [project.profiles[one].get("$email") for one in project.cohorts[cohort_id].members]
        return frozenset(email.lower() for email in emails if isinstance(email, str) and "@" in email)

    def process(self, name: str, plan: Plan) -> Process:
        """Return a process that nothing has happened to yet."""
        self._processes += 1
        return Process(f"{name}/{self._processes}", plan, self.stepper, self.random, self.effects)

    def run(self, process: Process, number: int, run_id: str, **parameters: Any) -> Run:
        """Return one try of one run of an export, in a process, with clients of its own."""
        export = self.exports[number]
        marketo = FaultyWire(process, self.marketo, self.witness, members=self.members)
        mixpanel = FaultyWire(process, self.mixpanel, self.witness, members=self.members)
        session = requests.Session()
        session.trust_env = False  # the sandbox is in this process: a proxy has no business here
        session.mount(MARKETO_URL, marketo)
        session.mount(MIXPANEL_URL, mixpanel)
        credentials = self.marketo.credentials
        limits = MarketoConnection.model_validate(
            {
                "rest_url": MARKETO_URL,
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "concurrent_calls": 10,
                "bulk_jobs_queued": self.schedule.jobs_queued,
            }
        )
        project = MixpanelConnection.model_validate(
            {
                "base_url": MIXPANEL_URL,
                "username": "robot",
                "secret": "hush",
                "project_id": 7,
                "page_size": self.schedule.page_size,
            }
        )
        pool = SeededPool(process)
        marketo.interlude = pool.make_one
        return Run(
            export=export,
            parameters=RunParameters.model_validate(parameters),
            settings=self.settings,
            limits=limits,
            marketo=MarketoClient(limits, session=session, clock=process, random=lambda: 0.0),
            mixpanel=MixpanelClient(project, session=session, clock=process, random=lambda: 0.0),
            store=TypedStore(FaultyStore(self.durable, process, self.witness.wrote)),
            clock=process,
            run_id=run_id,
            holder=process.name,
            route=self.schedule.exports[number].route,
            pool=lambda _: pool,
        )


def address(person: int) -> str:
    """Return somebody's address."""
    return f"p{person:02d}@example.com"


def _profiles(person: int) -> list[str | None]:
    """Return the address of each of somebody's profiles: every seventh has two, some have none or no valid one."""
    if person % 7 == 3:
        return [address(person), address(person).upper()]
    if person == PEOPLE - 1:
        return [None]
    return ["nobody"] if person == PEOPLE - 2 else [address(person)]


def _export(schedule: Schedule, number: int) -> CohortExport:
    declared = schedule.exports[number]
    return CohortExport.model_validate(
        {
            "name": f"export_{number}",
            "cohort_id": _FIRST_COHORT + number,
            "marketo_field": FIELDS[number],
            "sync_type": declared.sync_type,
            **declared.options,
        }
    )
