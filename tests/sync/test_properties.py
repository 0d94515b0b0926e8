"""For any cohorts, in any order, through any faults: the flags come true, with a write for each change."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from include.sandbox.wire import FaultKind
from marketo_provider.errors import MarketoProviderError
from tests.sync.world import FIELD, World

NAMES = ("ann", "bob", "cid", "dee", "eve")
ADDRESSES = [f"{name}@example.com" for name in NAMES]
FORMS = st.sampled_from([*ADDRESSES, *(f"{name.title()}@Example.com" for name in NAMES)])
COHORTS = st.lists(FORMS, min_size=1, max_size=6)
FAULTS: st.SearchStrategy[tuple[FaultKind, dict[str, Any]]] = st.one_of(
    st.builds(lambda kind: (kind, {}), st.sampled_from(["reset_before", "reset_after", "hang_after"])),
    st.builds(lambda seconds: ("delay", {"seconds": seconds}), st.sampled_from([1.0, 60.0, 89.0])),
    st.builds(lambda code: ("error_code", {"code": code}), st.sampled_from(["604", "606", "608", "611", "615"])),
    st.builds(lambda status: ("status", {"status": status}), st.sampled_from([413, 502])),
)
DISTURBANCES = st.lists(st.tuples(FAULTS, st.integers(0, 2), st.integers(1, 3)), max_size=3)
STEPS = st.lists(
    st.tuples(COHORTS, DISTURBANCES, st.sets(st.sampled_from(ADDRESSES), max_size=1)), min_size=1, max_size=3
)


@contextmanager
def world(**export: Any) -> Iterator[World]:
    """Give a world of its own to each example."""
    with tempfile.TemporaryDirectory() as folder:
        yield World(Path(folder), **export)


def true_addresses(world: World) -> set[str]:
    """Return the addresses of leads that hold True."""
    return {address for address, flag in world.flags().items() if flag}


def keys(cohort: list[str]) -> set[str]:
    """Return a cohort's members."""
    return {form.lower() for form in cohort}


@given(cohorts=st.lists(COHORTS, min_size=1, max_size=5))
@settings(max_examples=30)
def test_the_flags_equal_the_last_cohort_with_a_write_for_each_change(cohorts: list[list[str]]) -> None:
    """One record for everybody who moved, none for anybody else."""
    with world() as it:
        changes, before = 0, set[str]()

        for cohort in cohorts:
            it.sync(cohort)
            changes += len(before ^ keys(cohort))
            before = keys(cohort)

        assert true_addresses(it) == before
        assert sum(len(write["input"]) for write in it.writes()) == changes
        assert len(it.marketo.instance.leads) == len(set().union(*map(keys, cohorts)))


@given(duplicates=st.lists(st.sampled_from(ADDRESSES), max_size=3), steps=STEPS)
@settings(max_examples=50)
def test_one_faultless_run_mends_whatever_went_wrong(
    duplicates: list[str],
    steps: list[tuple[list[str], list[tuple[tuple[FaultKind, dict[str, Any]], int, int]], set[str]]],
) -> None:
    """Every flag is right, and no address has a lead more than a person gave it.

    Leads are deleted between the runs; who was True then is not created again.
    """
    with world() as it:
        for address in duplicates:
            it.add_lead(address)
        deleted = set[str]()

        for cohort, disturbances, deletions in steps:
            for (kind, more), skip, times in disturbances:
                it.break_marketo(kind, skip=skip, times=times, **more)
            with suppress(MarketoProviderError):
                it.sync(cohort)
            for address in deletions:
                it.marketo.instance.leads.delete([lead.lead_id for lead in leads_of(it, address)])
            deleted |= deletions
        it.marketo.wire.faults.clear()
        it.clock.sleep(31 * 24 * 3600)
        it.sync(steps[-1][0])

        for address in ADDRESSES:
            leads = leads_of(it, address)
            assert {bool(lead.values.get(FIELD)) for lead in leads} <= {address in keys(steps[-1][0])}
            assert len(leads) <= max(1, duplicates.count(address))
            assert leads or address in deleted or address not in keys(steps[-1][0])


def leads_of(world: World, address: str) -> list[Any]:
    """Return all leads of an address."""
    return world.marketo.instance.leads.find("email", [address])
