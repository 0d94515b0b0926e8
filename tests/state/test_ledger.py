import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.ledger import COLUMNS, Flag, Key, LedgerRow, encode_rows, load_ledger, settle_ledger
from marketo_provider.state.store import LocalStore, Store
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace

FULL = LedgerRow(
    Key.of("Ann@Example.com"),
    "Ann@Example.com",
    Flag.REFUSED,
    was_true=True,
    may_hold=True,
    code="1003",
    lead_ids=(5, 2**40),
    tries=3,
    next_try=datetime(2026, 11, 25, 12, 30, 15, 123456, tzinfo=UTC),
)


@pytest.fixture
def workspace(store: Store) -> Iterator[Workspace]:
    """Return a workspace on a store of each kind."""
    with Workspace(store, memory_limit="512MiB") as workspace:
        yield workspace


def row(address: str, flag: Flag = Flag.TRUE) -> LedgerRow:
    """Return a row that says little."""
    return LedgerRow(Key.of(address), address, flag)


def put(store: Store, path: str, *rows: LedgerRow) -> str:
    """Store rows, and return where."""
    store.write(path, encode_rows(rows))
    return path


def ledger(workspace: Workspace, target: Target) -> dict[str, str]:
    """Return address and flag of each row that the target's files amount to."""
    load_ledger(workspace, target)
    found: dict[str, str] = {}
    for batch in workspace.batches("SELECT address, flag FROM ledger", 1000):
        for each in batch.to_pylist():
            assert each["address"] not in found
            found[each["address"]] = each["flag"]
    return found


