"""Every cohort export declared in include/exports becomes an Airflow DAG."""

from pathlib import Path

from marketo_provider.dag_factory import build_dags

globals().update(build_dags(Path(__file__).parent.parent / "include" / "exports"))
