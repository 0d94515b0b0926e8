import pytest

from tests.marketo.support import World


@pytest.fixture
def world() -> World:
    """Return a client with the default limits."""
    return World()
