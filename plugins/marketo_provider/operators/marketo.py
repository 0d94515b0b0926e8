"""Checking a Marketo field, and making it true to a cohort."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

from airflow.sdk import Context

from marketo_provider.errors import StoreUnusable
from marketo_provider.operators.asset_event import MARKETO_FIELDS, announce
from marketo_provider.operators.export import ExportOperator, interval_end
from marketo_provider.operators.metrics import count_delivery
from marketo_provider.sync.check import check_export
from marketo_provider.sync.dry_run import preview_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.route import RouteName
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot


class MarketoFieldCheckOperator(ExportOperator):
    """Check credentials, field, claim and quota, and whether there is anything to do, within a second or two.

    Its parameters are those of :class:`ExportOperator`.
    """

    def _work(self, run: Run, context: Context, state: dict[str, Any]) -> None:  # noqa: ARG002 - the base's
        check_export(run, interval_end=interval_end(context))


class CohortToMarketoOperator(ExportOperator):
    """Make the field true to the cohort; returns the report, and emits an asset event with it.

    The XCom `in_short` has the report in a few words. Alone in a DAG, it checks the field and reads the cohort
    first. Its other parameters are those of :class:`ExportOperator`.

    :param snapshot: name of a snapshot that ``MixpanelCohortSnapshotOperator`` has read; empty where it left none.
    :param outlets: what else the task brings about.
    :param route: forces the way that the entered go, ``sync_leads`` or ``bulk_import``, where it can carry them.
    """

    template_fields: Sequence[str] = (*ExportOperator.template_fields, "snapshot")

    def __init__(
        self,
        *,
        snapshot: str | None = None,
        route: RouteName | None = None,
        outlets: Sequence[object] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(outlets=[MARKETO_FIELDS, *(outlets or [])], **kwargs)
        if route not in {None, *get_args(RouteName)}:
            raise ValueError(f"route is sync_leads or bulk_import, or left out; not {route!r}")
        self.route = route
        self.snapshot = snapshot

    def _work(self, run: Run, context: Context, state: dict[str, Any]) -> dict[str, Any]:
        run = replace(run, route=self.route)
        name = state.get("snapshot") if self.snapshot is None else self.snapshot
        if name == "":
            raise StoreUnusable(
                f"{run.label}: the task before this one has left no snapshot. It was marked as success by hand, "
                "or its XCom was deleted. Nothing was sent. Clear the task snapshot_cohort, so that the cohort is "
                "read."
            )
        if name is None:
            check_export(run, interval_end=interval_end(context))
            name = state["snapshot"] = read_snapshot(run).name
        if run.dry:
            report = preview_export(run, name)
        else:
            report = export_cohort(run, name)
            announce(context, run, report)
            count_delivery(self.dag_id, report)
        # A task cannot write its run's note, so this is where Airflow shows a run in one line.
        context["ti"].xcom_push("in_short", report.in_short())
        return report.model_dump(mode="json")
