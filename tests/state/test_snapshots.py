from collections.abc import Iterator
from dataclasses import asdict

import pytest

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.ledger import Key
from marketo_provider.state.snapshots import PageCounts, Session, Snapshot, SnapshotFolder
from marketo_provider.state.store import LocalStore, Store
from marketo_provider.state.workspace import Workspace
from tests.state.support import FOLDER, NOW

NAME = "00000003"


@pytest.fixture
def workspace(store: Store) -> Iterator[Workspace]:
    """Return a workspace on a store of each kind."""
    with Workspace(store, memory_limit="512MiB") as workspace:
        yield workspace


def session(*, total: int, page_size: int = 3) -> Session:
    """Return a session of so many profiles."""
    return Session(
        session_id="1-ABC",
        total=total,
        page_size=page_size,
        project_id=7,
        workspace_id=None,
        cohort_id=1001,
        begun_at=NOW,
    )


def snapshot(**counts: int) -> Snapshot:
    """Return a complete snapshot."""
    return Snapshot.model_validate(
        {
            "name": NAME,
            "number": 3,
            "project_id": 7,
            "workspace_id": None,
            "cohort_id": 1001,
            "begun_at": NOW,
            "completed_at": NOW,
            "profiles": 0,
            "missing_profiles": 0,
            "without_email": 0,
            "invalid_email": 0,
            "duplicate_email": 0,
            "members": 0,
            **counts,
        }
    )


def add(folder: SnapshotFolder, number: int, *profiles: tuple[str, str | None, str | None]) -> None:
    """Store a page of profiles: id, address, cause."""
    ids, addresses, causes = ([profile[place] for profile in profiles] for place in range(3))
    folder.add_page(number, [str(each) for each in ids], addresses, causes)


def with_address(*addresses: str) -> list[tuple[str, str | None, str | None]]:
    """Return a profile for each address."""
    return [(f"id of {address}", address, None) for address in addresses]


def test_a_folder_that_is_not_there_holds_nothing(store: Store) -> None:
    """Neither a session nor a snapshot nor pages."""
    folder = SnapshotFolder(store, FOLDER, NAME)

    assert folder.session() is None
    assert folder.snapshot() is None
    assert folder.pages() == set()


def test_a_session_is_kept_for_the_next_try(store: Store) -> None:
    """Another worker can go on with it."""
    SnapshotFolder(store, FOLDER, NAME).begin(session(total=7))

    assert SnapshotFolder(store, FOLDER, NAME).session() == session(total=7)


