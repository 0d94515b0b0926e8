"""The machine's own clock."""

import time

import pytest

from marketo_provider.clock import SystemClock


def test_time_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who wakes up would take a lease for his that others have had meanwhile."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    if boot is None:
        pytest.skip("this system has no such clock")
    clock = SystemClock()
    before = clock.monotonic()
    awake = time.clock_gettime

    def suspended(which: int) -> float:
        return awake(which) + (3600 if which == boot else 0)

    monkeypatch.setattr(time, "clock_gettime", suspended)

    assert clock.monotonic() - before >= 3600
