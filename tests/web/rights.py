"""An auth manager with users who may not see or edit everything, as Airflow's managers for production have."""

from typing import Any, Final

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

MANAGER: Final = "tests.web.rights.SomeDagsAuthManager"
LIMITED: Final = "limited"
ALLOWED: Final = "cohort_export__allowed"
LOCKED: Final = "locked"


class SomeDagsAuthManager(SimpleAuthManager):
    """Airflow's simple one, but for one user and one Connection."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **more: Any) -> bool:
        """Return whether a user may; the limited one may see one DAG."""
        if user.get_name() == LIMITED and (details is None or details.id != ALLOWED):
            return False
        return super().is_authorized_dag(user=user, details=details, **more)

    def is_authorized_connection(self, *, method: Any, user: Any, details: Any = None) -> bool:
        """Return whether a user may; one Connection may be read, and edited by nobody."""
        if method != "GET" and details is not None and details.conn_id == LOCKED:
            return False
        return super().is_authorized_connection(method=method, user=user, details=details)
