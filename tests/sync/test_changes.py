"""Rules 4 and 5 in SQL: who enters, who leaves, who is let be, and which leads an exit goes to."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketo_provider.state.ledger import COLUMNS, Flag, Key, LedgerRow, encode_rows, load_ledger
from marketo_provider.state.store import LocalStore
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.changes import (
    Change,
    Extent,
    changes_of,
    find_changes,
    intent_rows,
    keep_first,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER, BEFORE = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)


def row(address: str, flag: Flag, **columns: Any) -> LedgerRow:
    """Return a ledger row; `true` and `unknown` may hold True."""
    held = flag in {Flag.TRUE, Flag.UNKNOWN}
    columns = {"may_hold": held, "was_true": flag is Flag.TRUE} | columns
    return LedgerRow(Key.of(address), address, flag, **columns)


class Scene:
    """A ledger and a cohort, and what changes between them."""

    def __init__(self, folder: Path) -> None:
        self.store = LocalStore(folder)
        self.workspace = Workspace(self.store, memory_limit="256MiB")

    def find(self, ledger: Iterable[LedgerRow], members: Iterable[str], **switches: Any) -> Extent:
        """Find the changes."""
        self.store.write("ledger.parquet", encode_rows(ledger))
        self.store.write("members.parquet", encode_rows(row(member, Flag.FALSE) for member in members))
        load_ledger(self.workspace, Target(base="ledger.parquet"))
        path = self.workspace.fetch("members.parquet")
        self.workspace.run(
            f"CREATE OR REPLACE VIEW members AS SELECT key_high, key_low, address FROM read_parquet({path})"
        )
        usual = {"exits": True, "create_leads": True, "full_refresh": False, "retry_refused": False}
        return find_changes(self.workspace, now=NOW, **(usual | switches))

    def changes(self, *, value: bool) -> list[Change]:
        """Return the entries or the exits."""
        changes: list[Change] = []
        for found in changes_of(self.workspace, value=value):
            changes += [found] if isinstance(found, Change) else found
        return sorted(changes, key=lambda change: change.row.address)

    def entered(self) -> list[str]:
        """Return the addresses that are to be set True."""
        return [change.row.address for change in self.changes(value=True)]

    def exited(self) -> list[str]:
        """Return the addresses that are to be set False."""
        return [change.row.address for change in self.changes(value=False)]

    def forgotten(self) -> list[str]:
        """Return the addresses that become `false` without a request."""
        batches = self.workspace.batches("SELECT address FROM forgotten ORDER BY address", 100)
        return [found["address"] for batch in batches for found in batch.to_pylist()]

    def intent(self) -> dict[str, LedgerRow]:
        """Return what an intent announces."""
        batches = self.workspace.batches(f"SELECT {COLUMNS} FROM ({intent_rows()})", 100)
        found = [dict(values) for batch in batches for values in batch.to_pylist()]
        assert len({values["address"] for values in found}) == len(found)
        return {
            values["address"]: LedgerRow(
                Key(values.pop("key_high"), values.pop("key_low")),
                flag=Flag(values.pop("flag")),
                lead_ids=tuple(values.pop("lead_ids")),
                **values,
            )
            for values in found
        }


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A scene of its own for each test."""
    scene = Scene(tmp_path)
    with scene.workspace:
        yield scene


def test_who_is_in_the_cohort_and_not_in_the_ledger_enters(scene: Scene) -> None:
    """In the form of the snapshot."""
    extent = scene.find([], ["Ann@example.com"])

    assert scene.entered() == ["Ann@example.com"]
    assert (extent.entered, extent.exited, extent.to_send) == (1, 0, 1)


def test_who_is_true_already_is_let_be(scene: Scene) -> None:
    """In any case of letters."""
    extent = scene.find([row("ann@example.com", Flag.TRUE)], ["ANN@example.com"])

    assert extent.to_send == 0


