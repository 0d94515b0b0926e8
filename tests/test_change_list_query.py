"""The query over change lists in docs/state.md, on a store that real runs have left."""

from pathlib import Path

import duckdb
import pytest

from tests.pages import blocks
from tests.sync.world import World

ANN, BOB, CAT = "ann@example.com", "bob@example.com", "cat@example.com"


def test_it_tells_what_each_run_set_out_to_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By run and flag, in order of time; run where the store lies, as the page says."""
    world = World(tmp_path)
    world.sync([ANN, BOB])
    world.clock.sleep(7200)
    world.sync([BOB, CAT])
    monkeypatch.chdir(tmp_path)
    (query,) = blocks("docs/state.md", "sql")

    rows = duckdb.execute(query).fetchall()

    assert [(set_to, addresses) for _, _, set_to, addresses in rows] == [(True, 2), (False, 1), (True, 1)]
    first, left, entered = rows
    assert first[0] < left[0] == entered[0]
    assert first[1] != left[1] == entered[1]


def test_with_the_address_it_lists_who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says what to write instead of the count."""
    world = World(tmp_path)
    world.sync([ANN, BOB])
    monkeypatch.chdir(tmp_path)
    (query,) = blocks("docs/state.md", "sql")

    rows = duckdb.execute(query.replace("count(*) AS addresses", "change.address")).fetchall()

    assert [(set_to, address) for _, _, set_to, address in rows] == [(True, ANN), (True, BOB)]
