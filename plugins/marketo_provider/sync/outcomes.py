"""What became of changes: kept in the journal, counted in the report and in the progress."""

from dataclasses import replace

from marketo_provider.clock import Clock
from marketo_provider.marketo.client import LeadResults
from marketo_provider.state.ledger import Flag, LedgerRow
from marketo_provider.sync.changes import ChangeColumns
from marketo_provider.sync.course import Course, written_rows
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.progress import Progress
from marketo_provider.sync.report import Report


class Outcomes:
    """Takes each change once, at the end of its way through a delivery.

    Args:
        journal: takes the ledger's rows.
        report: counts them.
        progress: tells of them in the log.
        clock: time.
    """

    def __init__(self, journal: Journal, report: Report, progress: Progress, clock: Clock) -> None:
        self._journal = journal
        self._report = report
        self._progress = progress
        self._clock = clock

    def end(self, course: Course) -> None:
        """Take a course that has no further step."""
        row = course.outcome(self._clock.now())
        # A file under way may have the last word, whatever is answered here.
        self._journal.add(_undecided(row) if course.change.importing and row.flag is not Flag.TRUE else row)
        self._progress.add(1)
        if row.code:
            self._report.refuse(row.code)
        elif row.flag is Flag.TRUE:
            self._report.set_true += 1
        elif row.flag is Flag.FALSE and course.written:
            self._report.set_false += 1
        else:
            self._report.not_in_marketo += 1

    def written(self, changes: ChangeColumns, results: LeadResults, lead_ids: list[int]) -> None:
        """Take changes that were all written by their first request, as nearly all are."""
        self._journal.add_columns(written_rows(changes, lead_ids))
        self._progress.add(len(changes))
        created = results.statuses.count("created")
        self._report.add_leads(created=created, updated=len(changes) - created)
        if changes.value:
            self._report.set_true += len(changes)
        else:
            self._report.set_false += len(changes)

    def put_back(self, unsent: Course | ChangeColumns) -> None:
        """Give what was not sent its ledger row back; what was sent, in part or in doubt, stays unknown."""
        if isinstance(unsent, ChangeColumns):
            self._report.left_over += len(unsent)
            self._journal.add_columns(unsent.before)
        else:
            self._report.left_over += 1
            if unsent.untouched:
                self._journal.add(unsent.change.row)
        self._journal.keep()


def _undecided(row: LedgerRow) -> LedgerRow:
    return replace(row, flag=Flag.UNKNOWN, may_hold=True, code=None, next_try=None)
