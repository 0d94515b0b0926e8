"""An auth manager with a user who may see some DAGs only, as Airflow's managers for production have."""

from typing import Any, Final

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

MANAGER: Final = "tests.web.rights.SomeDagsAuthManager"
LIMITED: Final = "limited"
ALLOWED: Final = "cohort_export__allowed"


class SomeDagsAuthManager(SimpleAuthManager):
    """Airflow's simple one, but for one user."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **more: Any) -> bool:
        """Return whether a user may; the limited one may see one DAG."""
        if user.get_name() == LIMITED and (details is None or details.id != ALLOWED):
            return False
        return super().is_authorized_dag(user=user, details=details, **more)
