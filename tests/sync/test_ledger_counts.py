"""What changes is counted, and comes to what counting all of the ledger comes to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from marketo_provider.state.ledger import Flag, Key, LedgerRow, encode_rows, load_ledger
from marketo_provider.state.store import LocalStore
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.changes import find_changes
from marketo_provider.sync.ledger_counts import LedgerCounts, count_after
from marketo_provider.sync.summary import Standing

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SETTLED, EARLIER, FIRST, SECOND = "base", "earlier", "first", "second"


def row(address: str, flag: Flag, code: str | None = None, *, may_hold: bool = False) -> LedgerRow:
    """Return a ledger row."""
    held = may_hold or flag in {Flag.TRUE, Flag.UNKNOWN}
    return LedgerRow(Key.of(address), address, flag, code=code, may_hold=held)


people = st.sampled_from([f"{letter}@example.com" for letter in "abcdefgh"])
rows = st.builds(row, people, st.sampled_from(Flag), st.sampled_from([None, "1003"]), may_hold=st.booleans())
files = st.lists(rows, max_size=8, unique_by=lambda row: row.address)
A, B = "a@example.com", "b@example.com"


@settings(max_examples=40)
@given(files, files, st.sets(people), files, files)
@example([], [], {A}, [row(A, Flag.UNKNOWN)], [row(A, Flag.TRUE)])  # one enters
@example([row(A, Flag.TRUE)], [row(B, Flag.TRUE)], {A}, [row(B, Flag.FALSE)], [])  # one leaves
@example([row(A, Flag.TRUE)], [], {A}, [], [row(A, Flag.UNKNOWN)])  # a third was looked at, and differs
def test_what_changes_is_counted(
    settled: list[LedgerRow],
    earlier: list[LedgerRow],
    members: set[str],
    first: list[LedgerRow],
    second: list[LedgerRow],
) -> None:
    """Whoever is touched, and however often: the counts are those of the ledger as it is."""
    with TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        files = {SETTLED: settled, EARLIER: earlier, FIRST: first, SECOND: second}
        for name, rows in files.items():
            store.write(f"{name}.parquet", encode_rows(rows))
        store.write("members.parquet", encode_rows(row(member, Flag.FALSE) for member in members))
        target = Target(base="base.parquet", deltas=("earlier.parquet", "first.parquet", "second.parquet"))
        with Workspace(store, memory_limit="256MiB") as workspace:
            _find(workspace, replace(target, deltas=target.deltas[:1]))

            counts = count_after(workspace, target, since=1, members=len(members))

            whole = {row.address: row for rows in files.values() for row in rows}.values()
            assert counts == _counted(list(whole), members, _unsent(workspace))


def test_nothing_changed(tmp_path: Path) -> None:
    """A run that sends nothing counts what was there."""
    store = LocalStore(tmp_path)
    store.write("base.parquet", encode_rows([row(A, Flag.TRUE), row(B, Flag.REFUSED, "1003")]))
    store.write("members.parquet", encode_rows([row(A, Flag.FALSE), row(B, Flag.FALSE)]))
    with Workspace(store, memory_limit="256MiB") as workspace:
        _find(workspace, Target(base="base.parquet"))

        counts = count_after(workspace, Target(base="base.parquet"), since=0, members=2)

    standing = Standing(accepted=1, absent=0, refused={"1003": 1}, leavers_refused={})
    assert counts == LedgerCounts(standing, by_code={"1003": 1}, absent=0, unknown=0, rows=2)


def _find(workspace: Workspace, target: Target) -> None:
    load_ledger(workspace, target)
    path = workspace.fetch("members.parquet")
    workspace.run(f"CREATE OR REPLACE VIEW members AS SELECT key_high, key_low, address FROM read_parquet({path})")
    find_changes(workspace, now=NOW, exits=True, create_leads=True, full_refresh=False, retry_refused=False)


def _unsent(workspace: Workspace) -> int:
    unsent: int
    (unsent,) = workspace.row(
        "SELECT count(*) FROM exiting ANTI JOIN changes USING (key_high, key_low) WHERE flag = 'true'"
    )
    return unsent


def _counted(rows: Sequence[LedgerRow], members: set[str], unsent: int) -> LedgerCounts:
    """Count them one by one."""
    leaver = {row: row.may_hold and row.flag is Flag.REFUSED for row in rows}
    flags = Counter(row.flag for row in rows)
    accepted = sum(row.flag is Flag.TRUE and row.code is None for row in rows) - unsent
    return LedgerCounts(
        Standing(
            accepted=min(accepted, len(members)),
            false=flags[Flag.FALSE],
            absent=sum(row.flag is Flag.ABSENT and row.code is None for row in rows),
            refused=dict(Counter(row.code for row in rows if row.code and not leaver[row])),
            leavers_refused=dict(Counter(row.code for row in rows if row.code and leaver[row])),
        ),
        by_code=dict(Counter(row.code for row in rows if row.code)),
        absent=flags[Flag.ABSENT],
        unknown=flags[Flag.UNKNOWN],
        rows=len(rows),
    )
