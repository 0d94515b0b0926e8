"""Reading a cohort from Mixpanel."""

from typing import Any

from airflow.sdk import Context

from marketo_provider.operators.export import ExportOperator
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import read_snapshot


class MixpanelCohortSnapshotOperator(ExportOperator):
    """Read the cohort into the state store; returns the snapshot's name and counts.

    Its parameters are those of :class:`ExportOperator`.
    """

    def _work(self, run: Run, context: Context, state: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the base's
        return read_snapshot(run).model_dump(mode="json")
