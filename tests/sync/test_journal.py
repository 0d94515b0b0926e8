"""Rule 15: answers become durable every ten seconds or 3,000 records."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from marketo_provider.errors import LeaseLost, StoreUnavailable
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import Flag, Key, LedgerRow, column_rows
from marketo_provider.state.log import TargetLog
from marketo_provider.state.store import LocalStore
from marketo_provider.sync.journal import Journal
from tests.sync.world import VirtualClock


class Scene:
    """A journal under a lease."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.lease = self.leased("me")
        self.journal = Journal(self.lease, self.clock)

    def leased(self, holder: str) -> Lease:
        """Take the target's lease."""
        log = TargetLog(LocalStore(self.folder), "target", self.clock)
        lease = Lease(log, holder, lease_seconds=120, replay_after_seconds=90, clock=self.clock)
        lease.take()
        return lease

    def add(self, count: int) -> None:
        """Add so many answers."""
        for number in range(count):
            self.journal.add(LedgerRow(Key(0, number), f"user{number}@example.com", Flag.TRUE))

    def durable(self) -> int:
        """Return how many rows a reader of the log finds."""
        target = TargetLog(LocalStore(self.folder), "target", self.clock).target
        return sum(pq.read_metadata(self.folder / path).num_rows for path in target.deltas)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A scene of its own for each test."""
    return Scene(tmp_path)


def test_a_piece_that_could_not_be_written_is_written_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's end writes it again; a row that comes twice would be sent twice in one request."""
    scene.add(2)
    with monkeypatch.context() as broken:
        broken.setattr(LocalStore, "write", _fail)
        with pytest.raises(StoreUnavailable):
            scene.journal.flush()

    scene.journal.flush()

    assert scene.durable() == 2


def _fail(*_: object) -> None:
    raise StoreUnavailable("Later.")


def test_few_answers_wait(scene: Scene) -> None:
    """For ten seconds."""
    scene.add(2999)
    scene.clock.sleep(9)

    scene.journal.keep()

    assert scene.durable() == 0


def test_ten_seconds_after_the_first_answer_all_are_kept(scene: Scene) -> None:
    """Counted from when there was something to keep."""
    scene.clock.sleep(100)
    scene.add(1)
    scene.journal.keep()
    assert scene.durable() == 0
    scene.clock.sleep(10)

    scene.journal.keep()

    assert scene.durable() == 1


def test_three_thousand_answers_are_kept_at_once(scene: Scene) -> None:
    """And the next ones count from zero."""
    scene.add(3000)
    scene.journal.keep()
    scene.add(1)

    scene.journal.keep()

    assert scene.durable() == 3000


def test_what_is_left_is_kept_at_the_end(scene: Scene) -> None:
    """A piece each time."""
    scene.add(2)

    scene.journal.flush()

    assert scene.durable() == 2
    assert len(scene.journal.pieces) == 1


def test_answers_as_columns_count_like_single_ones(scene: Scene) -> None:
    """And are kept in the same piece."""
    scene.add(1)
    scene.journal.add_columns(column_rows(LedgerRow(Key(1, n), "ann@example.com", Flag.TRUE) for n in range(2999)))

    scene.journal.keep()

    assert scene.durable() == 3000
    assert len(scene.journal.pieces) == 1


def test_nothing_to_keep_is_no_record(scene: Scene) -> None:
    """The log stays as it is."""
    number = scene.lease.log.target.number

    scene.journal.flush()

    assert scene.lease.log.refresh().number == number


def test_a_run_without_the_lease_keeps_nothing(scene: Scene) -> None:
    """Whoever has it now will find those answers missing, and ask again."""
    scene.add(1)
    scene.clock.sleep(230)
    scene.leased("another")

    with pytest.raises(LeaseLost):
        scene.journal.flush()

    assert scene.durable() == 0
