"""For all tests: an Airflow of their own where there is one, a Hypothesis that repeats itself.

Hypothesis draws the same examples every time, and has no deadline, since machines differ.
"""

from hypothesis import HealthCheck, settings

from tests import airflow_home, in_memory

in_memory.set_up()
collect_ignore = [] if airflow_home.INSTALLED else [*airflow_home.NEEDS_AIRFLOW]
if airflow_home.INSTALLED:
    airflow_home.set_up()

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("repeatable")