def test_a_key_is_the_md5_of_the_address_in_lower_case() -> None:
    """It is stored, so it never changes, on no release."""
    digest = hashlib.md5(b"ann@example.com", usedforsecurity=False).digest()

    key = Key.of("Ann@EXAMPLE.com")

    assert key == Key(int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little"))


def test_a_row_comes_back_as_it_was(workspace: Workspace) -> None:
    """Every column, times to the microsecond and large ids included."""
    target = Target(deltas=(put(workspace.store, "delta", FULL),))

    load_ledger(workspace, target)

    (batch,) = workspace.batches(f"SELECT {COLUMNS} FROM ledger", 10)
    (found,) = batch.to_pylist()
    assert found["next_try"] == FULL.next_try
    assert (
        LedgerRow(
            Key(found["key_high"], found["key_low"]),
            found["address"],
            Flag(found["flag"]),
            found["was_true"],
            found["may_hold"],
            found["code"],
            tuple(found["lead_ids"]),
            found["tries"],
            found["next_try"].astimezone(UTC),
        )
        == FULL
    )


def test_a_target_without_files_has_an_empty_ledger(workspace: Workspace) -> None:
    """The first run finds a view of no rows."""
    assert ledger(workspace, Target()) == {}


def test_a_delta_overlays_the_base(workspace: Workspace) -> None:
    """A row of the base counts where no delta has its key."""
    base = put(workspace.store, "base", row("a@x.io"), row("b@x.io"))
    delta = put(workspace.store, "delta", row("B@x.io", Flag.UNKNOWN), row("c@x.io", Flag.FALSE))

    found = ledger(workspace, Target(base=base, base_rows=2, deltas=(delta,)))

    assert found == {"a@x.io": "true", "B@x.io": "unknown", "c@x.io": "false"}


def test_the_last_delta_wins(workspace: Workspace) -> None:
    """Deltas overlay one another in their order, whatever they are called."""
    paths = [
        put(workspace.store, name, row("a@x.io", flag))
        for name, flag in (("c", Flag.UNKNOWN), ("a", Flag.TRUE), ("b", Flag.REFUSED))
    ]

    assert ledger(workspace, Target(deltas=tuple(paths))) == {"a@x.io": "refused"}


def test_the_ledger_can_be_loaded_again(workspace: Workspace) -> None:
    """Settling loads what the run has added since."""
    first = put(workspace.store, "1", row("a@x.io", Flag.UNKNOWN))
    ledger(workspace, Target(deltas=(first,)))
    second = put(workspace.store, "2", row("a@x.io"))

    assert ledger(workspace, Target(deltas=(first, second))) == {"a@x.io": "true"}


def test_a_missing_file_of_the_ledger_stops(workspace: Workspace) -> None:
    """A ledger with a hole would send people out of the field."""
    with pytest.raises(StoreUnusable, match="missing"):
        load_ledger(workspace, Target(base="ledger/none.parquet", base_rows=3))


def settled(workspace: Workspace, target: Target) -> Target:
    """Settle a target's ledger into the folder `new`."""
    base, base_rows, deltas = settle_ledger(workspace, target, "new")
    return replace(target, base=base, base_rows=base_rows, deltas=deltas)


def test_a_ledger_without_changes_settles_as_it_is(workspace: Workspace) -> None:
    """No file is written where nothing moved."""
    base = put(workspace.store, "base", row("a@x.io"))
    empty = put(workspace.store, "empty")
    target = Target(base=base, base_rows=1, deltas=(empty,))

    assert settled(workspace, target) == replace(target, deltas=())
    assert workspace.store.names("new") == []


def test_few_changes_settle_as_one_delta(workspace: Workspace) -> None:
    """A settle costs what changed, and names two files however many pieces there were."""
    base = put(workspace.store, "base", *(row(f"{number}@x.io") for number in range(9)))
    deltas = (
        put(workspace.store, "1", row("0@x.io", Flag.UNKNOWN), row("1@x.io", Flag.UNKNOWN)),
        put(workspace.store, "2", row("0@x.io", Flag.FALSE)),
        put(workspace.store, "3", row("1@x.io", Flag.FALSE)),
    )
    before = Target(base=base, base_rows=9, deltas=deltas)

    after = settled(workspace, before)

    assert (after.base, after.base_rows, after.deltas) == (base, 9, ("new/delta.parquet",))
    assert workspace.store.names("new") == ["delta.parquet"]
    assert ledger(workspace, after) == ledger(workspace, before)


def test_many_changes_settle_as_a_new_base(workspace: Workspace) -> None:
    """Deltas that hold a quarter of the base's rows are folded into it."""
    base = put(workspace.store, "base", *(row(f"{number}@x.io") for number in range(8)))
    delta = put(workspace.store, "1", row("0@x.io", Flag.FALSE), row("new@x.io"))
    before = Target(base=base, base_rows=8, deltas=(delta,))

    after = settled(workspace, before)

    assert (after.base, after.base_rows, after.deltas) == ("new/base.parquet", 9, ())
    assert ledger(workspace, after) == ledger(workspace, before)


def test_the_first_settle_makes_the_base(workspace: Workspace) -> None:
    """Without a base there is nothing to overlay."""
    after = settled(workspace, Target(deltas=(put(workspace.store, "1", row("a@x.io")),)))

    assert (after.base, after.base_rows, after.deltas) == ("new/base.parquet", 1, ())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    layers=st.lists(
        st.dictionaries(
            st.sampled_from([f"{number}@x.io" for number in range(6)]), st.sampled_from(Flag), max_size=6
        ),
        max_size=5,
    )
)
def test_layers_settle_to_what_a_dictionary_says(local: LocalStore, layers: list[dict[str, Flag]]) -> None:
    """However rows are spread over files, and whatever is folded on the way, the last one of a key counts."""
    expected: dict[str, str] = {}
    with Workspace(local, memory_limit="512MiB") as workspace:
        target = Target()
        for number, layer in enumerate(layers):
            path = put(local, f"delta-{number}", *(row(address, flag) for address, flag in layer.items()))
            target = replace(target, deltas=(*target.deltas, path))
            expected |= layer
            if number % 2:
                base, base_rows, deltas = settle_ledger(workspace, target, f"settle-{number}")
                target = replace(target, base=base, base_rows=base_rows, deltas=deltas)

        assert ledger(workspace, target) == expected
        assert len(target.deltas) <= 2
