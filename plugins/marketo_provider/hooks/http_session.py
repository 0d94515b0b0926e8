"""The HTTP session of a Connection: Airflow's own, so that proxies, TLS settings and adapters come with it."""

import json
from collections.abc import Mapping
from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import Connection

from marketo_provider.errors import InvalidSetting

# The part of a Connection's extra that belongs to the wire; all else is the vendor's model's.
NETWORK_KEYS = frozenset({"proxies", "verify", "cert", "trust_env"})


def vendor_extra(connection: Connection) -> dict[str, Any]:
    """Return the Connection's extra without what belongs to the wire."""
    return {key: value for key, value in connection.extra_dejson.items() if key not in NETWORK_KEYS}


def http_session(connection: Connection) -> requests.Session:
    """Return a session with the Connection's network settings, and neither its credentials nor its other extras.

    Raises:
        InvalidSetting: the Connection turns the verification of TLS certificates off.
    """
    network = {key: value for key, value in connection.extra_dejson.items() if key in NETWORK_KEYS}
    if not network.get("verify", True):
        raise InvalidSetting(
            f"Connection `{connection.conn_id}`: TLS certificates are always verified. Set `verify` in the extra "
            "to the CA bundle of your network, or leave it out."
        )
    return _NetworkHook(network).get_conn()


class _NetworkHook(HttpHook):
    """`HttpHook` would send a Connection's login with every request, and extras it does not know as headers."""

    def __init__(self, network: Mapping[str, Any]) -> None:
        super().__init__()
        self._network = Connection(conn_id="network", conn_type="http", extra=json.dumps(dict(network)))

    def get_connection(self, conn_id: str) -> Connection:  # type: ignore[override] # noqa: ARG002 - a class method there
        return self._network
