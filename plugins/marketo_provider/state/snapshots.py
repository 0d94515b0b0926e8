"""Snapshots: one complete read of a cohort each, page by page into the store, then folded to its members.

A snapshot's folder holds `session.json` (how to go on), `pages/`, and at the end `addresses.parquet`,
`shared.parquet` (one row in place of those of an address that several profiles have) and `complete.json`. Whether
the pages add up is for the sync to judge; what they hold is counted here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.hashes import Hashes, repeated
from marketo_provider.state.ledger import key_sql
from marketo_provider.state.records import Moment
from marketo_provider.state.store import Store
from marketo_provider.state.suppression import SuppressionList
from marketo_provider.state.workspace import BATCH_ROWS, Workspace, parquet, quoted, silent

_Count = Annotated[int, Field(ge=0, lt=10**18)]


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
    total: int = Field(ge=0)
    page_size: int = Field(ge=1)
    project_id: int
    workspace_id: int | None
    cohort_id: int
    begun_at: Moment

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
    begun_at: Moment
    completed_at: Moment
    profiles: _Count
    missing_profiles: _Count
    without_email: _Count
    invalid_email: _Count
    duplicate_email: _Count
    members: _Count

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
    [
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
        self.addresses = f"{self.path}/addresses.parquet"
        self.shared = f"{self.path}/shared.parquet"
        self._suppression: SuppressionList | None = None

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
        names = [name.removesuffix(".parquet") for name in self._store.names(f"{self.path}/pages")]
        return {int(name) for name in names if name.isdecimal()}

    def add_page(
        self,
        number: int,
        distinct_ids: Sequence[str],
        addresses: Sequence[str | None],
        causes: Sequence[str | None],
    ) -> None:
        """Store a page: of each profile its id, and its valid address or the cause why there is none.

        Whoever was erased counts as without an address.
        """
        columns = [
            pa.array(column, pa.string()) for column in (distinct_ids, *self._suppressed().hide(addresses, causes))
        ]
        page = pa.Table.from_arrays(columns, schema=_PAGE_SCHEMA)
        self._store.write(self._page(number), parquet(page))

    def count(self, workspace: Workspace, session: Session) -> PageCounts:
        """Add the pages of a session up; sets their addresses aside, and makes the table `shared` of them.

        Hashes tell which ids and addresses may occur twice; only these are then looked at themselves.
        """
        files = ", ".join(workspace.fetch(self._page(number)) for number in range(session.pages))
        workspace.run(f"CREATE OR REPLACE VIEW pages AS SELECT *, file_index AS page FROM read_parquet([{files}])")
        profiles, without, invalid, short = workspace.row(
            "SELECT count(*), count(*) FILTER (cause = 'without_email'), "
            "count(*) FILTER (cause = 'invalid_email'), "
            "$size * $last - count(*) FILTER (page < $last) FROM pages",
            size=session.page_size,
            last=session.pages - 1,
        )
        ids, keys = self._set_aside(workspace)
        workspace.keep(repeated(ids), "repeated_ids")
        (again,) = workspace.row(
            "SELECT count(*) - count(DISTINCT profile) FROM (SELECT profile, hash(profile) AS hash FROM pages) "
            "SEMI JOIN repeated_ids USING (hash)"
        )
        workspace.keep(repeated(keys), "repeated_keys")
        workspace.run(
            "CREATE OR REPLACE TABLE shared AS SELECT key_high, key_low, min(address) AS address, "
            f"count(*) AS profiles FROM read_parquet({quoted(_addresses(workspace))}) "
            "SEMI JOIN repeated_keys ON key_high = hash GROUP BY key_high, key_low"
        )
        (duplicates,) = workspace.row("SELECT coalesce(sum(profiles - 1), 0)::BIGINT FROM shared")
        members = profiles - without - invalid - duplicates
        return PageCounts(profiles, profiles - again, short, without, invalid, duplicates, members)

    def complete(self, workspace: Workspace, snapshot: Snapshot) -> None:
        """Store the addresses that were counted, then the snapshot; the pages are not needed any more."""
        workspace.save("SELECT key_high, key_low, address FROM shared", self.shared)
        self._store.publish(_addresses(workspace), self.addresses)
        self._store.write(f"{self.path}/complete.json", snapshot.model_dump_json().encode())
        self._store.delete(f"{self.path}/pages")

    def recount(self, snapshot: Snapshot) -> None:
        """Replace what a complete snapshot says of itself."""
        self._store.write(f"{self.path}/complete.json", snapshot.model_dump_json().encode())

    def load_members(self, workspace: Workspace) -> None:
        """Make the view `members`: key_high, key_low, address."""
        addresses, shared = workspace.fetch(self.addresses), workspace.fetch(self.shared)
        workspace.run(
            "CREATE OR REPLACE VIEW members AS "
            f"FROM read_parquet({addresses}) ANTI JOIN read_parquet({shared}) AS shared USING (key_high) "
            f"UNION ALL FROM read_parquet({shared})"
        )

    def _set_aside(self, workspace: Workspace) -> tuple[Hashes, Hashes]:
        """Write the pages' addresses to one file, with their keys; return hashes of profiles and addresses."""
        ids, keys = Hashes(workspace.scratch), Hashes(workspace.scratch)
        rows = workspace.batches(
            f"SELECT {key_sql('address')}, address, hash(profile) AS id FROM pages", BATCH_ROWS
        )
        with (
            silent(),
            pq.ParquetWriter(
                _addresses(workspace),
                MEMBERS_SCHEMA,
                compression="lz4",
                use_dictionary=False,
                write_statistics=False,
            ) as file,
        ):
            for batch in rows:
                ids.add(batch["id"].to_numpy())
                with_address = batch.select(MEMBERS_SCHEMA.names).drop_null()
                keys.add(with_address["key_high"].to_numpy())
                file.write_batch(with_address)
        return ids, keys

    def _suppressed(self) -> SuppressionList:
        # Not a cached property: Python 3.11 would hold one lock of all snapshots while the store is asked.
        if self._suppression is None:
            self._suppression = SuppressionList(self._store)
        return self._suppression

    def _page(self, number: int) -> str:
        return f"{self.path}/pages/{number:06d}.parquet"


def _addresses(workspace: Workspace) -> Path:
    return workspace.scratch / "addresses.parquet"
