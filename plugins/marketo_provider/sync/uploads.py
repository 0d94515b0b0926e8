"""Handing files over to bulk import, in the create turn: announced first, and never twice. Rules 8, 11 and 12."""

import secrets

from marketo_provider.errors import (
    ImportQueueFull,
    NoAnswer,
    QuotaExhausted,
    StopAndAsk,
    VendorUnavailable,
)
from marketo_provider.state.lease import Lease
from marketo_provider.state.presence import Presence
from marketo_provider.state.records import ImportAnnounced, ImportEnded, ImportQueued
from marketo_provider.sync.budget import Budget
from marketo_provider.sync.import_files import ImportFile
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.turn import CreateTurn

_LOOK_SECONDS = 1.0


class Uploads:
    """Uploads a round's files.

    Args:
        run: the run.
        lease: held, and renewed here.
        presence: on the instance; renewed here.
        turn: the run's create turn.
        budget: the calls left.
    """

    def __init__(self, run: Run, lease: Lease, presence: Presence, turn: CreateTurn, budget: Budget) -> None:
        self.out_of_calls = False
        self.unanswered_rows = 0
        self._run = run
        self._lease = lease
        self._presence = presence
        self._turn = turn
        self._budget = budget

    def send(self, files: list[ImportFile]) -> int:
        """Hand over as many as the turn, the calls of the day and Marketo's queue let through.

        Returns how many rows are left for later. Those of a file that was given no answer are not among them.

        Raises:
            RequestRefused, AccessDenied: Marketo takes no file like this.
        """
        for number, file in enumerate(files):
            self.out_of_calls = not self._budget.allows(exits=False)
            if self.out_of_calls or not self._wait_for_turn():
                return sum(later.count for later in files[number:])
            if not self._send(file):
                unanswered = file.count if self.unanswered_rows else 0
                return sum(later.count for later in files[number:]) - unanswered
        return 0

    def _wait_for_turn(self) -> bool:
        while not (self._turn.open() and self._presence.ready):
            if self._turn.waited_long:
                return False
            self._turn.rest(idle=True)
            self._run.clock.sleep(_LOOK_SECONDS)
            self._keep()
        return True

    def _keep(self) -> None:
        self._lease.keep(at_least=self._run.settings.lease_seconds / 2)
        self._presence.keep(at_least=self._run.settings.lease_seconds / 2)

    def _send(self, file: ImportFile) -> bool:
        """Announce a file and hand it over; return whether another may follow."""
        run, name = self._run, secrets.token_hex(16)
        rows = f"{run.folder}/imports/{name}.parquet"
        run.store.publish(file.rows, rows)
        self._presence.announce_file(name)
        self._lease.append(ImportAnnounced(at=run.clock.now(), by=self._lease.holder, name=name, rows=rows))
        self._keep()
        try:
            batch_id = run.marketo.imports.create(
                file.csv,
                partition=run.export.partition or run.limits.partition,
                deadline=min(self._lease.deadline, self._presence.deadline),
            )
        except NoAnswer:
            self.unanswered_rows = file.count
            logger.warning(
                "%s: Marketo gave no answer to a file of %d rows. Whether it has taken it cannot be asked, so the "
                "rows are taken as under way for 24 hours.",
                run.label,
                file.count,
            )
            return False
        except (ImportQueueFull, VendorUnavailable, QuotaExhausted) as error:
            self._not_taken(name)
            self.out_of_calls = isinstance(error, QuotaExhausted)
            logger.info("%s: a file was not taken: %s", run.label, error)
            return False
        except StopAndAsk:
            self._not_taken(name)
            raise
        self._lease.append(ImportQueued(at=run.clock.now(), by=self._lease.holder, name=name, batch_id=batch_id))
        self._presence.note_queued(name, batch_id)
        logger.info("%s: handed %d rows over as import %d.", run.label, file.count, batch_id)
        return True

    def _not_taken(self, name: str) -> None:
        ended = ImportEnded(at=self._run.clock.now(), by=self._lease.holder, name=name, rows=None)
        self._lease.append(ended)
        self._presence.note_ended(name)
