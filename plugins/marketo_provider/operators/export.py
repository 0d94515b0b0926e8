"""What the operators of a cohort export share: their arguments, and waiting without a worker."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import BaseTrigger

from marketo_provider.clock import SystemClock
from marketo_provider.errors import ImportsUnderWay, LeaseHeld, VendorUnavailable, WaitUntil, naming
from marketo_provider.exports import export_name
from marketo_provider.hooks.marketo import MarketoHook
from marketo_provider.operators.links import CohortExportLink
from marketo_provider.operators.metrics import stops_counted
from marketo_provider.operators.runs import airflow_errors, make_run
from marketo_provider.sync.import_wait import wait_for_imports
from marketo_provider.sync.run import Run
from marketo_provider.sync.summarise import stops_summarised
from marketo_provider.triggers.bulk_import import MarketoBulkImportTrigger

# Another run may give the lease back long before it could be taken over.
_LOOK_AGAIN = timedelta(seconds=60)
# A vendor that cannot be used costs no try of the task, for some hours (an outage), and then only a short look.
_VENDOR_AGAIN = timedelta(minutes=10)
_VENDOR_HOURS = timedelta(hours=3)
_LOOK_SECONDS = 60.0
_DOWN_SINCE = "down_since"
_MOST_DIGITS = 20


class ExportOperator(BaseOperator):
    """Work on one cohort export; the base of the operators that do.

    :param cohort_id: number of the Mixpanel cohort.
    :param marketo_field: REST API name of the Boolean field.
    :param sync_type: ``dynamic`` (True for members, False for those who left) or ``one_time`` (True once).
    :param mixpanel_conn_id: Connection of type ``mixpanel``.
    :param marketo_conn_id: Connection of type ``marketo``.
    :param options: other keys of an export, such as ``create_leads`` or ``max_exit_share``.
    :param parameters: run parameters, such as ``dry_run``; without them, those of the DAG run's ``params`` that
        have their names.
    :param deferrable: whether a long wait gives the worker back; without, the task keeps it and sleeps.
    """

    template_fields: Sequence[str] = (
        "cohort_id",
        "marketo_field",
        "sync_type",
        "mixpanel_conn_id",
        "marketo_conn_id",
        "options",
        "parameters",
    )
    ui_color = "#e7e3f5"
    operator_extra_links = (CohortExportLink(),)

    def __init__(  # noqa: PLR0913 - an operator's arguments are its documentation
        self,
        *,
        cohort_id: int | str,
        marketo_field: str,
        sync_type: str = "dynamic",
        mixpanel_conn_id: str = "mixpanel_default",
        marketo_conn_id: str = "marketo_default",
        options: Mapping[str, object] | None = None,
        parameters: Mapping[str, object] | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cohort_id = cohort_id
        self.marketo_field = marketo_field
        self.sync_type = sync_type
        self.mixpanel_conn_id = mixpanel_conn_id
        self.marketo_conn_id = marketo_conn_id
        self.options = options
        self.parameters = parameters
        self.deferrable = deferrable

    def resume(self, context: Context, event: object = None, **state: Any) -> Any:  # noqa: ARG002 - says only that it is time
        """Go on after a wait."""
        return self.carry_out(context, **state)

    def execute(self, context: Context) -> Any:
        """Begin."""
        return self.carry_out(context)

    def carry_out(self, context: Context, **state: Any) -> Any:
        """Do the operator's work, or wait for the time to do it."""
        while True:
            down_since = state.pop(_DOWN_SINCE, None)
            patience = {} if down_since is None else {"patience_seconds": _LOOK_SECONDS}
            try:
                with airflow_errors(), stops_counted(self.dag_id):
                    try:
                        run = self._run(context, **patience)
                        with stops_summarised(run), naming(run.label):
                            return self._work(run, context, state)
                    except VendorUnavailable as error:
                        raise self._parked(error, down_since, state) from None
            except WaitUntil as wait:
                self.log.info("%s", wait)
                if self.deferrable:
                    self.defer(trigger=self._trigger(wait), method_name="resume", kwargs=state)
                self._wait_here(wait)

    def _trigger(self, wait: WaitUntil) -> BaseTrigger:
        if isinstance(wait, ImportsUnderWay) and wait.batch_ids:
            return MarketoBulkImportTrigger(
                marketo_conn_id=self.marketo_conn_id,
                batch_ids=wait.batch_ids,
                until=wait.resume_at.isoformat(),
            )
        return DateTimeTrigger(moment=_moment(wait))

    def _wait_here(self, wait: WaitUntil) -> None:
        clock = SystemClock()
        if isinstance(wait, ImportsUnderWay) and wait.batch_ids:
            client = MarketoHook(self.marketo_conn_id).get_conn()
            wait_for_imports(client, clock, wait.batch_ids, until=wait.resume_at)
        else:
            clock.sleep(max(0.0, (_moment(wait) - clock.now()).total_seconds()))

    @staticmethod
    def _parked(
        error: VendorUnavailable, down_since: datetime | None, state: dict[str, Any]
    ) -> VendorUnavailable | WaitUntil:
        """Return the wait for a vendor that is down; after some hours, its error, which costs a try."""
        now = datetime.now(UTC)
        state[_DOWN_SINCE] = down_since or now
        if now - state[_DOWN_SINCE] > _VENDOR_HOURS:
            return error
        again = now + _VENDOR_AGAIN
        return WaitUntil(f"{error} The task is parked and looks again at {again:%H:%M} UTC.", resume_at=again)

    def _work(self, run: Run, context: Context, state: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _run(self, context: Context, **patience: float) -> Run:
        export = {
            "name": export_name(self.dag_id),
            "cohort_id": _number(self.cohort_id),
            "marketo_field": self.marketo_field,
            "sync_type": self.sync_type,
            "mixpanel_conn_id": self.mixpanel_conn_id,
            "marketo_conn_id": self.marketo_conn_id,
            **(self.options or {}),
        }
        with naming(f"Export {export['name']!r}"):
            return make_run(export, self.parameters, context, **patience)


def _number(cohort_id: int | str) -> int | str:
    """Return a number that a template made a text; what is none is refused with the other keys."""
    is_number = isinstance(cohort_id, str) and cohort_id.isdecimal() and len(cohort_id) < _MOST_DIGITS
    return int(cohort_id) if is_number else cohort_id


def interval_end(context: Context) -> datetime | None:
    """Return the end of the data interval; a run by hand means now, and has none."""
    if context["dag_run"].run_type not in {"scheduled", "backfill"}:
        return None
    return context.get("data_interval_end")


def _moment(wait: WaitUntil) -> datetime:
    soon = datetime.now(wait.resume_at.tzinfo) + _LOOK_AGAIN
    return min(wait.resume_at, soon) if isinstance(wait, LeaseHeld) else wait.resume_at
