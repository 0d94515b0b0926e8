"""Setting up an export, step by step: what each step asks and shows, as the command `new` does at a terminal.

A step that cannot be shown is told on the one before it, whose answers were the reason. All calls to the vendors
for one page end together, while its reader is still there.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.utils.session import create_session

from marketo_provider.clock import SystemClock
from marketo_provider.errors import MarketoProviderError, StopAndAsk
from marketo_provider.exports import CohortExport
from marketo_provider.hooks.setting_up import Instance, Project, open_instance, open_project
from marketo_provider.hooks.state import provider_settings, state_store
from marketo_provider.marketo.models import NewField
from marketo_provider.new_export import OtherExport, check_key, check_name, check_yaml, propose_name, to_yaml
from marketo_provider.state.store import Store
from marketo_provider.state.suppression import SuppressionList
from marketo_provider.sync import new_field
from marketo_provider.sync.first_load import estimate_first_load
from marketo_provider.sync.new_field import NEVER_DELETED, NewFields, create_field
from marketo_provider.web.deployment import ExportDag, read_dags
from marketo_provider.web.pages import page
from marketo_provider.web.setup_answers import NEW, Answers, Step
from marketo_provider.web.setup_proof import prove
from marketo_provider.web.setup_rights import check_editable, editable_connections, knowing

# Proxies in front of Airflow give up after a minute.
_SECONDS: Final = 45.0
# As it is in a cohort's name, and no longer than an address should be.
_LONGEST_COHORT: Final = 250


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, and whether it says that something was refused, or could not be had."""

    html: str
    status: int


class Dialogue:
    """One request of a dialogue.

    Args:
        user: who may edit Connections.
        answers: what is answered so far.
    """

    def __init__(self, user: BaseUser, answers: Answers) -> None:
        self._user = user
        self._answers = answers
        self._until = SystemClock().monotonic() + _SECONDS

    def show(self, step: Step, refused: MarketoProviderError | None = None) -> Shown:
        """Return the page of a step, or of the last one before it that can be shown."""
        try:
            shown = self._content(step)
        except MarketoProviderError as error:
            return self.show(step.before, refused or error)
        html = page(
            "setup.html",
            "../../",
            step=step,
            step_names=list(Step),
            answers=self._answers,
            query=urlencode(self._answers.given()),
            refused=str(refused) if refused else None,
            **shown,
        )
        status = 200 if refused is None else 422 if isinstance(refused, StopAndAsk) else 503
        return Shown(html, status)

    def create_field(self) -> Answers:
        """Create the field that was shown before; return the answers with it as one that is there.

        Raises:
            MarketoProviderError: nothing was created; or, if it is a `NoAnswer`, perhaps.
        """
        field = self._new_field()
        create_field(self._instance.client, field)
        return self._answers.model_copy(update={"field": field.name, "created": "yes"})

    def _content(self, step: Step) -> dict[str, Any]:
        answers = self._answers
        match step:
            case Step.PROJECT:
                return {"known": editable_connections("mixpanel", self._user)}
            case Step.COHORT:
                cohorts = sorted(self._project.client.cohorts(), key=lambda one: one.name.casefold())
                values = [(f"{one.cohort_id} {one.name}"[:_LONGEST_COHORT], one) for one in cohorts]
                return {"cohorts": values, "exported": self._exported()}
            case Step.INSTANCE:
                check_key("cohort_id", answers.cohort_id)
                known = editable_connections("marketo", self._user)
                about = CohortExport.model_fields["name"].description
                return {"known": known, "proposed": propose_name(answers.cohort_name), "about": about}
            case Step.FIELD:
                check_name(answers.name, self._others)
                return {"candidates": self._instance.fields.candidates(), "new": NEW, **self._proposals()}
            case Step.PREVIEW:
                return self._preview()
            case Step.YAML:
                text, export = self._declared()
                return {"yaml": text, "export": export}

    def _exported(self) -> dict[str, list[str]]:
        """Return the exports of each cohort whose DAGs the user may see."""
        may_name = knowing(self._user)
        exported: dict[str, list[str]] = {}
        for dag in self._dags:
            if may_name(dag.name):
                exported.setdefault(dag.declared.cohort_id, []).append(dag.name)
        return exported

    def _proposals(self) -> dict[str, str]:
        display_name = new_field.propose_display_name(self._answers.cohort_name)
        return {"display_name": display_name, "new_name": new_field.propose_name(display_name)}

    def _preview(self) -> dict[str, Any]:
        field = self._new_field() if self._answers.is_new else None
        if field is None:
            self._instance.fields.check(self._answers.field, self._label)
        _, export = self._declared()
        load = estimate_first_load(
            self._project.client,
            self._instance.client,
            self._instance.limits,
            export=export,
            is_new=field is not None,
            erased=SuppressionList(self._store),
        )
        shown = {"export": export, "words": load.in_words(export), "new_field": field}
        return shown | {"warning": NEVER_DELETED, "proof": prove(self._user, self._answers)} if field else shown

    def _declared(self) -> tuple[str, CohortExport]:
        check_name(self._answers.name, self._others)
        check_key("sync_type", self._answers.sync_type)
        text = to_yaml(self._answers.keys())
        return text, check_yaml(text, file=f"{self._answers.name}.yaml")

    def _new_field(self) -> NewField:
        """Return the field that is to be created, of which all rules were looked at."""
        answers = self._answers
        may = NewFields(self._instance.client)
        may.check_display_name(answers.display_name)
        may.check_name(answers.new_name)
        self._instance.fields.check_free(answers.new_name, self._label)
        return new_field.new_field(answers.new_name, answers.display_name, answers.cohort_id)

    @property
    def _label(self) -> str:
        return f"Export {self._answers.name!r}"

    @cached_property
    def _project(self) -> Project:
        check_editable(self._answers.project, self._user)
        return open_project(self._answers.project, until=self._until)

    @cached_property
    def _instance(self) -> Instance:
        check_editable(self._answers.instance, self._user)
        return open_instance(
            self._answers.instance,
            self._store,
            self._others,
            may_name=knowing(self._user),
            until=self._until,
        )

    @cached_property
    def _store(self) -> Store:
        return state_store(provider_settings())

    @cached_property
    def _others(self) -> list[OtherExport]:
        """The exports that Airflow knows; the server of this page need not have their files."""
        return [OtherExport(dag.name, dag.declared.field, dag.declared.marketo_conn_id) for dag in self._dags]

    @cached_property
    def _dags(self) -> list[ExportDag]:
        with create_session() as session:
            return read_dags(session)
