"""A Redis of one's own, on loopback, by which workers are handed their tasks; it keeps nothing on disk."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from include.demo.ports import reserved_port
from include.demo.processes import kept, tail
from include.demo.waiting import wait_for
from include.distributed.packages import program

_USUAL_PORT = 6379
_START = 30


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Run it while the context lasts; yields its URL, to which the number of a database is to be added.

    Args:
        folder: for its settings and its log; is made.

    Raises:
        DemoFailed: it does not come up.
    """
    folder.mkdir()
    log, settings, password = folder / "redis.log", folder / "redis.conf", secrets.token_urlsafe(12)
    settings.touch(mode=0o600)
    with reserved_port(_USUAL_PORT) as port:
        settings.write_text(f'bind 127.0.0.1\nport {port}\ndir {folder}\nsave ""\nrequirepass {password}\n')
        with kept([program("redis-server"), str(settings)], env=os.environ, errors=log):
            wait_for(
                lambda: _listens(port),
                seconds=_START,
                otherwise=lambda: f"Redis does not start. The end of {log}:\n{tail(log)}",
            )
            yield f"redis://:{password}@127.0.0.1:{port}"


def _listens(port: int) -> bool | None:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return None
