"""What the log of a Marketo instance says: who delivers to it, and whose turn it is to create leads.

joined -> stayed ... -> left          turn_wanted -> turn_taken -> turn_given_back
file_announced -> file_queued -> file_ended

Limits are shared by all who deliver at the time, and no two may create leads at once: rules 11 and 13 of the sync.
The state is small, so that a checkpoint holds all of it.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from marketo_provider.clock import Clock
from marketo_provider.state.numbered_log import NumberedLog
from marketo_provider.state.records import Frozen, LogRecord, Moment, Seconds, decode_as
from marketo_provider.state.store import Store

# Who never came back for his turn is forgotten; he has not held anybody up meanwhile.
_FORGOTTEN_AFTER = timedelta(days=1)
# Longer than Marketo's window, and what clocks may differ by.
_CALLS_COUNT_FOR = timedelta(minutes=1)
# A small, stated risk: a file that Marketo took without an answer may be imported later than this.
_UNANSWERED_FOR = timedelta(minutes=30)


class Heard(Frozen):
    """One of whom others may think that he has gone, `takeover_seconds` after his last record."""

    holder: str
    last_at: Moment
    takeover_seconds: Seconds

    def silent(self, now: datetime) -> bool:
        """Whether his records have stopped for so long."""
        return now >= self.last_at + timedelta(seconds=self.takeover_seconds)


class Deliverer(Heard):
    """Who delivers: since record `number`; not `sending` while he has nothing to do but to wait for the turn."""

    number: int
    sending: bool = True


class Stopped(Frozen):
    """Who has stopped to send, since record `number` there. `calls`: those of his last 20 seconds, if he told."""

    number: int
    at: Moment
    calls: int | None


class Waiting(Frozen):
    """A run that wants the turn: since record `number`, looking for it as `holder`, or as nobody for a while."""

    run: str
    number: int
    holder: str
    at: Moment


class ImportUnderWay(Frozen):
    """An import job of one target that may still create leads; `batch_id` None where Marketo gave no answer."""

    target: str
    name: str
    announced_at: Moment
    batch_id: int | None = None

    def may_create(self, now: datetime) -> bool:
        """Whether the turn waits for it. A file that may never have been taken is waited for half an hour only."""
        return self.batch_id is not None or now < self.announced_at + _UNANSWERED_FOR


class Instance(Frozen):
    """The state of an instance after its record `number`; `summed` is the last checkpoint.

    `stopped`: who did so a moment before the last that did.
    """

    number: int = 0
    summed: int = 0
    deliverers: tuple[Deliverer, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    turn: Heard | None = None
    queue: tuple[Waiting, ...] = ()
    imports: tuple[ImportUnderWay, ...] = ()

    def after(self, number: int, record: "InstanceRecord") -> "Instance":
        """Return the state after `record`, which has that number."""
        state = _heard(self._changed_by(number, record), record)
        return state.model_copy(update={"number": number})

    def find(self, holder: str) -> Deliverer | None:
        """Return a deliverer, if he is there."""
        return next((one for one in self.deliverers if one.holder == holder), None)

    def next_in_turn(self, now: datetime) -> str | None:
        """Return who is to have the turn next: of those who are there, the one who has wanted it for longest."""
        there = {one.holder for one in self.deliverers if not one.silent(now)}
        return next((waiting.holder for waiting in self.queue if waiting.holder in there), None)

    def imports_of_others(self, target: str, now: datetime) -> list[ImportUnderWay]:
        """Return the import jobs of other targets that may still create leads."""
        return [one for one in self.imports if one.target != target and one.may_create(now)]

    def _changed_by(self, number: int, record: "InstanceRecord") -> "Instance":  # noqa: C901 - one a record's kind
        changed: dict[str, object] = {}
        match record:
            case Joined():
                joined = Deliverer(
                    holder=record.by,
                    last_at=record.at,
                    takeover_seconds=record.takeover_seconds,
                    number=number,
                )
                changed = {"deliverers": (*self._without(record.by), joined)}
            case Left():
                changed = {"deliverers": self._without(record.by), **self._stopped_by(record)}
            case TurnWanted():
                changed = {
                    "queue": self._queue_with(number, record),
                    **self._sending(record, sends=record.sending),
                }
            case TurnTaken():
                turn = Heard(holder=record.by, last_at=record.at, takeover_seconds=record.takeover_seconds)
                queue = tuple(waiting for waiting in self.queue if waiting.run != record.run)
                changed = {"turn": turn, "queue": queue, **self._sending(record, sends=True)}
            case TurnGivenBack():
                changed = {"turn": None}
            case FileAnnounced():
                one = ImportUnderWay(target=record.target, name=record.name, announced_at=record.at)
                changed = {"imports": (*self.imports, one)}
            case FileQueued():
                changed = {
                    "imports": tuple(
                        one.model_copy(update={"batch_id": record.batch_id}) if one.name == record.name else one
                        for one in self.imports
                    )
                }
            case FileEnded():
                changed = {"imports": tuple(one for one in self.imports if one.name != record.name)}
            case Summed():
                return record.instance.model_copy(update={"summed": number})
            case Stayed():
                pass
        return self.model_copy(update=changed)

    def _without(self, holder: str) -> tuple[Deliverer, ...]:
        return tuple(one for one in self.deliverers if one.holder != holder)

    def _queue_with(self, number: int, record: "TurnWanted") -> tuple[Waiting, ...]:
        waiting = Waiting(run=record.run, number=number, holder=record.by, at=record.at)
        queue = [one for one in self.queue if one.at > record.at - _FORGOTTEN_AFTER]
        for place, one in enumerate(queue):
            if one.run == record.run:
                queue[place] = waiting.model_copy(update={"number": one.number})
                return tuple(queue)
        return (*queue, waiting)

    def _sending(self, record: "TurnWanted | TurnTaken", *, sends: bool) -> dict[str, object]:
        before = self.find(record.by)
        if before is None or before.sending is sends:
            return {}
        deliverers = tuple(
            one.model_copy(update={"sending": sends}) if one is before else one for one in self.deliverers
        )
        stopped = self._stopped_by(record) if isinstance(record, TurnWanted) and not sends else {}
        return {"deliverers": deliverers, **stopped}

    def _stopped_by(self, record: "TurnWanted | Left") -> dict[str, object]:
        before = self.find(record.by)
        if before is None or not before.sending:
            return {}
        recent = (one for one in self.stopped if one.at > record.at - _CALLS_COUNT_FOR)
        return {"stopped": (*recent, Stopped(number=before.number, at=record.at, calls=record.calls))}


def _heard(state: Instance, record: "InstanceRecord") -> Instance:
    """Note when a record's author was heard of last."""
    deliverers = tuple(
        one.model_copy(update={"last_at": record.at}) if one.holder == record.by else one
        for one in state.deliverers
    )
    turn = state.turn
    if turn and turn.holder == record.by:
        turn = turn.model_copy(update={"last_at": record.at})
    return state.model_copy(update={"deliverers": deliverers, "turn": turn})


