from datetime import timedelta

from marketo_provider.state.records import Adopted, Journaled, LeaseGivenBack, LeaseRenewed, Record, Released
from marketo_provider.state.target import Holding, Target
from tests.state.support import NOW, begun, claim, intended, settled, taken

LATER = NOW + timedelta(minutes=1)


def fold(*records: Record) -> Target:
    """Return what records fold to, numbered from 1."""
    target = Target()
    for number, record in enumerate(records, start=1):
        target = target.after(number, record)
    return target


def test_a_target_has_the_number_of_its_last_record() -> None:
    """The next append follows it."""
    assert fold(begun(), taken()).number == 2


def test_a_snapshot_that_begins_is_remembered_by_its_run() -> None:
    """A run's next try finds the newest of the reads that it began."""
    target = fold(begun(run_id="run-1"), begun(run_id="run-2"), begun(run_id="run-1"))

    assert target.begun == {"run-1": 3, "run-2": 2}


def test_a_snapshot_that_begins_delivers_nothing() -> None:
    """Only an intent or a settle counts."""
    assert fold(begun()).delivered == 0


def test_a_lease_is_its_takers() -> None:
    """Who takes it holds it, from the record's time on."""
    assert fold(taken("try-1")).lease == Holding("try-1", NOW, 230)


def test_a_later_taker_holds_the_lease() -> None:
    """A takeover is another record of the same kind."""
    assert fold(taken("try-1"), taken("try-2", at=LATER)).lease == Holding("try-2", LATER, 230)


def test_any_record_of_the_holder_renews_the_lease() -> None:
    """Renewals, intents, answers and settles alike."""
    by, at = "try-1", LATER

    for record in (
        LeaseRenewed(at=at, by=by),
        intended(1, at=at),
        Journaled(at=at, by=by, rows="journal"),
        settled(1, at=at),
        begun(by, at=at),
    ):
        assert fold(taken(by), record).lease == Holding(by, at, 230)


def test_nobody_elses_record_renews_the_lease() -> None:
    """Another run that begins a snapshot says nothing about the holder."""
    assert fold(taken("try-1"), begun("try-2", at=LATER)).lease == Holding("try-1", NOW, 230)


def test_a_lease_given_back_is_nobodys() -> None:
    """The next run begins at once."""
    assert fold(taken(), LeaseGivenBack(at=NOW, by="try-1")).lease is None


def test_an_intent_claims_and_overlays_the_ledger() -> None:
    """What is about to be sent counts at once, and so does the snapshot."""
    target = fold(begun(), taken(), intended(1, "intent"))

    assert target.claim == claim()
    assert target.deltas == ("intent",)
    assert target.delivered == 1


def test_answers_overlay_the_intent() -> None:
    """Deltas are in the order of their records."""
    target = fold(taken(), intended(1, "intent"), Journaled(at=NOW, by="try-1", rows="answers"))

    assert target.deltas == ("intent", "answers")


def test_what_is_adopted_overlays_the_ledger_without_a_claim() -> None:
    """Adopting comes before the first run, which claims."""
    target = fold(taken(), Adopted(at=NOW, by="try-1", rows="adopted"))

    assert target.deltas == ("adopted",)
    assert target.claim is None


def test_an_older_snapshots_intent_does_not_lower_what_is_delivered() -> None:
    """Only forward."""
    assert fold(intended(7), intended(5)).delivered == 7


def test_a_settle_is_a_checkpoint() -> None:
    """What it says replaces all before it, so that folding may begin there."""
    record = settled(5, delivered=6)
    before = fold(begun(), taken(), intended(5, "intent"), Journaled(at=NOW, by="try-1", rows="answers"))

    from_the_start = before.after(9, record)

    assert from_the_start == Target().after(9, record)
    assert from_the_start.base == "base.parquet"
    assert from_the_start.base_rows == 3
    assert from_the_start.deltas == ("delta.parquet",)
    assert from_the_start.delivered == 6
    assert from_the_start.settled == record
    assert from_the_start.claim == record.claim
    assert from_the_start.lease == Holding("try-1", NOW, 230)


def test_a_release_forgets_claim_and_ledger() -> None:
    """The next export finds an empty target."""
    target = fold(taken("cli"), settled(1, by="cli"), Released(at=NOW, by="cli"))

    assert target.claim is None
    assert target.base is None
    assert target.deltas == ()
    assert target.settled is None
    assert target.lease == Holding("cli", NOW, 230)


def test_snapshots_begun_before_a_release_are_superseded() -> None:
    """Else a run that waited through the release would write to a field that is another's by now."""
    target = fold(begun(), taken("cli"), Released(at=NOW, by="cli"))

    assert target.delivered == 3
