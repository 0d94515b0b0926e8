"""Free TCP ports on loopback, for programs that cannot be handed a socket.

Two demos started at once must not choose the same port in the moment before Airflow listens on it. Whoever
chooses one therefore binds the UDP port of the same number for as long as it runs: nobody else needs that, and the
system gives it back however the program ends.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from include.demo.failure import DemoFailed

_LOOPBACK = "127.0.0.1"
_TRIED = 200


@contextmanager
def reserved_port(first: int) -> Iterator[int]:
    """Yield the first free TCP port from `first` upward, kept from other demos while the context lasts.

    Raises:
        DemoFailed: there is none.
    """
    for port in range(first, first + _TRIED):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reservation:
            if _binds(reservation, _LOOPBACK, port) and _free(port):
                yield port
                return
    raise DemoFailed(f"No port from {first} to {first + _TRIED - 1} is free on {_LOOPBACK}.")


def _free(port: int) -> bool:
    # What listens on all addresses, of either family, would answer for loopback too.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _binds(probe, _LOOPBACK, port)


def _binds(endpoint: socket.socket, host: str, port: int) -> bool:
    try:
        endpoint.bind((host, port))
    except OSError:
        return False
    return True
