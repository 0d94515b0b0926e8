"""The settings of this Airflow: which the machines share, and which are only lowered so that a check is short."""

import json
from dataclasses import dataclass
from pathlib import Path

from include.demo.processes import ROOT

STATE_CONNECTION = "state_store"
WORKER_SLOTS = 4

LOWERED: dict[str, str] = {
    # A worker that died is missed by its silence: after 30 seconds instead of 300.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # What it had been handed and had not begun is handed out again: after 60 seconds instead of 600.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    # The lease of a run that died may be taken over after 10 + 5 + 20 seconds instead of 120 + 90 + 20.
    "AIRFLOW__MARKETO_PROVIDER__LEASE_SECONDS": "10",
}
RETRY_DELAY_SECONDS = 1
REPLAY_AFTER_SECONDS = 5
_IMPORTED_ONCE = ["marketo_provider.dag_factory", "airflow.providers.amazon.aws.fs.s3", "s3fs"]
"""What each task would import for itself: a worker's tasks are forks of it."""


@dataclass(frozen=True, slots=True)
class Shared:
    """All that the machines have in common, and nothing of it is a disk that a task writes to.

    Attributes:
        project: folder with the DAG file and the exports; only read.
        redis: URL of the broker, without a database's number.
        bucket: name of the bucket.
    """

    project: Path
    redis: str
    bucket: str

    def settings(self) -> dict[str, str]:
        """Return what every component is told."""
        return {
            **LOWERED,
            # One machine plays four, and is slow at times.
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.project / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__PARALLELISM": str(2 * WORKER_SLOTS),
            "AIRFLOW__CELERY__BROKER_URL": f"{self.redis}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"{self.redis}/1",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(WORKER_SLOTS),
            "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps({"imports": _IMPORTED_ONCE}),
            "AIRFLOW__MARKETO_PROVIDER__STATE_URL": f"s3://{self.bucket}/marketo_state",
            "AIRFLOW__MARKETO_PROVIDER__STATE_CONN_ID": STATE_CONNECTION,
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
