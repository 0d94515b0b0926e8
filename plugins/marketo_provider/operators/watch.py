"""Telling people how their exports stand: once when something is wrong, and once when it is well again.

The exports' own tasks tell nothing. Who is killed cannot, nor can a DAG that is paused or that no worker takes up;
and two who tell would tell twice. So one task looks at all exports every few minutes.
"""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from marketo_provider.errors import InvalidExport
from marketo_provider.exports import CohortExport
from marketo_provider.hooks.state import provider_settings, state_store
from marketo_provider.notify import Notifier
from marketo_provider.operators.look import Lookout
from marketo_provider.operators.metrics import count_notice
from marketo_provider.operators.notifiers import make_notifier
from marketo_provider.operators.runs import airflow_errors
from marketo_provider.state.store import Store
from marketo_provider.sync.notices import Notice, by_name, kinds_of, read_notices, to_tell, write_notices


class ExportWatchOperator(BaseOperator):
    """Tell the notifiers of exports what has changed since they told last; returns the subjects of what was told.

    :param exports: those that declare notifiers.
    """

    def __init__(self, *, exports: Sequence[CohortExport], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.exports = tuple(exports)

    def execute(self, context: Context) -> list[str]:
        """Look at each export, and tell."""
        telling = _Telling(context)
        with airflow_errors():
            store = state_store(provider_settings())
            lookout = Lookout(store, context["ti"])
            for export in self.exports:
                self._watch(export, store, lookout, telling)
        if telling.problems:
            raise AirflowFailException(
                f"{' '.join(telling.problems)} All else was told. The next look tries again."
            )
        return telling.told

    @staticmethod
    def _watch(export: CohortExport, store: Store, lookout: Lookout, telling: "_Telling") -> None:
        before = read_notices(store, export)
        look = lookout.look_at(export, before)
        declared = by_name(export.notify)
        kinds = {name: kinds_of(export, notifier) for name, notifier in declared.items()}
        notices = look.notices.only(kinds)
        if notices != before:
            write_notices(store, export, notices)
        for name, notifier in declared.items():
            troubles = {kind: trouble for kind, trouble in look.troubles.items() if kind in kinds[name]}
            for notice, told in to_tell(export, notices.told[name], troubles, last=look.last):
                if telling.tell(notifier, notice):
                    notices = notices.after(name, notice.kind, told)
                    write_notices(store, export, notices)


class _Telling:
    """Hands notices over and keeps account; a notifier that fails holds up no other, and is tried once a look."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.told: list[str] = []
        self.problems: list[str] = []
        self._failed: list[Notifier] = []

    def tell(self, declared: Notifier, notice: Notice) -> bool:
        """Let a notifier tell; return whether it has."""
        if declared in self._failed:
            return False
        try:
            # A notifier fills its templates in once and for all, so each notice has one of its own.
            make_notifier(declared)({**self.context, "notice": notice})
        except InvalidExport as error:
            self._fail(declared, notice, str(error))
            return False
        except Exception as error:  # noqa: BLE001 - somebody else's notifier may raise anything
            self._fail(declared, notice, f"{declared.notifier} has failed ({type(error).__name__}).")
            return False
        count_notice(notice.dag_id, notice.kind, told=True)
        self.told.append(notice.subject)
        return True

    def _fail(self, declared: Notifier, notice: Notice, problem: str) -> None:
        count_notice(notice.dag_id, notice.kind, told=False)
        self._failed.append(declared)
        self.problems.append(f"DAG {notice.dag_id}, {notice.kind}: {problem}")
