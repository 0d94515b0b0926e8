"""Looking at an export from outside its runs: at what they left in the store, and at what Airflow says of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeVar

from airflow.sdk.exceptions import AirflowNotFoundException

from marketo_provider.clock import SystemClock
from marketo_provider.errors import InvalidSetting
from marketo_provider.exports import CohortExport
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.hooks.mixpanel import MixpanelHook
from marketo_provider.notify import NoticeKind
from marketo_provider.state.store import Store
from marketo_provider.sync.notices import Notices
from marketo_provider.sync.summary import LastRun, Summary, read_summaries, read_summary
from marketo_provider.sync.troubles import Trouble, find_troubles, newest_summary, own_last, stopped

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """How an export stands: what is wrong, its last settle, and what was told of it and seen of its runs."""

    troubles: dict[NoticeKind, Trouble]
    last: LastRun | None
    notices: Notices


class Lookout:
    """Looks at one export after the other; what several of them need is asked for, and read, once.

    :param store: the state store.
    :param instance: the task instance that looks.
    """

    def __init__(self, store: Store, instance: Any) -> None:
        self._instance = instance
        self._read_summary = cache(partial(read_summary, store))
        self._read_summaries = cache(partial(read_summaries, store))
        self._host = cache(lambda conn_id: MarketoHook(conn_id).get_settings().host)
        self._mixpanel = cache(lambda conn_id: MixpanelHook(conn_id).get_settings())

    def look_at(self, export: CohortExport, notices: Notices) -> Look:
        """Return how an export stands.

        :param export: the export.
        :param notices: what was told of it.
        """
        now = SystemClock().now()
        failed_runs = self._instance.get_dr_count(dag_id=export.dag_id, states=["failed"])
        try:
            summary = self._summary(export)
        except InvalidSetting as error:
            # Its runs fail before they can leave a word: without its Connections nobody knows the target.
            trouble = stopped(export, str(error), since=now, cause=type(error).__name__)
            return Look({"stopped": trouble}, None, notices.model_copy(update={"failed_runs": failed_runs}))
        notices = notices.seen(export, summary, failed_runs=failed_runs, now=now)
        troubles = find_troubles(export, summary, failed_at=notices.failed_at, now=now)
        return Look(troubles, own_last(export, summary), notices)

    def _summary(self, export: CohortExport) -> Summary | None:
        """Return the summary of the export's target, from its own file: the instance's may be behind."""
        _read(self._mixpanel, export.mixpanel_conn_id)
        instance = f"marketo/{_read(self._host, export.marketo_conn_id)}"
        if export.sync_type == "dynamic":
            return self._read_summary(f"{instance}/{export.marketo_field.lower()}")
        fields = sorted({export.marketo_field.lower(), *self._read_summaries(instance)})
        found = (self._read_summary(f"{instance}/{field}") for field in fields)
        return newest_summary(export, [summary for summary in found if summary])


def _read(connection: Callable[[str], T], conn_id: str) -> T:
    try:
        return connection(conn_id)
    except AirflowNotFoundException:
        raise InvalidSetting(
            f"Airflow knows no Connection `{conn_id}`. Make it, or name another in the export."
        ) from None
