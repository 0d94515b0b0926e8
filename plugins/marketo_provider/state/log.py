"""The log of one target: who may write to it, what was to be sent, what was answered, how runs ended."""

from marketo_provider.clock import Clock
from marketo_provider.state.numbered_log import NumberedLog
from marketo_provider.state.records import Record, Settled, decode
from marketo_provider.state.store import Store
from marketo_provider.state.target import Target


class TargetLog(NumberedLog[Target, Record]):
    """The log of one target, and the state that it folds to.

    Args:
        store: where it lies.
        folder: the target's own folder, `marketo/<host>/<field>`.
        clock: paces the repetition of an append that the storage failed.
    """

    def __init__(self, store: Store, folder: str, clock: Clock) -> None:
        super().__init__(store, folder, clock, empty=Target(), decode=decode, checkpoint=Settled)

    @property
    def target(self) -> Target:
        """The state after the last record that was read."""
        return self.state

    def settled_snapshot(self, snapshot: int) -> Settled | None:
        """Return the last settle of a snapshot, if there is one."""
        if self.target.delivered < snapshot:
            return None
        found = None
        for _, record in self.records(snapshot + 1):
            if isinstance(record, Settled) and record.snapshot == snapshot:
                found = record
        return found
