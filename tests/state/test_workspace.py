from collections.abc import Iterator

import pyarrow as pa
import pytest

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.store import LocalStore, Store
from marketo_provider.state.workspace import Workspace, parquet


@pytest.fixture
def workspace(store: Store) -> Iterator[Workspace]:
    """Return a workspace on a store of each kind."""
    with Workspace(store, memory_limit="512MiB") as workspace:
        yield workspace


def test_a_query_goes_to_a_parquet_file_and_comes_back(workspace: Workspace) -> None:
    """What is saved can be fetched, wherever the store lies."""
    workspace.save("SELECT unnest([1, 2, 3]) AS number", "a/numbers.parquet")

    assert workspace.row(f"SELECT sum(number) FROM read_parquet({workspace.fetch('a/numbers.parquet')})") == (6,)


def test_a_query_goes_to_a_csv_file(workspace: Workspace) -> None:
    """With a header, for people to read."""
    workspace.save_csv("SELECT 'a,b' AS address, true AS set_to", "a/changes.csv")

    assert workspace.store.read("a/changes.csv") == b'address,set_to\n"a,b",true\n'


def test_a_saved_file_may_have_a_longer_path_than_a_file_name(workspace: Workspace) -> None:
    """A field's name alone may have 255 characters."""
    path = f"marketo/{'f' * 255}/ledger/base.parquet"

    workspace.save("SELECT 1 AS number", path)

    assert workspace.row(f"SELECT number FROM read_parquet({workspace.fetch(path)})") == (1,)


def test_saving_leaves_nothing_in_the_scratch_folder(workspace: Workspace) -> None:
    """A large run does not fill the worker's disk twice."""
    workspace.save("SELECT 1 AS number", "a/1.parquet")

    assert list(workspace.scratch.iterdir()) == []


def test_a_missing_file_is_named(workspace: Workspace) -> None:
    """The message says which, and that nothing was sent."""
    with pytest.raises(StoreUnusable, match=r"a/none.parquet is missing. Nothing more was sent. Restore"):
        workspace.fetch("a/none.parquet")


def test_parameters_are_bound(workspace: Workspace) -> None:
    """Values never become part of a statement."""
    workspace.run("CREATE TABLE t AS SELECT $value AS value", value="it's")

    assert workspace.row("SELECT value FROM t WHERE value = $value", value="it's") == ("it's",)


def test_rows_come_in_batches_while_other_statements_run(workspace: Workspace) -> None:
    """The journal is written while the changes are read."""
    workspace.run("CREATE TABLE t AS SELECT range AS number FROM range(10_000)")
    total = 0

    for batch in workspace.batches("SELECT number FROM t WHERE number >= $least", 1000, least=10):
        workspace.row("SELECT count(*) FROM t")
        total += batch.num_rows

    assert total == 9_990


def test_a_query_without_a_row_is_told(workspace: Workspace) -> None:
    """No code has to check for None."""
    with pytest.raises(StoreUnusable):
        workspace.row("SELECT 1 WHERE false")


def test_duckdbs_own_message_is_not_repeated(workspace: Workspace) -> None:
    """It quotes the value, which may be somebody's address."""
    with pytest.raises(StoreUnusable) as stopped:
        workspace.row("SELECT CAST($value AS INTEGER)", value="someone@example.com")

    assert "example.com" not in str(stopped.value)
    assert stopped.value.__suppress_context__


def test_an_error_in_the_middle_of_a_batch_is_not_repeated_either(workspace: Workspace) -> None:
    """Arrow wraps DuckDB's message when rows stream."""
    workspace.run(
        "CREATE TABLE t AS SELECT CASE WHEN range < 100000 THEN '1' ELSE 'someone@example.com' END AS text "
        "FROM range(100001)"
    )

    with pytest.raises(StoreUnusable) as stopped:
        list(workspace.batches("SELECT CAST(text AS INTEGER) AS number FROM t", 100))

    assert "example.com" not in str(stopped.value)


@pytest.mark.parametrize(
    "content",
    [b"PAR1someone@example.com", parquet(pa.table({"address": [1]})).replace(b"address", b"addr\xc3ss")],
    ids=["cut off", "a column's name that is no text"],
)
def test_a_damaged_file_is_told_without_its_content(local: LocalStore, content: bytes) -> None:
    """It is for a person to restore it."""
    local.write("a/base.parquet", content)

    with (
        Workspace(local, memory_limit="512MiB") as workspace,
        pytest.raises(StoreUnusable, match=r"base\.parquet is damaged"),
    ):
        workspace.fetch("a/base.parquet")


def test_a_file_whose_rows_cannot_be_read_is_named(local: LocalStore) -> None:
    """Its end is whole, so that only reading it shows the damage."""
    whole = parquet(pa.table({"number": list(range(5000)), "text": ["someone@example.com"] * 5000}))
    local.write("a/delta.parquet", parquet(pa.table({"number": [1], "text": ["x"]})))
    local.write("a/base.parquet", whole[:4] + bytes(2000) + whole[2004:])

    with Workspace(local, memory_limit="512MiB") as workspace:
        files = ", ".join(workspace.fetch(f"a/{name}.parquet") for name in ("delta", "base"))
        with pytest.raises(StoreUnusable, match=r"file a/base\.parquet is damaged") as stopped:
            workspace.row(f"SELECT sum(number) FROM read_parquet([{files}])")

    assert "someone" not in str(stopped.value)


def test_the_scratch_folder_is_private_and_ends_with_the_block(local: LocalStore) -> None:
    """Addresses on a worker's disk are its user's alone, and gone after the task."""
    with Workspace(local, memory_limit="512MiB") as workspace:
        mode = workspace.scratch.stat().st_mode & 0o777

    assert mode == 0o700
    assert not workspace.scratch.exists()


def test_a_table_becomes_a_parquet_file(workspace: Workspace) -> None:
    """Pages and journals are written without DuckDB."""
    workspace.store.write("a/1.parquet", parquet(pa.table({"number": [1, 2]})))

    assert workspace.row(f"SELECT sum(number) FROM read_parquet({workspace.fetch('a/1.parquet')})") == (3,)


def test_no_progress_is_printed_into_a_log(workspace: Workspace) -> None:
    """DuckDB would print a bar for all that takes longer than two seconds."""
    assert workspace.row("SELECT current_setting('enable_progress_bar')") == (False,)