@pytest.mark.parametrize(("total", "pages"), [(0, 1), (1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_a_session_has_as_many_pages_as_its_total_takes(total: int, pages: int) -> None:
    """An empty cohort has one page, an exact multiple no empty one."""
    assert session(total=total).pages == pages


def test_pages_are_known_by_number(store: Store) -> None:
    """What is stored need not be read again."""
    folder = SnapshotFolder(store, FOLDER, NAME)
    for number in (0, 12, 3):
        add(folder, number, *with_address("a@x.io"))

    assert folder.pages() == {0, 3, 12}


def test_an_abandoned_read_leaves_nothing(store: Store) -> None:
    """Pages hold addresses."""
    folder = SnapshotFolder(store, FOLDER, NAME)
    folder.begin(session(total=4))
    add(folder, 0, *with_address("a@x.io"))

    folder.abandon()

    assert folder.session() is None
    assert folder.pages() == set()


@pytest.mark.parametrize("file", ["session.json", "complete.json"])
def test_a_damaged_file_is_named(local: LocalStore, file: str) -> None:
    """The message says what to do, and repeats nothing of what the file holds."""
    local.write(f"{FOLDER}/snapshots/{NAME}/{file}", b'{"name": "someone@example.com"}')
    folder = SnapshotFolder(local, FOLDER, NAME)

    with pytest.raises(StoreUnusable, match=rf"{file} is damaged.*snapshot_cohort") as stopped:
        folder.session() if file == "session.json" else folder.snapshot()

    assert "example.com" not in str(stopped.value)


@pytest.mark.parametrize("count", [-1, 10**400])
def test_a_count_that_cannot_be_is_damage(local: LocalStore, count: int) -> None:
    """Shares are taken of it."""
    whole = snapshot(profiles=11).model_dump_json()
    local.write(f"{FOLDER}/snapshots/{NAME}/complete.json", whole.replace(":11,", f":{count},").encode())

    with pytest.raises(StoreUnusable, match="is damaged"):
        SnapshotFolder(local, FOLDER, NAME).snapshot()


def test_profiles_are_counted_by_what_they_hold(workspace: Workspace) -> None:
    """Without an address, an invalid one, a second profile of an address, and members."""
    folder = SnapshotFolder(workspace.store, FOLDER, NAME)
    add(folder, 0, ("1", "Ann@x.io", None), ("2", None, "without_email"))
    add(folder, 1, ("3", "ann@x.io", None), ("4", None, "invalid_email"))
    add(folder, 2, ("5", "bob@x.io", None), ("5", "ANN@x.io", None))

    counts = folder.count(workspace, session(total=6, page_size=2))

    assert counts == PageCounts(
        profiles=6, distinct=5, short=0, without_email=1, invalid_email=1, duplicate_email=2, members=2
    )


def test_an_empty_cohort_counts_nothing(workspace: Workspace) -> None:
    """Its one page is empty, and not short: it is the last."""
    folder = SnapshotFolder(workspace.store, FOLDER, NAME)
    add(folder, 0)

    counts = folder.count(workspace, session(total=0))

    assert set(asdict(counts).values()) == {0}


@pytest.mark.parametrize(
    ("sizes", "short"),
    [
        ((3, 3, 3), 0),
        ((3, 3, 1), 0),
        ((3, 3, 0), 0),
        ((3, 2, 3), 1),
        ((1, 2, 3), 3),
        ((3, 0, 3), 3),
        ((0, 0, 3), 6),
    ],
)
def test_pages_before_the_last_must_be_full(workspace: Workspace, sizes: tuple[int, ...], short: int) -> None:
    """By how many they fall short is counted, empty pages too."""
    folder = SnapshotFolder(workspace.store, FOLDER, NAME)
    for number, size in enumerate(sizes):
        add(folder, number, *with_address(*(f"{number}-{each}@x.io" for each in range(size))))

    assert folder.count(workspace, session(total=9)).short == short


def test_a_page_that_is_not_stored_stops_the_count(workspace: Workspace) -> None:
    """Nothing is delivered of what is not there."""
    folder = SnapshotFolder(workspace.store, FOLDER, NAME)
    add(folder, 0, *with_address("a@x.io"))

    with pytest.raises(StoreUnusable):
        folder.count(workspace, session(total=4))


def test_members_are_the_smallest_form_of_each_address(workspace: Workspace) -> None:
    """Whichever page a form came on, the same one is sent; upper case is smaller, by code point."""
    folder = SnapshotFolder(workspace.store, FOLDER, NAME)
    add(folder, 0, *with_address("ann@x.io", "bob@x.io"))
    add(folder, 1, *with_address("aNN@x.io", "Ann@x.io"))
    add(folder, 2, ("7", None, "without_email"))
    folder.count(workspace, session(total=5, page_size=2))

    folder.complete(workspace, snapshot())

    folder.load_members(workspace)
    members = [
        (each["address"], Key(each["key_high"], each["key_low"]))
        for batch in workspace.batches("SELECT * FROM members ORDER BY address", 10)
        for each in batch.to_pylist()
    ]
    assert members == [("Ann@x.io", Key.of("ann@x.io")), ("bob@x.io", Key.of("bob@x.io"))]


def test_a_complete_snapshot_needs_its_pages_no_more(workspace: Workspace) -> None:
    """Pages go, the snapshot can be read by the next task."""
    folder = SnapshotFolder(workspace.store, FOLDER, NAME)
    folder.begin(session(total=1))
    add(folder, 0, *with_address("a@x.io"))
    folder.count(workspace, session(total=1))

    folder.complete(workspace, snapshot(profiles=1, members=1))

    assert folder.pages() == set()
    assert SnapshotFolder(workspace.store, FOLDER, NAME).snapshot() == snapshot(profiles=1, members=1)


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ({"profiles": 10}, 1.0),
        ({"profiles": 10, "without_email": 2, "invalid_email": 3}, 0.5),
        ({"profiles": 10, "without_email": 10}, 0.0),
        ({"profiles": 0}, 0.0),
    ],
)
def test_the_share_of_profiles_with_an_address(counts: dict[str, int], share: float) -> None:
    """A snapshot without profiles has nothing that a later share could fall from."""
    assert snapshot(**counts).address_share == share
