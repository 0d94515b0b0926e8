"""How the entered go in this part of a run: by sync leads, or in which files. Rules 7 and 12 of the sync."""

from dataclasses import replace
from datetime import timedelta
from itertools import islice

from marketo_provider.marketo.limits import WINDOW_SECONDS
from marketo_provider.state.ledger import Flag, LedgerRow
from marketo_provider.state.log import TargetLog
from marketo_provider.state.snapshots import Snapshot
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.budget import Budget
from marketo_provider.sync.changes import Extent
from marketo_provider.sync.import_files import ImportFile, write_import_files
from marketo_provider.sync.importable import importable_rows, keep_in_files, mark_importable, unmark_importable
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.report import Report
from marketo_provider.sync.route import choose_route
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.snapshot import USABLE_FOR

_TOO_LONG = "import_too_long"
# A snapshot that a retry found nearly too old is no reason to import a handful of changes.
_SHORTEST = timedelta(minutes=10)


class Entries:
    """Chooses the route of the entered.

    Args:
        run: the run.
        log: the target's, which knows the files under way.
        journal: takes a row that no file has room for.
        report: is told the route, and why.
        snapshot: what is delivered.
    """

    def __init__(self, run: Run, log: TargetLog, journal: Journal, report: Report, snapshot: Snapshot) -> None:
        self.left = 0
        self._run = run
        self._log = log
        self._journal = journal
        self._report = report
        self._snapshot = snapshot

    def choose(self, workspace: Workspace, extent: Extent, budget: Budget) -> list[ImportFile]:
        """Choose, and return the files of this part of the run; `left` is how many must wait for the next."""
        run = self._run
        importable = mark_importable(workspace)
        usable_for = max(self._snapshot.begun_at + USABLE_FOR - run.clock.now(), _SHORTEST)
        route = choose_route(
            entered=importable,
            exited=max(0, extent.to_send - importable),
            calls_left=budget.left_for_entries(),
            calls_per_second=run.limits.calls_per_20_seconds / WINDOW_SECONDS,
            seconds_left=None if run.one_time else usable_for.total_seconds(),
            may_create=run.export.create_leads,
            forced=run.route,
        )
        self._report.route, self._report.route_reason = route.name, route.reason
        logger.info("%s: goes by %s: %s.", run.label, route.name, route.reason)
        if route.name == "sync_leads":
            unmark_importable(workspace)
            return []
        places = max(0, run.limits.bulk_jobs_queued - len(self._log.target.imports))
        files = write_import_files(workspace, importable_rows(), field=run.field, refuse=self._refuse)
        chosen = list(islice(files, places))
        self.left = keep_in_files(workspace, [file.rows for file in chosen])
        return chosen

    def _refuse(self, row: LedgerRow) -> None:
        next_try = self._run.clock.now() + timedelta(days=1)
        flag = Flag.UNKNOWN if row.may_hold else Flag.REFUSED
        self._journal.add(replace(row, flag=flag, code=_TOO_LONG, next_try=next_try))
        self._report.refuse(_TOO_LONG)
