"""What people and cohorts can hold: YAML bombs, names that are paths, addresses that are none, or formulae."""

import csv
import io
from pathlib import Path

import pytest

from marketo_provider.cli.targets import target_folder
from marketo_provider.errors import StoreUnusable
from marketo_provider.export_files import load_exports
from marketo_provider.export_problems import problems_text
from marketo_provider.state.ledger import Flag, Key, LedgerRow, encode_rows
from marketo_provider.state.store import LocalStore
from marketo_provider.state.workspace import Workspace, csv_rows
from marketo_provider.sync.address import Unusable, read_addresses
from marketo_provider.sync.import_files import write_import_files
from marketo_provider.sync.snapshot import load_snapshot
from tests.sync.world import World

GOOD = "  - {name: good, cohort_id: 1, marketo_field: good, sync_type: one_time}\n"
LAUGHS = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9))
BOMBS = {
    "a billion laughs": f"a0: &a0 lol\n{LAUGHS}",
    "merged keys": "a: &a {b: 1}\nexports:\n  - <<: *a\n",
    "a number of minutes": f"exports:\n  - cohort_id: 1{':1' * 200_000}\n",
    "a number of half a million digits": f"exports:\n  - cohort_id: 0x{'f' * 500_000}\n",
    "a number that no table holds": f"exports:\n  - cohort_id: 0x{'f' * 90}\n",
    "a wait without end": f"exports:\n  - retry_delay_seconds: {'9' * 90}\n",
    "nesting": f"exports: {'[' * 100_000}\n",
    "a constructor": "exports: !!python/object/apply:os.system [exit 1]\n",
    "a constructor of a key": "? !!python/name:os.system x\n: 1\n",
    "binary": "exports:\n  - name: !!binary '!!!!'\n",
    "two documents": "exports: []\n---\nexports: []\n",
    "letters that are none": 'exports:\n  - name: "\\ud800"\n',
    "too much": f"exports: # {'x' * 1_000_000}\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_yaml_bomb_is_a_problem_of_its_file(tmp_path: Path, name: str) -> None:
    """It is named; the good export beside it runs."""
    (tmp_path / "a.yaml").write_text(BOMBS[name])
    (tmp_path / "good.yaml").write_text(f"exports:\n{GOOD}")

    loaded = load_exports(tmp_path)

    assert [export.name for export in loaded.exports] == ["good"]
    assert loaded.problems
    assert all(problem.file.endswith("a.yaml") for problem in loaded.problems)
    assert len(problems_text(loaded.problems).encode()) < 10_000


@pytest.mark.parametrize("name", ["../other", "a/b", "..", "", "a\x00b", "a\n", "ä", "a" * 300])
@pytest.mark.parametrize("key", ["name", "marketo_field"])
def test_a_name_that_is_a_path_is_no_name(tmp_path: Path, key: str, name: str) -> None:
    """Of an export or of a field."""
    keys = {"name": "good", "marketo_field": "good", key: name}
    lines = "".join(f"    {each}: {value!a}\n" for each, value in keys.items()).replace("'", '"')
    (tmp_path / "a.yaml").write_text(f"exports:\n  - cohort_id: 1\n    sync_type: one_time\n{lines}")

    loaded = load_exports(tmp_path)

    assert loaded.exports == ()
    assert [problem.key for problem in loaded.problems] == [key]


@pytest.mark.parametrize("name", ["../../../other", "..", "/etc", "dry-../../x", "1", "00000001/..", "00000001\n"])
def test_a_snapshot_s_name_is_no_path(tmp_path: Path, name: str) -> None:
    """It comes by XCom, or from somebody's template."""
    world = World(tmp_path)
    for folder in ("other", "marketo/x"):
        world.store.write(f"{folder}/complete.json", b"{}")

    with pytest.raises(StoreUnusable, match="is not in the state store"):
        load_snapshot(world.run(), name)


@pytest.mark.parametrize(
    "name", ["../field", "./field", "host/../field", "host", "", "/field", "host/a/b", "\n/a"]
)
def test_a_target_on_the_command_line_is_no_path(name: str) -> None:
    """A host and a field."""
    with pytest.raises(StoreUnusable, match="is no target"):
        target_folder(name)


NO_ADDRESSES = [
    *("a,b@example.com", 'a"b@example.com', "a\nb@example.com", "a\r\nBcc:b@example.com", "a\tb@example.com"),
    *("\u202eann@example.com", "ann\u2066@example.com", "ann@exa\u200bmple.com", "ann@example.com\x00"),
    *("@SUM(1)@example.com", "a;b@example.com", "ann@example", "änn@example.com", "<a@example.com>"),
    *(["ann@example.com"], {"a": 1}, 7, True, "a" * 251 + "@b.cc", "ann@example.com,true\r\nb@example.com"),
]
FORMULAE = ["=1+1@example.com", "+491@example.com", "-a@example.com", "'=1@example.com", "=cmd|'/c'!a@example.com"]


def test_what_is_no_address_is_not_exported() -> None:
    """No comma, quote, line end, control character or mark of direction gets any farther."""
    addresses, causes = read_addresses([*NO_ADDRESSES, "ann@example.com"])

    assert addresses == [*[None] * len(NO_ADDRESSES), "ann@example.com"]
    assert set(causes[:-1]) == {Unusable.INVALID_EMAIL}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a workspace."""
    return Workspace(LocalStore(tmp_path), memory_limit="256MiB")


def test_a_list_for_people_holds_no_formula(workspace: Workspace) -> None:
    """A spreadsheet would carry it out; whoever reads the list again gets the address."""
    addresses = [*FORMULAE, "ann@example.com"]
    values = " UNION ALL ".join(f"SELECT $a{number} AS address" for number in range(len(addresses)))
    workspace.run(
        f"CREATE TABLE people AS {values}", **{f"a{number}": one for number, one in enumerate(addresses)}
    )

    workspace.save_csv("SELECT address, true AS set_to FROM people", "changes.csv")

    written = [row[0] for row in csv.reader(io.StringIO(workspace.store.read("changes.csv").decode()))]
    read = csv_rows(workspace.fetch("changes.csv"), ("address", "set_to"))
    again = [row["address"] for batch in workspace.batches(f"FROM {read}", 10) for row in batch.to_pylist()]
    assert sorted(written) == sorted(["address", "ann@example.com", *(f"'{one}" for one in FORMULAE)])
    assert sorted(again) == sorted(addresses)


def test_a_file_for_marketo_holds_addresses_as_they_are(workspace: Workspace) -> None:
    """It is no spreadsheet: an address that is changed is another lead."""
    rows = [LedgerRow(Key.of(address), address, Flag.UNKNOWN) for address in FORMULAE]
    workspace.store.write("rows.parquet", encode_rows(rows))
    query = f"FROM read_parquet({workspace.fetch('rows.parquet')})"

    (file,) = write_import_files(workspace, query, field="flag", refuse=lambda _: None)

    lines = list(csv.reader(io.StringIO(file.csv.read_text(), newline="")))
    assert lines[0] == ["email", "flag"]
    assert sorted(lines[1:]) == sorted([address, "true"] for address in FORMULAE)
