"""A deployment for the tests that run DAGs: the project's DAG file in a real Airflow, both sandboxes behind it."""

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from include.sandbox.marketo_fields import Field
from include.sandbox.serving import Sandboxes
from include.sandbox.wire import LoggedRequest
from marketo_provider.clock import Clock
from marketo_provider.state.lease import Lease
from marketo_provider.state.log import TargetLog
from marketo_provider.state.store import LocalStore
from tests.airflow_home import ROOT, home, project_folder

COHORT, FIELD = 1001, "mixpanelTrialUsers"
OTHER_COHORT, OTHER_FIELD = 1002, "mixpanelNewsletterLaunch"
MARKETO_ID, MARKETO_SECRET = "marketo-client", "marketo-hush-hush"
MIXPANEL_NAME, MIXPANEL_SECRET = "robot.service-account", "mixpanel-hush-hush"
PROJECT_ID = 2_000_001
_SYNC_LEADS = "/rest/v1/leads.json"
_FINAL_FAILURE = re.compile(r"AirflowFailException: (.+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run: states and tries by task, the report, what a final failure said, and all logs."""

    state: str
    tasks: Mapping[str, str]
    tries: Mapping[str, int]
    report: dict[str, Any]
    failure: str
    log: str


class Deployment:
    """An Airflow project with exports of its own, a fresh state store, and the sandboxes.

    Args:
        served: the sandboxes, emptied.
        state: where the state store lies.
        environment: sets Connections and settings for the time of a test.
        logs: returns what was logged since it was asked last.
        clock: everybody's.
    """

    def __init__(
        self,
        served: Sandboxes,
        state: Path,
        environment: pytest.MonkeyPatch,
        logs: Callable[[], str],
        clock: Clock,
    ) -> None:
        self.marketo, self.mixpanel = served.marketo, served.mixpanel
        self.marketo_url, self.mixpanel_url = served.marketo_url, served.mixpanel_url
        self.state = state
        self.folder = project_folder(home())
        self._environment = environment
        self._logs = logs
        self._clock = clock
        shutil.rmtree(self.folder)
        (self.folder / "dags").mkdir(parents=True)
        (self.folder / "include" / "exports").mkdir(parents=True)
        shutil.copy(ROOT / "dags" / "cohort_exports.py", self.folder / "dags")
        self.configure("state_url", str(state))
        self.connect_marketo()
        self.connect_mixpanel()
        self.add_field(FIELD)
        self.add_field(OTHER_FIELD)

    def configure(self, setting: str, value: str) -> None:
        """Set one of `[marketo_provider]`."""
        self._environment.setenv(f"AIRFLOW__MARKETO_PROVIDER__{setting.upper()}", value)

    def connect_marketo(self, host: str | None = None, *, conn_id: str = "marketo_default", **extra: Any) -> None:
        """Make the Connection to Marketo, by default as the sandbox gives it."""
        self._connect(conn_id, "marketo", host or self.marketo_url, MARKETO_ID, MARKETO_SECRET, extra)

    def connect_mixpanel(self, *, conn_id: str = "mixpanel_default", **extra: Any) -> None:
        """Make the Connection to Mixpanel, by default as the sandbox gives it."""
        extra = {"project_id": PROJECT_ID, **extra}
        self._connect(conn_id, "mixpanel", self.mixpanel_url, MIXPANEL_NAME, MIXPANEL_SECRET, extra)

    def declare(self, name: str = "trial_users", **keys: Any) -> None:
        """Write the YAML file of an export: a dynamic one of the cohort and the field, unless `keys` say else.

        A second try comes after a second, since `dag.test()` waits for one that should not be.
        """
        export = {
            "name": name,
            "cohort_id": COHORT,
            "marketo_field": FIELD,
            "sync_type": "dynamic",
            "retries": 1,
            "retry_delay_seconds": 1,
            **keys,
        }
        self._yaml(name).write_text(json.dumps({"exports": [export]}))

    def withdraw(self, name: str) -> None:
        """Delete an export's YAML file."""
        self._yaml(name).unlink()

    def write_dag(self, name: str, text: str) -> None:
        """Write a DAG file of somebody's own."""
        (self.folder / "dags" / f"{name}.py").write_text(text)

    def dag(self, dag_id: str) -> DAG:
        """Return a DAG, its file read anew, as it is after every restart."""
        bag = DagBag(self.folder / "dags")
        assert bag.import_errors == {}
        dag: DAG = bag.dags[dag_id]
        return dag

    def dag_ids(self) -> set[str]:
        """Return the ids of all DAGs."""
        return set(DagBag(self.folder / "dags").dags)

    def run(self, name: str = "trial_users", **conf: Any) -> Outcome:
        """Run an export's DAG once, with run parameters."""
        return self.run_dag(f"cohort_export__{name}", **conf)

    def export_once(self, emails: Iterable[Any]) -> None:
        """Declare the dynamic export, let it run once with a cohort of these, and forget the requests."""
        self.declare()
        self.set_cohort(emails)
        assert self.run().state == "success"
        self.marketo.wire.log.clear()
        self.mixpanel.wire.log.clear()

    def run_dag(self, dag_id: str, *, marked: str | None = None, **conf: Any) -> Outcome:
        """Run a DAG once, its file read anew; the task `marked` is not run but marked as success."""
        dag = self.dag(dag_id)
        self._logs()
        run = dag.test(run_conf=conf, mark_success_pattern=marked)
        log = self._logs()
        ends = {instance.task_id: instance for instance in run.get_task_instances()}
        last = dag.tasks[-1].task_id
        failure = _FINAL_FAILURE.search(log)
        return Outcome(
            state=str(run.state),
            tasks={task_id: str(end.state) for task_id, end in ends.items()},
            tries={task_id: end.try_number for task_id, end in ends.items()},
            report=ends[last].xcom_pull(task_ids=last) or {},
            failure=failure[1] if failure else "",
            log=log,
        )

    def add_field(self, name: str, **definition: Any) -> None:
        """Create a field in Marketo, a custom Boolean unless `definition` says otherwise."""
        ours = {"name": name, "display_name": f"{name} (display)", "data_type": "boolean", "custom": True}
        self.marketo.instance.catalog.put(Field.model_validate(ours | definition))

    def add_lead(self, email: str, values: Mapping[str, bool] | None = None, *, partition: str = "Default") -> int:
        """Add a lead by hand and return its id."""
        lead = self.marketo.instance.leads.create({"email": email, **(values or {})}, partition=partition)
        return lead.lead_id

    def set_cohort(self, emails: Iterable[Any], cohort_id: int = COHORT, **more: Any) -> None:
        """Make a cohort consist of one profile for each value of `$email`; None is a profile without one."""
        project = self.mixpanel.state.project
        members: list[str | int] = []
        for number, email in enumerate(emails):
            members.append(f"user-{cohort_id}-{number}")
            project.set_profile(members[-1], {} if email is None else {"$email": email})
        project.set_cohort(cohort_id, "Trial users", members=members, **more)

    def flags(self, field: str = FIELD) -> dict[str, object]:
        """Return what each lead holds, by its address in lower case."""
        return {str(lead.values["email"]).lower(): lead.values.get(field) for lead in self.marketo.instance.leads}

    def writes(self) -> list[LoggedRequest]:
        """Return the requests that write leads, in order."""
        return [one for one in self.marketo.wire.log if one.path == _SYNC_LEADS and "_method" not in one.query]

    def written(self) -> list[dict[str, Any]]:
        """Return the records of all requests that write leads, in order."""
        return [record for one in self.writes() for record in json.loads(one.body)["input"]]

    def lease(self, holder: str) -> Lease:
        """Return the right to write to the field, not yet taken, for somebody who is no run of this Airflow."""
        folder = f"marketo/{self.marketo_url.removeprefix('http://')}/{FIELD.lower()}"
        log = TargetLog(LocalStore(self.state), folder, self._clock)
        return Lease(log, holder, lease_seconds=120, replay_after_seconds=90, clock=self._clock)

    def asked_mixpanel(self) -> list[str]:
        """Return the paths of all requests to Mixpanel."""
        return [one.path for one in self.mixpanel.wire.log]

    def _yaml(self, name: str) -> Path:
        return self.folder / "include" / "exports" / f"{name}.yaml"

    def _connect(  # noqa: PLR0913, PLR0917 - the parts of a Connection
        self, conn_id: str, conn_type: str, host: str, login: str, password: str, extra: Mapping[str, Any]
    ) -> None:
        parts = {"conn_type": conn_type, "host": host, "login": login, "password": password, "extra": extra}
        self._environment.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(parts))
