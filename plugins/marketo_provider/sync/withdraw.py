"""Setting leads False because a person asks for it, by the ordinary delivery: lease, intent, journal, limits, ids.

It ends as a run does that dies in the middle: what was announced and is not acknowledged is `unknown`, and whoever
comes next sends it again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from marketo_provider.errors import ImportsUnderWay, LeaseLost, MarketoProviderError, QuotaExhausted
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import Key, load_ledger
from marketo_provider.state.records import Claim
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.budget import Budget, calls_again_at
from marketo_provider.sync.changes import changes_of, find_changes
from marketo_provider.sync.delivery import Delivery
from marketo_provider.sync.import_records import ImportRecords
from marketo_provider.sync.import_wait import has_ended
from marketo_provider.sync.imports import ImportCollector
from marketo_provider.sync.intent import announce
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Work
from marketo_provider.sync.sharing import join_instance, leave_instance
from marketo_provider.sync.turn import CreateTurn

_LOOK_SECONDS = 1.0


class Withdrawal:
    """Sets leads of a target False.

    Args:
        work: what to work with.
        lease: the target's, held.
        number: of the snapshot that the changes are announced under; an older one is superseded by them.
    """

    def __init__(self, work: Work, lease: Lease, number: int) -> None:
        name = f"{number:08d}"
        self.report = _report(work, name)
        self._work = work
        self._lease = lease
        self._number = number
        self._folder = f"{work.folder}/runs/{name}"
        self._journal = Journal(lease, work.clock, self._folder)
        self._presence = work.presence()
        records = ImportRecords(lease, self._presence)
        self._imports = ImportCollector(work, lease, records, self.report, folder=self._journal.folder)
        self._delivery: Delivery | None = None

    @contextmanager
    def under_lease(self) -> Iterator[None]:
        """Keep what was answered whatever happens, and give the lease back unless a request may still land."""
        with self._lease.given_back(unless=lambda: self.may_land), self.kept():
            yield

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep what was answered whatever happens."""
        try:
            yield
        except LeaseLost:
            self._leave()
            raise
        except MarketoProviderError:
            self._journal.flush()
            self._leave()
            raise

    def collect_imports(self, workspace: Workspace) -> None:
        """Take in what has become of files, some of whose leads may hold True."""
        self._imports.collect(workspace)

    def send(self, workspace: Workspace, claim: Claim, only: Key | None = None) -> None:
        """Set all that may hold True False, or `only` one address.

        Raises:
            QuotaExhausted: the calls of the day are spent before all was sent.
        """
        load_ledger(workspace, self._lease.log.target)
        this = only.sql if only else "true"
        # A lead that has passed on to somebody who stays keeps its flag.
        workspace.run(
            "CREATE OR REPLACE VIEW members AS "
            f"SELECT key_high, key_low, address FROM ledger WHERE may_hold AND NOT {this}"
        )
        find_changes(
            workspace,
            now=self._work.clock.now(),
            exits=True,
            create_leads=False,
            full_refresh=False,
            retry_refused=True,
            imports=self._lease.log.target.imports,
        )
        for table in ("changes", "forgotten"):
            workspace.run(f"DELETE FROM {table} WHERE NOT {this}")
        workspace.run("DELETE FROM changes WHERE value")
        (total,) = workspace.row("SELECT count(*) FROM changes")
        if total:
            join_instance(self._work, self._lease, self._presence)
            announce(self._work, self._lease, workspace, self._number, claim)
            self._deliver(workspace, total)

    def _deliver(self, workspace: Workspace, total: int) -> None:
        work = self._work
        delivery = Delivery(
            work,
            self._lease,
            self._presence,
            CreateTurn(self._presence, work.clock, partial(has_ended, work.marketo)),
            workspace,
            journal=self._journal,
            report=self.report,
            budget=Budget(work.marketo, work.limits),
            total=total,
        )
        self._delivery = delivery
        delivery.send(changes_of(workspace, value=False), exits=True)
        delivery.outlast()
        self._journal.flush()
        self._leave()
        if delivery.out_of_calls:
            raise QuotaExhausted(
                f"{work.label}: our share of Marketo's calls of today is spent; {self.report.left_over:,} leads "
                "are still to be set False. Run the command again when there are calls.",
                resume_at=calls_again_at(work.clock.now()),
            )

    def check_imports(self) -> None:
        """Stop where files are under way that may still set leads True.

        Raises:
            ImportsUnderWay: says until when at most.
        """
        imports = self._lease.log.target.imports
        if not imports:
            return
        jobs = [one.batch_id for one in imports if one.batch_id is not None]
        raise ImportsUnderWay(
            f"{self._work.label}: Marketo is importing files, or may be (import jobs: "
            f"{', '.join(map(str, jobs)) or 'unknown'}). What is in them may still become True. Run the command "
            "again when they have ended; a file without an answer counts for 24 hours.",
            resume_at=self._work.clock.now(),
            batch_ids=jobs,
        )

    @property
    def may_land(self) -> bool:
        """Whether a request that gave no answer may still take effect."""
        return self._delivery is not None and self._delivery.may_land

    def _leave(self) -> None:
        leave_instance(self._presence, may_land=self.may_land)


def _report(work: Work, snapshot: str) -> Report:
    counts = ("profiles", "missing_profiles", "without_email", "invalid_email", "duplicate_email", "members")
    return Report(
        export=work.export.name,
        field=work.field,
        run_id=work.run_id,
        snapshot=snapshot,
        started_at=work.clock.now(),
        **dict.fromkeys(counts, 0),  # type: ignore[arg-type] # no cohort was read
    )