def test_the_form_sent_before_is_sent_again(scene: Scene) -> None:
    """Not the snapshot's present one."""
    scene.find([row("Ann@example.com", Flag.FALSE)], ["ANN@EXAMPLE.COM"])

    assert scene.entered() == ["Ann@example.com"]


@pytest.mark.parametrize("flag", [Flag.TRUE, Flag.UNKNOWN])
def test_who_left_and_may_hold_true_exits(scene: Scene, flag: Flag) -> None:
    """Whether or not Marketo has acknowledged it."""
    scene.find([row("ann@example.com", flag), row("bob@example.com", Flag.FALSE)], [])

    assert scene.exited() == ["ann@example.com"]


def test_who_is_unknown_enters_again(scene: Scene) -> None:
    """An answer is missing."""
    scene.find([row("ann@example.com", Flag.UNKNOWN)], ["ann@example.com"])

    assert scene.entered() == ["ann@example.com"]


@pytest.mark.parametrize(
    ("next_try", "retry_refused", "entered"),
    [(LATER, False, 0), (NOW, False, 1), (BEFORE, False, 1), (LATER, True, 1)],
)
def test_a_refused_entry_waits_for_its_next_try(
    scene: Scene,
    next_try: datetime,
    retry_refused: bool,  # noqa: FBT001 - a parameter of pytest
    entered: int,
) -> None:
    """Unless `retry_refused` asks now."""
    ann = row("ann@example.com", Flag.REFUSED, code="1003", tries=1, next_try=next_try)

    extent = scene.find([ann], ["ann@example.com"], retry_refused=retry_refused)

    assert extent.entered == entered


def test_an_entry_refused_in_part_waits_too(scene: Scene) -> None:
    """One of his leads holds True, the other is refused."""
    ann = row("ann@example.com", Flag.UNKNOWN, code="1008", tries=1, next_try=LATER)

    assert scene.find([ann], ["ann@example.com"]).entered == 0


def test_an_entry_refused_in_part_exits_at_once(scene: Scene) -> None:
    """Who has left must not be mailed: the next try was the entry's."""
    ann = row("ann@example.com", Flag.UNKNOWN, code="1008", tries=5, next_try=LATER, lead_ids=(7,))

    scene.find([ann], [])

    assert scene.exited() == ["ann@example.com"]


@pytest.mark.parametrize(
    ("next_try", "retry_refused", "exited"), [(LATER, False, 0), (NOW, False, 1), (LATER, True, 1)]
)
def test_a_refused_exit_waits_for_its_next_try(
    scene: Scene,
    next_try: datetime,
    retry_refused: bool,  # noqa: FBT001 - a parameter of pytest
    exited: int,
) -> None:
    """And is not forgotten, for the lead holds True still."""
    ann = row("ann@example.com", Flag.REFUSED, may_hold=True, code="1008", tries=1, next_try=next_try)

    extent = scene.find([ann], [], retry_refused=retry_refused)

    assert (extent.exited, scene.forgotten()) == (exited, [])


@pytest.mark.parametrize(("tries", "days"), [(1, 1), (3, 4), (9, 30)])
@pytest.mark.parametrize("members", [["ann@example.com"], []])
def test_a_run_that_goes_on_asks_once_for_who_was_refused(
    scene: Scene, tries: int, days: int, members: list[str]
) -> None:
    """Who was refused before the run began, and not by the run itself: the wait tells when that was."""
    ann = row("ann@example.com", Flag.REFUSED, may_hold=not members, code="1003", tries=tries)

    def found(refused_at: datetime) -> int:
        waits = replace(ann, next_try=refused_at + timedelta(days=days))
        return scene.find([waits], members, retry_refused=True, began_at=NOW).to_send

    assert (found(BEFORE), found(LATER)) == (1, 0)


def test_who_comes_back_after_a_refused_exit_enters_at_once(scene: Scene) -> None:
    """One of his leads may be False by now: the next try was the exit's."""
    ann = row("ann@example.com", Flag.REFUSED, may_hold=True, code="1008", tries=5, next_try=LATER)

    scene.find([ann], ["ann@example.com"])

    assert scene.entered() == ["ann@example.com"]