class Joined(LogRecord):
    """`by` delivers from here on, and counts until he leaves or is silent for `takeover_seconds`."""

    kind: Literal["joined"] = "joined"
    takeover_seconds: Seconds


class Stayed(LogRecord):
    """`by` is still there."""

    kind: Literal["stayed"] = "stayed"


class Left(LogRecord):
    """`by` sends nothing any more. A run that waits for its turn keeps its place in the queue.

    `calls`: how many of the last 20 seconds were its.
    """

    kind: Literal["left"] = "left"
    calls: int | None = None


class TurnWanted(LogRecord):
    """`run` wants to create leads; `sending` says whether it has other things to send meanwhile.

    `calls`: how many of the last 20 seconds were its.
    """

    kind: Literal["turn_wanted"] = "turn_wanted"
    run: str
    sending: bool
    calls: int | None = None


class TurnTaken(LogRecord):
    """`by` alone may create leads from here on, for `run`; taken over as a lease is."""

    kind: Literal["turn_taken"] = "turn_taken"
    run: str
    takeover_seconds: Seconds


class TurnGivenBack(LogRecord):
    """Nothing of `by` may still create a lead."""

    kind: Literal["turn_given_back"] = "turn_given_back"


class FileAnnounced(LogRecord):
    """A file that may create leads is about to be handed to bulk import, for `target`."""

    kind: Literal["file_announced"] = "file_announced"
    target: str
    name: str


class FileQueued(LogRecord):
    """Marketo has taken an announced file."""

    kind: Literal["file_queued"] = "file_queued"
    name: str
    batch_id: int


class FileEnded(LogRecord):
    """An announced file creates no lead any more; whoever has seen it may say so."""

    kind: Literal["file_ended"] = "file_ended"
    name: str


class Summed(LogRecord):
    """`by` is still there; and the state before this record, so that older ones need not be read."""

    kind: Literal["summed"] = "summed"
    instance: Instance


InstanceRecord = (
    Joined
    | Stayed
    | Left
    | TurnWanted
    | TurnTaken
    | TurnGivenBack
    | FileAnnounced
    | FileQueued
    | FileEnded
    | Summed
)
_RECORD: TypeAdapter[InstanceRecord] = TypeAdapter(Annotated[InstanceRecord, Field(discriminator="kind")])
decode_record = partial(decode_as, _RECORD)


class InstanceLog(NumberedLog[Instance, InstanceRecord]):
    """The log of one Marketo instance.

    Args:
        store: where it lies.
        folder: the instance's own folder, `marketo/<host>`.
        clock: paces the repetition of an append that the storage failed.
    """

    def __init__(self, store: Store, folder: str, clock: Clock) -> None:
        super().__init__(store, folder, clock, empty=Instance(), decode=decode_record, checkpoint=Summed)
