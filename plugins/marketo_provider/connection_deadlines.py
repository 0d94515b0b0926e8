"""Lets a connection's handshake and the head of an answer end in time.

The timeouts of sockets bound silence: a head that comes in byte by byte, or never ends, would keep a call alive
for ever. Bodies are read by `transport`, which looks at the time itself.
"""

import logging
import socket
from contextlib import AbstractContextManager, suppress
from typing import Any

from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool

from marketo_provider.deadlines import Deadlines


def end_connections_in_time(pool: ConnectionPool, deadlines: Deadlines) -> None:
    """Have each new connection of a pool shut at the end of its timeout, whatever comes in meanwhile."""
    if not isinstance(pool, HTTPConnectionPool):
        raise TypeError(type(pool))

    class Connection(pool.ConnectionCls):  # type: ignore[name-defined, misc] # with TLS or without, by a proxy or not
        def connect(self) -> None:
            with self._in_time():
                super().connect()

        def getresponse(self) -> Any:
            with self._in_time():
                return super().getresponse()

        def _in_time(self) -> AbstractContextManager[None]:
            return deadlines.ending(self._shut, after=self.timeout)

        def _shut(self) -> None:
            if self.sock:
                with suppress(OSError):  # it ended just before
                    self.sock.shutdown(socket.SHUT_RDWR)

    pool.ConnectionCls = Connection


class _WithoutHeads(logging.Filter):
    """Drops what urllib3 warns of a head that it cannot parse: it quotes the head, which may quote anything."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Failed to parse headers")


logging.getLogger("urllib3.connection").addFilter(_WithoutHeads())
