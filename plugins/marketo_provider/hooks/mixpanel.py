"""From an Airflow Connection of type `mixpanel` to Mixpanel's client."""

from airflow.sdk import BaseHook

from marketo_provider.clock import SystemClock
from marketo_provider.errors import MarketoProviderError
from marketo_provider.hooks.http_session import TEST_PATIENCE_SECONDS, address, http_session, vendor_extra
from marketo_provider.mixpanel.client import MixpanelClient
from marketo_provider.mixpanel.connection import MixpanelConnection


class MixpanelHook(BaseHook):
    """Connect to a Mixpanel project.

    :param mixpanel_conn_id: Connection of type ``mixpanel``: its login and password are the service account's,
        its extra names the project.
    """

    conn_name_attr = "mixpanel_conn_id"
    default_conn_name = "mixpanel_default"
    conn_type = "mixpanel"
    hook_name = "Mixpanel"

    def __init__(self, mixpanel_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.mixpanel_conn_id = mixpanel_conn_id

    def get_settings(self) -> MixpanelConnection:
        """Return what the Connection says.

        :raises InvalidSetting: naming everything in it that is wrong.
        """
        connection = self.get_connection(self.mixpanel_conn_id)
        return MixpanelConnection.from_parts(
            self.mixpanel_conn_id,
            host=address(connection),
            login=connection.login,
            password=connection.password,
            extra=vendor_extra(connection),
        )

    def get_conn(self, *, patience_seconds: float = 1800.0) -> MixpanelClient:
        """Return a client.

        :param patience_seconds: how long a call that only reads is repeated while nobody answers.
        """
        session = http_session(self.get_connection(self.mixpanel_conn_id))
        return MixpanelClient(
            self.get_settings(), session=session, clock=SystemClock(), patience_seconds=patience_seconds
        )

    def test_connection(self) -> tuple[bool, str]:
        """Ask who the account is and what it may read; this costs none of the project's queries."""
        try:
            settings, client = self.get_settings(), self.get_conn(patience_seconds=TEST_PATIENCE_SECONDS)
            client.check_access()
        except MarketoProviderError as error:
            return False, str(error)
        return True, f"Connected to {settings.base_url}: the account may read project {settings.project_id}."