@pytest.mark.parametrize("flag", [Flag.REFUSED, Flag.ABSENT])
def test_who_left_and_was_never_set_is_forgotten(scene: Scene, flag: Flag) -> None:
    """Nothing is sent, and whoever comes back enters anew."""
    ann = row("ann@example.com", flag, code="1003", tries=3, next_try=LATER, lead_ids=(7,))

    extent = scene.find([ann], [])

    assert (extent.to_send, scene.forgotten()) == (0, ["ann@example.com"])
    assert scene.intent() == {"ann@example.com": replace(ann, flag=Flag.FALSE, code=None, tries=0, next_try=None)}


@pytest.mark.parametrize(
    ("was_true", "create_leads", "next_try", "entered"),
    [
        (False, True, LATER, 1),  # create_leads was turned on since
        (False, False, LATER, 0),
        (False, False, NOW, 1),
        (True, True, LATER, 0),  # deleted in Marketo: not created again
        (True, True, NOW, 1),  # another may have created him since
        (True, False, LATER, 0),
        (True, False, NOW, 1),
    ],
)
def test_an_absent_member_is_asked_again_only_where_he_may_have_come(
    scene: Scene,
    was_true: bool,  # noqa: FBT001 - a parameter of pytest
    create_leads: bool,  # noqa: FBT001 - as above
    next_try: datetime,
    entered: int,
) -> None:
    """1, 2, 4 ... 30 days, where he is not created."""
    ann = row("ann@example.com", Flag.ABSENT, was_true=was_true, tries=1, next_try=next_try)

    assert scene.find([ann], ["ann@example.com"], create_leads=create_leads).entered == entered


def test_an_absent_member_whose_lead_may_hold_true_exits(scene: Scene) -> None:
    """His lead has another address since; it is reached by id."""
    ann = row("ann@example.com", Flag.ABSENT, was_true=True, may_hold=True, lead_ids=(7,), next_try=LATER)

    scene.find([ann], [])

    assert [change.reach for change in scene.changes(value=False)] == [(7,)]
    assert scene.forgotten() == []


@pytest.mark.parametrize(
    ("ledger", "create_leads", "create"),
    [
        ([], True, True),
        ([], False, False),
        ([row("ann@example.com", Flag.FALSE)], True, True),
        ([row("ann@example.com", Flag.UNKNOWN)], True, True),
        ([row("ann@example.com", Flag.UNKNOWN, was_true=True)], True, False),
    ],
)
def test_only_who_was_never_true_may_be_created(
    scene: Scene,
    ledger: list[LedgerRow],
    create_leads: bool,  # noqa: FBT001 - a parameter of pytest
    create: bool,  # noqa: FBT001 - as above
) -> None:
    """Who was true before has been deleted, if Marketo does not know him."""
    scene.find(ledger, ["ann@example.com"], create_leads=create_leads)

    assert [change.create for change in scene.changes(value=True)] == [create]


def test_a_one_time_export_has_no_exits(scene: Scene) -> None:
    """It sets True only."""
    extent = scene.find([row("ann@example.com", Flag.TRUE)], [], exits=False, full_refresh=True)

    assert extent.to_send == 0


def test_an_exit_goes_to_all_leads_known_for_the_address(scene: Scene) -> None:
    """Duplicates among them."""
    scene.find([row("ann@example.com", Flag.TRUE, lead_ids=(9, 7))], [])

    assert [change.reach for change in scene.changes(value=False)] == [(7, 9)]


def test_a_lead_that_passed_on_to_a_member_is_not_reached(scene: Scene) -> None:
    """Its address was changed in Marketo to that of somebody who is in the cohort."""
    ledger = [row("ann@example.com", Flag.TRUE, lead_ids=(7, 8)), row("bob@example.com", Flag.TRUE, lead_ids=(7,))]

    scene.find(ledger, ["bob@example.com"])

    assert [change.reach for change in scene.changes(value=False)] == [(8,)]


