"""What is told, and when: once when it begins, once when it is well again."""

from datetime import datetime
from pathlib import Path

import pytest

from marketo_provider.notify import NOTICE_KINDS, NoticeKind, Notifier
from marketo_provider.state.store import LocalStore
from marketo_provider.sync.notices import Notices, Told, by_name, kinds_of, read_notices, to_tell, write_notices
from marketo_provider.sync.summary import LastRun, Summary
from marketo_provider.sync.troubles import Trouble
from tests.sync.standings import NOW, a_settle, a_stop, a_summary, an_export, hours_ago

SINCE = hours_ago(3)
TOLD = Told(since=SINCE)
ALL: list[NoticeKind] = list(NOTICE_KINDS)


def trouble(cause: str = "") -> Trouble:
    """Return a trouble that has just begun."""
    return Trouble(since=hours_ago(0.1), cause=cause, short="it is wrong", text="What to do.")


def changes(
    told: dict[NoticeKind, Told], troubles: dict[NoticeKind, Trouble], last: LastRun | None = None
) -> list[tuple[str, bool]]:
    """Return what is told: its kind, and whether it is well again."""
    return [(notice.kind, notice.well) for notice, _ in to_tell(an_export(), told, troubles, last=last)]


@pytest.mark.parametrize("kind", ALL)
def test_what_begins_is_told_and_then_no_more(kind: NoticeKind) -> None:
    """The message names the export and says what to do."""
    ((notice, told),) = to_tell(an_export(), {}, {kind: trouble()}, last=None)

    assert notice.subject == "Cohort export trial_users: it is wrong"
    assert notice.text.startswith("What to do.")
    assert told is not None
    assert changes({kind: told}, {kind: trouble()}, a_settle()) == []


@pytest.mark.parametrize("kind", ALL)
def test_what_is_over_is_told_once(kind: NoticeKind) -> None:
    """It says since when it was wrong."""
    ((notice, told),) = to_tell(an_export(), {kind: TOLD}, {}, last=a_settle())

    assert told is None
    assert "well again" in notice.subject
    assert "2026-11-24 09:00 UTC" in notice.text
    assert changes({}, {}, a_settle()) == []


@pytest.mark.parametrize("kind", ALL)
def test_what_cannot_be_seen_is_not_over(kind: NoticeKind) -> None:
    """A summary is missing, or the Connection that leads to it."""
    assert changes({kind: TOLD}, {}, None) == []


@pytest.mark.parametrize(
    "last", [a_settle(hours=4), a_settle(hours=1, failure="drift"), a_settle(hours=1, goes_on=True)]
)
@pytest.mark.parametrize("kind", ["failure", "stopped"])
def test_only_a_delivery_ends_a_stop_and_a_failure(kind: NoticeKind, last: LastRun) -> None:
    """Not an older one, nor one that failed itself, nor a part of one; nor that the next run waits."""
    assert changes({kind: TOLD}, {}, last) == []


def test_a_part_of_a_delivery_leaves_nothing_over_yet() -> None:
    """It is known once the run has ended; that the field is no longer stale, at once."""
    assert changes({"left_over": TOLD, "refused": TOLD, "stale": TOLD}, {}, a_settle(goes_on=True)) == [
        ("stale", True)
    ]


def test_a_stop_for_another_reason_is_told() -> None:
    """Another thing is to be done; it is still wrong since the first."""
    ((_, told),) = to_tell(
        an_export(),
        {"stopped": Told(since=SINCE, cause="GuardStopped")},
        {"stopped": trouble("AccessDenied")},
        last=None,
    )

    assert told == Told(since=SINCE, cause="AccessDenied")


def test_notifiers_are_known_by_class_and_number() -> None:
    """Not by what they are given, which may be a secret."""
    one = Notifier(notifier="a.B", arguments={"token": "hush"})
    other = one.model_copy(update={"arguments": {}})

    named = by_name((one, Notifier(notifier="c.D"), other))

    assert list(named) == ["a.B#1", "c.D#1", "a.B#2"]
    assert (named["a.B#1"], named["a.B#2"]) == (one, other)


def test_age_is_told_only_where_it_is_declared() -> None:
    """And what `tell_of` names."""
    notifier = Notifier(notifier="a.B", tell_of=("failure", "stale"))

    assert kinds_of(an_export(), notifier) == ("failure",)
    assert kinds_of(an_export(stale_after="6h"), notifier) == ("failure", "stale")


def test_what_was_told_is_remembered(tmp_path: Path) -> None:
    """For each export apart; a damaged file is told anew."""
    store, export, other = LocalStore(tmp_path), an_export(), an_export(name="other")
    notices = Notices(failed_runs=3, failed_at=SINCE).after("a.B#1", "stale", TOLD)

    write_notices(store, export, notices)

    assert read_notices(store, export) == notices
    assert read_notices(store, other) == Notices()
    store.write("notices/cohort_export__trial_users.json", b"{")
    assert read_notices(store, export) == Notices()


def test_what_is_no_longer_declared_is_forgotten() -> None:
    """A notifier that is taken out, and what one no longer tells of."""
    notices = Notices().after("a.B#1", "stale", TOLD).after("a.B#1", "failure", TOLD).after("c.D#1", "stale", TOLD)

    kept = notices.only({"a.B#1": ["failure"], "e.F#1": ["stale"]})

    assert kept == Notices(told={"a.B#1": {"failure": TOLD}, "e.F#1": {}})


ASKED = a_summary(a_settle(), a_stop("asks"))
WAITS = a_summary(a_settle(), a_stop("waits"))
AS_BEFORE, NEW = a_summary(a_settle(hours=2)), a_summary(a_settle())


@pytest.mark.parametrize(
    ("before", "now", "summary", "failed_at"),
    [
        (7, 8, AS_BEFORE, NOW),
        (7, 8, WAITS, NOW),
        (7, 8, None, NOW),
        (7, 8, ASKED, None),
        (7, 8, NEW, None),
        (7, 7, AS_BEFORE, None),
        (7, 5, AS_BEFORE, None),
        (None, 7, AS_BEFORE, None),
    ],
)
def test_one_more_failed_run_is_a_failure(
    before: int | None, now: int, summary: Summary | None, failed_at: datetime | None
) -> None:
    """Unless one has said why it stopped, or delivered since. Which are new nobody knows at the first look."""
    notices = Notices(failed_runs=before, settled_at=hours_ago(2))

    seen = notices.seen(an_export(), summary, failed_runs=now, now=NOW)

    assert (seen.failed_runs, seen.failed_at) == (now, failed_at)


def test_a_failure_is_not_forgotten_by_the_next_look() -> None:
    """Its notifier may have failed too."""
    notices = Notices(failed_runs=7, failed_at=SINCE)

    assert notices.seen(an_export(), None, failed_runs=7, now=NOW) == notices
