"""The route of a change set."""

from typing import Any

import pytest

from marketo_provider.sync.route import choose_route

FITS: dict[str, Any] = {
    "entered": 3000,
    "exited": 300,
    "calls_left": 11,
    "calls_per_second": 2.5,
    "seconds_left": 4.4,
    "may_create": True,
}


def test_sync_leads_where_its_calls_and_its_time_fit_exactly() -> None:
    """Eleven calls of eleven, 4.4 seconds of 4.4."""
    assert choose_route(**FITS).name == "sync_leads"


@pytest.mark.parametrize(
    "tighter", [{"calls_left": 10}, {"seconds_left": 4.3}, {"entered": 3001}, {"exited": 301}]
)
def test_bulk_import_where_calls_or_time_are_short_by_one(tighter: dict[str, Any]) -> None:
    """One call, a tenth of a second or one record too much."""
    assert choose_route(**FITS | tighter).name == "bulk_import"


def test_without_a_next_run_only_calls_count() -> None:
    """A one-time export has all the time there is."""
    assert choose_route(**FITS | {"seconds_left": None, "calls_per_second": 0.001}).name == "sync_leads"


@pytest.mark.parametrize("case", [{"may_create": False}, {"entered": 0}, {"calls_left": 0}])
def test_no_import_where_it_would_create_what_must_not_be_or_has_nothing_to_carry(case: dict[str, Any]) -> None:
    """Not even where it is asked for."""
    assert choose_route(**FITS | {"calls_left": 1, "forced": "bulk_import"} | case).name == "sync_leads"


@pytest.mark.parametrize("forced", ["sync_leads", "bulk_import"])
def test_a_forced_route_is_taken(forced: Any) -> None:
    """Whatever fits."""
    for case in ({}, {"calls_left": 1}):
        assert choose_route(**FITS | {"forced": forced} | case).name == forced
