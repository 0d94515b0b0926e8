"""Which rows are looked at: none that differs is overlooked, whatever its hash."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketo_provider.state.ledger import Flag, Key, LedgerRow, encode_rows, load_ledger
from marketo_provider.state.store import LocalStore
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync import comparison

SWITCHES = {
    "now": datetime(2026, 11, 24, 12, tzinfo=UTC),
    "exits": True,
    "create_leads": True,
    "full_refresh": False,
    "retry_refused": False,
    "began_at": None,
}


def test_who_hides_behind_the_same_hash_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who enters and who leaves share a hash in the first comparison: it is made again with other hashes."""
    hashes = iter(("0::UBIGINT", "(hash(7, key_high, key_low) & 18446744073709551614)"))
    monkeypatch.setattr(comparison, "_hashed", lambda: next(hashes))
    store = LocalStore(tmp_path)
    with Workspace(store, memory_limit="256MiB") as workspace:
        for name, address, flag in (
            ("ledger", "leaves@example.com", Flag.TRUE),
            ("members", "enters@example.com", Flag.FALSE),
        ):
            row = LedgerRow(Key.of(address), address, flag, was_true=True, may_hold=True)
            store.write(f"{name}.parquet", encode_rows([row]))
        load_ledger(workspace, Target(base="ledger.parquet"))
        workspace.run(f"CREATE VIEW members AS FROM read_parquet({workspace.fetch('members.parquet')})")

        comparison.find_suspects(workspace, SWITCHES)

        assert workspace.row("SELECT address FROM known") == ("leaves@example.com",)
        assert workspace.row("SELECT address FROM mine") == ("enters@example.com",)
    assert not list(hashes)
