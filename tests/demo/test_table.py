"""The table of the demo."""

from datetime import UTC, datetime

from include.demo.exports import TRIAL_USERS
from include.demo.runs import Chapter, Report
from include.demo.table import table
from include.demo.truth import Cohort


def test_a_run_is_a_line_under_the_headings() -> None:
    """Numbers stand under their headings, in thousands, and the time in seconds."""
    report = Report(
        profiles=50_000,
        without_email=13_000,
        invalid_email=6_000,
        duplicate_email=3_999,
        members=27_001,
        entered=1,
        exited=2,
        set_true=3,
        set_false=4,
        created=5,
        refused=6,
        left_over=7,
        api_calls=8,
        started_at=datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC),
        finished_at=datetime(2026, 1, 1, 0, 1, 1, 500_000, tzinfo=UTC),
    )
    cohort = Cohort(profiles=0, without_email=0, invalid_email=0, duplicate_email=0, members=frozenset())

    chapter = Chapter(TRIAL_USERS, frozenset(), cohort, frozenset(), reports=[report])

    headings, _, line = table([chapter]).split("\n")

    assert " ".join(headings.split()) == (
        "export sync type profiles without e-mail invalid duplicate members entered exited set True set False "
        "created refused API calls seconds"
    )
    assert " ".join(line.split()) == "trial_users dynamic 50,000 13,000 6,000 3,999 27,001 1 2 3 4 5 6 8 61.5"
    assert headings.index("profiles") + len("profiles") == line.index("50,000") + len("50,000")