def test_a_lead_of_two_who_leave_is_reached(scene: Scene) -> None:
    """Neither of them is a member."""
    ledger = [row("ann@example.com", Flag.TRUE, lead_ids=(7,)), row("bob@example.com", Flag.TRUE, lead_ids=(7,))]

    scene.find(ledger, [])

    assert [change.reach for change in scene.changes(value=False)] == [(7,), (7,)]


def test_a_lead_that_a_member_held_once_is_reached(scene: Scene) -> None:
    """His row is `false`, so he enters after the exit, and sets it True again."""
    ledger = [row("ann@example.com", Flag.TRUE, lead_ids=(7,)), row("bob@example.com", Flag.FALSE, lead_ids=(7,))]

    scene.find(ledger, ["bob@example.com"])

    assert [change.reach for change in scene.changes(value=False)] == [(7,)]


def test_a_full_refresh_asserts_members_and_leavers_again(scene: Scene) -> None:
    """Nobody enters or leaves by that, so no guard counts it; who is absent and left is just forgotten."""
    ledger = [
        row("ann@example.com", Flag.TRUE),
        row("bob@example.com", Flag.FALSE, lead_ids=(7,)),
        row("cid@example.com", Flag.ABSENT),
    ]

    extent = scene.find(ledger, ["ann@example.com"], full_refresh=True)

    assert (scene.entered(), scene.exited(), scene.forgotten()) == (
        ["ann@example.com"],
        ["bob@example.com"],
        ["cid@example.com"],
    )
    assert (extent.entered, extent.exited, extent.to_send) == (0, 0, 2)
    assert scene.intent().keys() == {"ann@example.com", "bob@example.com", "cid@example.com"}


@pytest.mark.parametrize("flag", [Flag.TRUE, Flag.ABSENT])
def test_a_full_refresh_creates_nobody_who_was_true(scene: Scene, flag: Flag) -> None:
    """Who was deleted in Marketo stays deleted."""
    scene.find([row("ann@example.com", flag, was_true=True)], ["ann@example.com"], full_refresh=True)

    assert [change.create for change in scene.changes(value=True)] == [False]


def test_the_extent_counts_what_the_ledger_holds(scene: Scene) -> None:
    """`true` and `unknown` are what the guards measure a change by."""
    ledger = [row(f"{flag}@example.com", flag) for flag in Flag]

    extent = scene.find(ledger, [])

    assert (extent.held, extent.ledger_rows) == (2, 5)


def test_an_intent_is_unknown_and_remembers_who_was_true(scene: Scene) -> None:
    """Until there is an answer; the next try of a refusal does not hold up what follows a crash."""
    ledger = [
        row("ann@example.com", Flag.TRUE, lead_ids=(7,)),
        row("bob@example.com", Flag.REFUSED, code="1003", tries=2, next_try=BEFORE),
    ]

    scene.find(ledger, ["bob@example.com"])

    announced = scene.intent()
    assert announced["ann@example.com"] == row("ann@example.com", Flag.UNKNOWN, was_true=True, lead_ids=(7,))
    assert announced["bob@example.com"] == row("bob@example.com", Flag.UNKNOWN, tries=2)


def test_at_most_so_many_changes_are_kept_exits_first(scene: Scene) -> None:
    """Every change wakes Marketo's campaigns; the rest is the next run's, and no intent announces it."""
    ledger = [row(f"{name}@example.com", Flag.TRUE) for name in ("ann", "bob")]
    scene.find(ledger, [f"new{number}@example.com" for number in range(5)])

    left = keep_first(scene.workspace, 4)

    assert (left, len(scene.exited()), len(scene.entered())) == (3, 2, 2)
    assert scene.intent().keys() == {*scene.exited(), *scene.entered()}


def test_nothing_is_left_where_all_changes_fit(scene: Scene) -> None:
    """The limit is the most, not more."""
    scene.find([], ["ann@example.com", "bob@example.com"])

    assert keep_first(scene.workspace, 2) == 0
    assert len(scene.entered()) == 2
