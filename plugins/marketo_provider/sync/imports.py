"""Taking in what has become of bulk imports, whoever uploaded them. Rule 12 of the sync.

A file says nothing of its rows but which failed: the others are True. Whom a later intent names has been written
to otherwise since the file was announced, so that nobody knows who came last: his row stays as it is, an exit
`unknown`, and is sent again.
"""

import secrets
from collections import Counter
from datetime import datetime, timedelta
from itertools import islice

import pyarrow as pa

from marketo_provider.errors import ImportUnreadable, QuotaExhausted
from marketo_provider.marketo.models import ImportProblem, ImportStatus
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import COLUMNS, wait_sql
from marketo_provider.state.records import OpenImport
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.state.workspace import Workspace, parquet, quoted
from marketo_provider.sync.import_records import ImportRecords
from marketo_provider.sync.import_wait import IDS_ARE_VALID_FOR, UNANSWERED_FOR
from marketo_provider.sync.importable import IMPORT_TRIES
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Work, logger
from marketo_provider.sync.snapshot import USABLE_FOR

_NOT_TAKEN_UP_FOR = timedelta(hours=2)
_LOOK_AGAIN = timedelta(seconds=60)
# What a file cannot do and sync leads can: write to several leads, and to one in another partition than new ones.
_BY_SYNC_LEADS = "by_sync_leads"
# What reasons of Marketo's begin with, or hold; their own words may quote an address and are not shown.
_CODES = (
    ("multiple lead", _BY_SYNC_LEADS),
    ("invalid data type", "import_invalid_data_type"),
    ("invalid email", "import_invalid_email"),
    ("partition", _BY_SYNC_LEADS),
    ("columns", "import_columns"),
    ("lookup", "import_lookup"),
)
_OTHER = "import_other"
_SAID = pa.schema([("email", pa.string()), ("said", pa.string())])


