"""Snapshots: one complete read of a cohort each, page by page into the store, then folded to its members.

A snapshot's folder holds `session.json` (how to go on), `pages/`, and at the end `members.parquet` and
`complete.json`. Whether the pages add up is for the sync to judge; what they hold is counted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.ledger import key_sql
from marketo_provider.state.store import Store
from marketo_provider.state.workspace import Workspace, parquet


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, store: Store, path: str) -> Self | None:
        """Return what the file holds; nothing where there is none."""
        try:
            return cls.model_validate_json(store.read(path))
        except FileNotFoundError:
            return None
        except ValidationError:
            raise StoreUnusable(
                f"The state store's file {path} is damaged. Nothing was sent. Clear the task snapshot_cohort, "
                "so that the cohort is read anew."
            ) from None


class Session(_Stored):
    """Mixpanel's query session, by which a read goes on: `total` profiles in pages of `page_size`."""

    session_id: str
    total: int
    page_size: int
    project_id: int
    workspace_id: int | None
    cohort_id: int
    begun_at: datetime

    @property
    def source(self) -> tuple[int, int | None, int]:
        """Project, data view and cohort."""
        return self.project_id, self.workspace_id, self.cohort_id

    @property
    def pages(self) -> int:
        """How many pages the session has."""
        return max(1, -(-self.total // self.page_size))


class Snapshot(_Stored):
    """A complete snapshot. Counts are of profiles, but `members`, which counts distinct addresses.

    `number` orders it among all snapshots of the target; a dry run's has none.
    """

    name: str
    number: int | None
    project_id: int
    workspace_id: int | None
    cohort_id: int
    begun_at: datetime
    profiles: int
    missing_profiles: int
    without_email: int
    invalid_email: int
    duplicate_email: int
    members: int

    @property
    def source(self) -> tuple[int, int | None, int]:
        """Project, data view and cohort."""
        return self.project_id, self.workspace_id, self.cohort_id

    @property
    def address_share(self) -> float:
        """The share of profiles that have a valid address; 0 where there are no profiles."""
        if not self.profiles:
            return 0.0
        return (self.profiles - self.without_email - self.invalid_email) / self.profiles


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """One profile of a page: its valid address, or the cause why there is none."""

    distinct_id: str
    address: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class PageCounts:
    """What the pages read so far add up to. `short` is by how much pages before the last fall short."""

    profiles: int
    distinct: int
    short: int
    without_email: int
    invalid_email: int
    duplicate_email: int
    members: int


_PAGE_SCHEMA: pa.Schema = pa.schema(
    [  # type: ignore[arg-type] # the stubs know no list of mixed types
        ("page", pa.int32()),
        ("profile", pa.string()),
        ("address", pa.string()),
        ("cause", pa.string()),
    ]
)
MEMBERS_SCHEMA: pa.Schema = pa.schema(
    [  # type: ignore[arg-type] # as above
        ("key_high", pa.uint64()),
        ("key_low", pa.uint64()),
        ("address", pa.string()),
    ]
)


class SnapshotFolder:
    """The files of one snapshot.

    Args:
        store: where they lie.
        target: the target's folder.
        name: the snapshot's name within it.
    """

    def __init__(self, store: Store, target: str, name: str) -> None:
        self.name = name
        self._store = store
        self.path = f"{target}/snapshots/{name}"

    def session(self) -> Session | None:
        """Return the session that a read was begun with."""
        return Session.read(self._store, f"{self.path}/session.json")

    def begin(self, session: Session) -> None:
        """Keep the session, so that another try can go on."""
        self._store.write(f"{self.path}/session.json", session.model_dump_json().encode())

    def abandon(self) -> None:
        """Forget a read that cannot be completed."""
        self._store.delete(self.path)

    def snapshot(self) -> Snapshot | None:
        """Return the complete snapshot, if it is one."""
        return Snapshot.read(self._store, f"{self.path}/complete.json")

    def pages(self) -> set[int]:
        """Return the numbers of the pages that are stored."""
        return {int(name.removesuffix(".parquet")) for name in self._store.names(f"{self.path}/pages")}

    def add_page(self, number: int, rows: Sequence[ProfileRow]) -> None:
        """Store a page."""
        columns: list[Sequence[object]] = [
            [number] * len(rows),
            [row.distinct_id for row in rows],
            [row.address for row in rows],
            [row.cause for row in rows],
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, _PAGE_SCHEMA, strict=True)]
        self._store.write(self._page(number), parquet(pa.Table.from_arrays(arrays, schema=_PAGE_SCHEMA)))

    def count(self, workspace: Workspace, session: Session) -> PageCounts:
        """Add the pages of a session up; makes the view `keyed` of their addresses and the table `repeated`."""
        files = ", ".join(workspace.fetch(self._page(number)) for number in range(session.pages))
        workspace.run(f"CREATE OR REPLACE VIEW pages AS FROM read_parquet([{files}])")
        # Two hashes that do not depend on each other: 30 million ids are too many for one of 64 bits.
        profiles, without, invalid, short = workspace.row(
            "SELECT count(*), count(*) FILTER (cause = 'without_email'), "
            "count(*) FILTER (cause = 'invalid_email'), "
            "$size * $last - count(*) FILTER (page < $last) FROM pages",
            size=session.page_size,
            last=session.pages - 1,
        )
        (distinct,) = workspace.row(
            "SELECT count(*) FROM (SELECT DISTINCT hash(profile), hash(reverse(profile)) FROM pages)"
        )
        keyed = workspace.set_aside(f"SELECT {key_sql('address')}, address FROM pages WHERE address IS NOT NULL")
        workspace.run(f"CREATE OR REPLACE VIEW keyed AS FROM read_parquet({keyed})")
        workspace.run(
            "CREATE OR REPLACE TABLE repeated AS SELECT key_high, key_low, count(*) AS profiles FROM keyed "
            "GROUP BY key_high, key_low HAVING count(*) > 1"
        )
        (duplicates,) = workspace.row("SELECT coalesce(sum(profiles - 1), 0)::BIGINT FROM repeated")
        members = profiles - without - invalid - duplicates
        return PageCounts(profiles, distinct, short, without, invalid, duplicates, members)

    def complete(self, workspace: Workspace, snapshot: Snapshot) -> None:
        """Store the members that were counted, then the snapshot; the pages are not needed any more."""
        workspace.save(
            "SELECT key_high, key_low, address FROM keyed ANTI JOIN repeated USING (key_high, key_low) UNION ALL "
            "SELECT key_high, key_low, min(address) FROM keyed SEMI JOIN repeated USING (key_high, key_low) "
            "GROUP BY key_high, key_low",
            f"{self.path}/members.parquet",
        )
        self._store.write(f"{self.path}/complete.json", snapshot.model_dump_json().encode())
        self._store.delete(f"{self.path}/pages")

    def recount(self, snapshot: Snapshot) -> None:
        """Replace what a complete snapshot says of itself."""
        self._store.write(f"{self.path}/complete.json", snapshot.model_dump_json().encode())

    def load_members(self, workspace: Workspace) -> None:
        """Make the view `members`: key_high, key_low, address."""
        members = workspace.fetch(f"{self.path}/members.parquet")
        workspace.run(f"CREATE OR REPLACE VIEW members AS FROM read_parquet({members})")

    def _page(self, number: int) -> str:
        return f"{self.path}/pages/{number:06d}.parquet"
