"""What is written down of an import, in the target's log and in the instance's. Rules 11 and 12 of the sync."""

from marketo_provider.state.lease import Lease
from marketo_provider.state.presence import Presence
from marketo_provider.state.records import ImportAnnounced, ImportEnded, ImportQueued


class ImportRecords:
    """Tells both logs of a file, and of what has become of it.

    Args:
        lease: held, on the target.
        presence: on the instance, whose turn a file under way keeps from others.
    """

    def __init__(self, lease: Lease, presence: Presence) -> None:
        self._lease = lease
        self._presence = presence

    def announce(self, name: str, rows: str) -> None:
        """Say, before the upload, that a file with these ledger rows may be imported from here on."""
        self._presence.announce_file(name)
        announced = ImportAnnounced(at=self._lease.now(), by=self._lease.holder, name=name, rows=rows)
        self._lease.append(announced)

    def queued(self, name: str, batch_id: int) -> None:
        """Say which job an announced file has become."""
        queued = ImportQueued(at=self._lease.now(), by=self._lease.holder, name=name, batch_id=batch_id)
        self._lease.append(queued)
        self._presence.note_queued(name, batch_id)

    def ended(self, name: str, rows: str | None) -> None:
        """Say that an announced file changes no lead any more, and which ledger rows that makes, where known."""
        self._lease.append(ImportEnded(at=self._lease.now(), by=self._lease.holder, name=name, rows=rows))
        self._presence.note_ended(name)