class ImportCollector:
    """Takes in the ends of a target's imports.

    Args:
        run: the run.
        lease: held by the run.
        records: told of each end.
        report: counts what was imported.
        folder: where the rows go that an end makes.
    """

    def __init__(self, run: Work, lease: Lease, records: ImportRecords, report: Report, *, folder: str) -> None:
        self.pieces: list[str] = []
        self.unreadable: str | None = None
        self._run = run
        self._lease = lease
        self._records = records
        self._folder = folder
        self._report = report

    def collect(self, workspace: Workspace) -> None:
        """Take in all that have ended.

        One whose file of failed rows is not as documented stays under way, and `unreadable` says so: nothing is
        guessed of it, and whoever leaves is set False all the same. Without calls left a dynamic run goes on
        without: it is not to wait for the next day.

        Raises:
            QuotaExhausted: a one-time run waits for calls.
        """
        try:
            self._collect(workspace)
        except QuotaExhausted:
            if self._run.one_time:
                raise
            logger.warning("%s: there are no calls left to ask for its imports.", self._run.label)

    @property
    def jobs(self) -> list[int]:
        """The jobs that Marketo is known to work on."""
        return [one.batch_id for one in self._lease.log.target.imports if one.batch_id is not None]

    def wait_until(self, snapshot: Snapshot, *, left_to_import: int) -> datetime:
        """Return when a run is to go on though no job has ended until then."""
        now = self._run.clock.now()
        if self.jobs and self._run.one_time:
            return now + USABLE_FOR
        if self.jobs:
            # The DAG's next run, which sends the exits, cannot begin before this one has ended.
            return max(now, snapshot.begun_at + USABLE_FOR) + _LOOK_AGAIN
        if left_to_import:
            return now + _LOOK_AGAIN
        return min(one.announced_at for one in self._lease.log.target.imports) + UNANSWERED_FOR

    def _collect(self, workspace: Workspace) -> None:
        for one in self._lease.log.target.imports:
            self._lease.keep(at_least=self._run.settings.lease_seconds / 2)
            if one.batch_id is None:
                if self._run.clock.now() >= one.announced_at + UNANSWERED_FOR:
                    self._records.ended(one.name, None)
                continue
            status = self._run.marketo.imports.status(one.batch_id)
            if status is None:
                # A young job that is said not to be there may be all the same: its rows stay unknown.
                if self._run.clock.now() >= one.announced_at + IDS_ARE_VALID_FOR:
                    self._records.ended(one.name, None)
            elif status.ended:
                try:
                    self._take_in(workspace, one, one.batch_id, status)
                except ImportUnreadable as error:
                    self.unreadable = str(error)
            elif status.state == "Queued" and self._run.clock.now() >= one.announced_at + _NOT_TAKEN_UP_FOR:
                logger.warning(
                    "%s: Marketo has kept import %d in its queue since %s UTC. Look at Admin > Bulk import jobs "
                    "for what holds it up. The run goes on waiting.",
                    self._run.label,
                    one.batch_id,
                    f"{one.announced_at:%Y-%m-%d %H:%M}",
                )

    def _take_in(self, workspace: Workspace, one: OpenImport, batch_id: int, status: ImportStatus) -> None:
        if status.state == "Failed":
            logger.warning("%s: import %d failed as a whole; its rows are sent again.", self._run.label, batch_id)
            rows = self._save(workspace, f"SELECT {_FAILED} FROM {self._untouched(workspace, one)}")
            self._records.ended(one.name, rows)
            return
        imports, field = self._run.marketo.imports, self._run.field
        failures: list[ImportProblem] = []
        if status.failed:
            (held,) = workspace.row(f"SELECT count(*) FROM read_parquet({workspace.fetch(one.rows)})")
            # No more than tells that there are too many.
            failures += islice(imports.failures(batch_id, field=field), held + 1)
        if len(failures) != status.failed:
            raise ImportUnreadable(
                f"{self._run.label}: Marketo says that {status.failed:,} rows of import {batch_id} failed, and "
                f"its file names {len(failures):,}. What became of the rows is not guessed: they are sent again "
                "once Marketo has forgotten the import, seven days after it. Look at the import in Marketo."
            )
        warnings = imports.warnings(batch_id, field=field) if status.warned else ()
        self._load(workspace, failures)
        (strange,) = workspace.row(
            f"SELECT count(*) FROM failed ANTI JOIN read_parquet({workspace.fetch(one.rows)}) AS held "
            "ON failed.email = lower(held.address)"
        )
        if strange:
            raise ImportUnreadable(
                f"{self._run.label}: Marketo's file of the failed rows of import {batch_id} names {strange:,} "
                "addresses that the import does not hold. Which rows it means is not guessed: they are sent again "
                "once Marketo has forgotten the import, seven days after it. Look at the import in Marketo."
            )
        workspace.run(
            f"CREATE OR REPLACE TABLE outcome AS SELECT {_OUTCOME} FROM {self._untouched(workspace, one)} "
            "LEFT JOIN failed ON lower(address) = failed.email",
            now=self._run.clock.now(),
        )
        (imported,) = workspace.row("SELECT count(*) FROM outcome WHERE flag = 'true'")
        refused = workspace.batches(
            "SELECT code, count(*) AS records FROM outcome WHERE code IS NOT NULL GROUP BY code", 1000
        )
        codes = [(row["code"], row["records"]) for batch in refused for row in batch.to_pylist()]
        self._records.ended(one.name, self._save(workspace, f"SELECT {COLUMNS} FROM outcome"))
        self._report.add_import(
            imported, refused=dict(codes), warnings=Counter(_code(row.reason) for row in warnings)
        )
        logger.info("%s: import %d has set %d True.", self._run.label, batch_id, imported)

    def _load(self, workspace: Workspace, failures: list[ImportProblem]) -> None:
        path = workspace.scratch / secrets.token_hex(16)
        said = {
            "email": [row.address.lower() for row in failures],
            "said": [_code(row.reason) for row in failures],
        }
        path.write_bytes(parquet(pa.table(said, schema=_SAID)))
        workspace.run(
            "CREATE OR REPLACE TABLE failed AS SELECT email, min(said) AS said "
            f"FROM read_parquet({quoted(path)}) GROUP BY email"
        )

    def _untouched(self, workspace: Workspace, one: OpenImport) -> str:
        """Return where the rows of a file are to be had that no later intent names."""
        rows = f"read_parquet({workspace.fetch(one.rows)})"
        for later in one.later:
            rows = (
                f"(SELECT held.* FROM {rows} AS held ANTI JOIN read_parquet({workspace.fetch(later)}) AS later "
                "USING (key_high, key_low))"
            )
        return rows

    def _save(self, workspace: Workspace, query: str) -> str:
        path = f"{self._folder}/{secrets.token_hex(16)}.parquet"
        workspace.save(query, path)
        self.pieces.append(path)
        return path


# A file that failed as a whole goes once more by import, then by sync leads: `tries` counts.
_FAILED = (
    "key_high, key_low, address, 'unknown' AS flag, was_true, true AS may_hold, NULL::VARCHAR AS code, lead_ids, "
    "tries + 1 AS tries, NULL::TIMESTAMPTZ AS next_try"
)
_OUTCOME = f"""
    key_high, key_low, address,
    CASE WHEN said IS NULL THEN 'true' WHEN said = '{_BY_SYNC_LEADS}' OR may_hold THEN 'unknown' ELSE 'refused' END
        AS flag,
    said IS NULL OR was_true AS was_true,
    said IS NULL OR said = '{_BY_SYNC_LEADS}' OR may_hold AS may_hold,
    nullif(said, '{_BY_SYNC_LEADS}') AS code,
    lead_ids,
    CASE WHEN said IS NULL THEN 0 WHEN said = '{_BY_SYNC_LEADS}' THEN {IMPORT_TRIES} ELSE tries + 1 END AS tries,
    CASE WHEN said <> '{_BY_SYNC_LEADS}' THEN $now + {wait_sql("tries")} END AS next_try
"""


def _code(reason: str) -> str:
    text = reason.lower()
    return next((code for part, code in _CODES if part in text), _OTHER)
