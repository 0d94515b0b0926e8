"""From an Airflow Connection of type `marketo` to Marketo's client."""

from airflow.sdk import BaseHook

from marketo_provider.clock import SystemClock
from marketo_provider.errors import MarketoProviderError
from marketo_provider.hooks.http_session import TEST_PATIENCE_SECONDS, address, http_session, vendor_extra
from marketo_provider.marketo.client import MarketoClient
from marketo_provider.marketo.connection import MarketoConnection


class MarketoHook(BaseHook):
    """Connect to a Marketo instance.

    :param marketo_conn_id: Connection of type ``marketo``: its host is the REST URL, its login the client id, its
        password the client secret of the custom service.
    """

    conn_name_attr = "marketo_conn_id"
    default_conn_name = "marketo_default"
    conn_type = "marketo"
    hook_name = "Marketo"

    def __init__(self, marketo_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.marketo_conn_id = marketo_conn_id

    def get_settings(self) -> MarketoConnection:
        """Return what the Connection says.

        :raises InvalidSetting: naming everything in it that is wrong.
        """
        connection = self.get_connection(self.marketo_conn_id)
        return MarketoConnection.from_parts(
            self.marketo_conn_id,
            host=address(connection),
            login=connection.login,
            password=connection.password,
            extra=vendor_extra(connection),
        )

    def get_conn(self, *, patience_seconds: float = 600.0) -> MarketoClient:
        """Return a client; it asks for a token at its first call.

        :param patience_seconds: how long a call that only reads is repeated while nobody answers.
        """
        session = http_session(self.get_connection(self.marketo_conn_id))
        return MarketoClient(
            self.get_settings(), session=session, clock=SystemClock(), patience_seconds=patience_seconds
        )

    def test_connection(self) -> tuple[bool, str]:
        """Ask for a token, the lead fields and the day's usage: what the connection form's *Test* does."""
        try:
            settings, client = self.get_settings(), self.get_conn(patience_seconds=TEST_PATIENCE_SECONDS)
            fields, calls = client.fields(), client.calls_today()
        except MarketoProviderError as error:
            return False, str(error)
        return True, (
            f"Connected to {settings.host}: {len(fields)} lead fields, {calls:,} of {settings.daily_quota:,} "
            "calls used today."
        )
