"""The link from a task of an export to the export's view on the page *Cohort exports*."""

from typing import Final
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperator, BaseOperatorLink, conf
from airflow.sdk.types import TaskInstanceKey

PAGE: Final = "cohort-exports"


class CohortExportLink(BaseOperatorLink):
    """Where the export stands. Airflow asks for it when a try of the task has ended."""

    name = "Cohort export"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's signature
        """Return the page within Airflow's frame.

        Without a host, so that it holds by whichever name the user has reached Airflow; below the path of
        `[api] base_url`, where there is one.

        :param operator: the task.
        :param ti_key: which of its instances.
        """
        base = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")
        # Airflow shows in its frame the path that follows the plugin's own route.
        return f"{base}/plugin/{PAGE}{base}/{PAGE}/dags/{quote(ti_key.dag_id, safe='')}"
