"""Ports that nobody else has."""

import socket

from include.demo.ports import reserved_port


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    """The next one is taken."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]

        with reserved_port(taken) as port:
            assert port > taken


def test_two_demos_do_not_get_the_same_port() -> None:
    """The port is kept before anybody listens on it, and free again afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        start = probe.getsockname()[1]

    with reserved_port(start) as first, reserved_port(start) as second:
        assert first != second
    with reserved_port(start) as again:
        assert again == first
