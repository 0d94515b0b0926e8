import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from marketo_provider.errors import StoreUnusable
from marketo_provider.marketo.imports import MAX_FILE_BYTES
from marketo_provider.state.ledger import COLUMNS, SCHEMA, Flag, Key, LedgerRow, decode_row, encode_rows, key_sql
from marketo_provider.state.store import LocalStore
from marketo_provider.state.workspace import Workspace, quoted
from marketo_provider.sync.import_files import ImportFile, write_import_files

FLAG = "mixpanelTrialUsers"
HEADER = f"email,{FLAG}\r\n"
ANN, BOB, CYN = "ann@example.com", "Bob+x@Example.com", "cyn@example.com"
LINE_BYTES = len(f"{ANN},true\r\n")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Return a workspace that keeps the order of rows."""
    with Workspace(LocalStore(tmp_path / "store"), memory_limit="512MiB") as workspace:
        workspace.run("SET preserve_insertion_order = true")
        yield workspace


def row(address: str) -> LedgerRow:
    """Return what an intent says of an address."""
    return LedgerRow(Key.of(address), address, Flag.UNKNOWN, may_hold=True, lead_ids=(7,), tries=1)


def query(workspace: Workspace, addresses: Sequence[str]) -> str:
    """Return a query for the ledger rows of some addresses."""
    path = workspace.scratch / "intent.parquet"
    path.write_bytes(encode_rows(map(row, addresses)))
    return f"SELECT {COLUMNS} FROM read_parquet({quoted(path)})"


def refuse_none(row: LedgerRow) -> None:
    """Take a refused row where there is to be none."""
    pytest.fail("a row was refused")


def write(workspace: Workspace, addresses: Sequence[str], most_bytes: int = MAX_FILE_BYTES) -> list[ImportFile]:
    """Return the files of some addresses."""
    rows = query(workspace, addresses)
    return list(write_import_files(workspace, rows, field=FLAG, refuse=refuse_none, most_bytes=most_bytes))


def addresses_of(file: ImportFile) -> list[str]:
    """Return the addresses of a file as a reader of CSV finds them."""
    with file.csv.open(encoding="utf-8", newline="") as text:
        header, *lines = csv.reader(text, strict=True)
    assert header == ["email", FLAG]
    assert {value for _, value in lines} <= {"true"}
    return [address for address, _ in lines]


def rows_of(file: ImportFile) -> list[LedgerRow]:
    """Return the ledger rows that a file sets."""
    table = pq.read_table(file.rows)
    assert table.schema.equals(SCHEMA)
    return [decode_row(row) for row in table.to_pylist()]


def test_a_file_is_what_marketo_reads(workspace: Workspace) -> None:
    """API name in the header, address first, CRLF, UTF-8 without a byte order mark, the form in the row."""
    [file] = write(workspace, [ANN, BOB])

    assert file.csv.read_bytes() == f"{HEADER}{ANN},true\r\n{BOB},true\r\n".encode()
    assert file.count == 2


def test_a_file_comes_with_its_ledger_rows(workspace: Workspace) -> None:
    """All that an intent says of them, so that the log can name them."""
    [file] = write(workspace, [ANN, BOB])

    assert rows_of(file) == [row(ANN), row(BOB)]


@pytest.mark.parametrize(
    "address", ["a,b@example.com", 'a"b@example.com', '"@example.com', "a\rb@example.com", "a\nb@example.com"]
)
def test_an_address_is_quoted_where_it_must_be(workspace: Workspace, address: str) -> None:
    """No valid address needs it; one that slipped in must not shift the columns of others."""
    [file] = write(workspace, [ANN, address, BOB])

    assert addresses_of(file) == [ANN, address, BOB]


def test_other_addresses_are_not_quoted(workspace: Workspace) -> None:
    """Nor are bytes counted as characters."""
    [file] = write(workspace, ["o'hara;+=x@exämple.com"], len(f"{HEADER}o'hara;+=x@exämple.com,true\r\n".encode()))

    assert file.csv.read_text(encoding="utf-8").splitlines()[1] == "o'hara;+=x@exämple.com,true"


@pytest.mark.parametrize(
    ("most_bytes", "sizes"),
    [
        (len(HEADER) + 3 * LINE_BYTES, [3]),
        (len(HEADER) + 3 * LINE_BYTES - 1, [2, 1]),
        (len(HEADER) + 2 * LINE_BYTES, [2, 1]),
        (len(HEADER) + LINE_BYTES, [1, 1, 1]),
    ],
)
def test_a_file_is_filled_to_the_last_byte(workspace: Workspace, most_bytes: int, sizes: list[int]) -> None:
    """And not one byte further; the next begins with a header of its own."""
    files = write(workspace, [ANN, CYN, "dan@example.com"], most_bytes)

    assert [file.count for file in files] == sizes
    assert [len(rows_of(file)) for file in files] == sizes
    assert [address for file in files for address in addresses_of(file)] == [ANN, CYN, "dan@example.com"]


def test_files_of_many_rows_are_as_few_as_can_be(workspace: Workspace) -> None:
    """Each full but the last, every row in one of them, with its ledger row beside it."""
    address = "'person.' || i || '@' || repeat('x', (i % 60)::INTEGER) || '.example.com'"
    most = 300_000
    files = list(
        write_import_files(
            workspace,
            f"SELECT {key_sql(address)}, {address} AS address, 'unknown' AS flag, false AS was_true, "
            "true AS may_hold, NULL::VARCHAR AS code, []::BIGINT[] AS lead_ids, 0::INTEGER AS tries, "
            "NULL::TIMESTAMPTZ AS next_try FROM range(43_457) AS numbers(i)",
            field=FLAG,
            refuse=refuse_none,
            most_bytes=most,
        )
    )

    found = [addresses_of(file) for file in files]
    assert [[row.address for row in rows_of(file)] for file in files] == found
    assert len({address for addresses in found for address in addresses}) == 43_457
    assert [file.count for file in files] == [len(addresses) for addresses in found]
    for file, following in zip(files, found[1:], strict=False):
        assert file.csv.stat().st_size <= most < file.csv.stat().st_size + len(f"{following[0]},true\r\n")


def test_a_row_larger_than_a_file_is_refused_by_itself(workspace: Workspace) -> None:
    """Wherever it stands; the others go."""
    large, most = f"{'x' * 200}@example.com", len(HEADER) + 2 * LINE_BYTES
    refused: list[LedgerRow] = []

    files = list(
        write_import_files(
            workspace,
            query(workspace, [large, ANN, large, CYN, large]),
            field=FLAG,
            refuse=refused.append,
            most_bytes=most,
        )
    )

    assert sorted(address for file in files for address in addresses_of(file)) == [ANN, CYN]
    assert refused == [row(large)] * 3


def test_where_all_rows_are_refused_there_is_no_file(workspace: Workspace) -> None:
    """An upload of a header alone would be a job for nothing."""
    refused: list[LedgerRow] = []

    files = list(
        write_import_files(workspace, query(workspace, [ANN]), field=FLAG, refuse=refused.append, most_bytes=10)
    )

    assert files == []
    assert refused == [row(ANN)]


def test_without_rows_there_is_no_file(workspace: Workspace) -> None:
    """Nothing is written."""
    assert write(workspace, []) == []
    assert list(workspace.scratch.glob("*.csv")) == []


def test_files_are_written_when_they_are_asked_for(workspace: Workspace) -> None:
    """Who has room for one file in Marketo's queue fills the disk with no more; statements may run in between."""
    rows = query(workspace, [ANN, CYN, "dan@example.com"])
    files = write_import_files(
        workspace, rows, field=FLAG, refuse=refuse_none, most_bytes=len(HEADER) + LINE_BYTES
    )

    first = next(files)
    workspace.run("CREATE TABLE something AS SELECT 1")

    assert addresses_of(first) == [ANN]
    assert len(list(workspace.scratch.glob("*.csv"))) == 1


def test_a_full_disk_is_an_error_that_quotes_nothing(workspace: Workspace) -> None:
    """The scratch folder takes no more."""
    rows = query(workspace, [ANN])
    workspace.run(f"CREATE TABLE intent AS {rows}")
    for path in workspace.scratch.iterdir():
        path.unlink()
    workspace.scratch.rmdir()

    with pytest.raises(StoreUnusable, match="Look for a full disk"):
        list(write_import_files(workspace, "FROM intent", field=FLAG, refuse=refuse_none))
