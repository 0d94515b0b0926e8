import io
from pathlib import Path

import pytest

from marketo_provider.errors import InvalidSetting, LeaseHeld
from marketo_provider.state.ledger import load_ledger
from marketo_provider.sync.adopt import adopt_leads, release_target
from marketo_provider.sync.check import check_export
from tests.sync.world import FIELD, World

ANN, BOB, CID = "ann@example.com", "bob@example.com", "cid@example.com"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world in which nothing has run."""
    return World(tmp_path)


def adopt(world: World, text: str) -> int:
    """Adopt the leads of a CSV."""
    run = world.run()
    return adopt_leads(run.lease(run.open_log()), io.StringIO(text, newline=""))


def release(world: World) -> None:
    """Give the field up."""
    run = world.run()
    release_target(run.lease(run.open_log()))


def ledger(world: World) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return flag and lead ids by address."""
    run = world.run()
    with run.workspace() as workspace:
        load_ledger(workspace, run.open_log().target)
        batches = list(workspace.batches("SELECT address, flag, lead_ids FROM ledger", 1000))
    return {
        row["address"]: (row["flag"], tuple(row["lead_ids"])) for batch in batches for row in batch.to_pylist()
    }


@pytest.mark.parametrize(
    "text",
    [
        "Email\nann@example.com\nbob@example.com\n",
        "email\r\nann@example.com\r\nbob@example.com\r\n",
        "Email Address\nann@example.com\nbob@example.com",
        " EMAIL ADDRESS ,Name\nann@example.com,Ann\nbob@example.com,Bob\n",
        'Name,"Email Address",Score\n"Lee, Ann",ann@example.com,5\n"Lee, Bob",bob@example.com,6\n',
        "\ufeffEmail\nann@example.com\nbob@example.com\n",
        '\ufeff"Email Address","Name"\n"ann@example.com","Ann"\n"bob@example.com","Bob"\n',
        "Email\n\nann@example.com\n\n  bob@example.com \n\n",
        'Note,Email\n"two\nlines",ann@example.com\n,bob@example.com\n',
    ],
    ids=["plain", "crlf", "address", "spaces", "quoted", "mark", "mark and quotes", "blank lines", "line breaks"],
)
def test_csv_files_of_many_forms_are_read(world: World, text: str) -> None:
    """As Marketo's own list exports and spreadsheets write them."""
    assert adopt(world, text) == 2
    assert ledger(world) == {ANN: ("true", ()), BOB: ("true", ())}


@pytest.mark.parametrize("column", ["Id", "ID", "Lead ID", "Person Id"])
def test_lead_ids_are_kept_where_the_csv_has_them(world: World, column: str) -> None:
    """An exit then follows a changed address; a lead without one is known by its address."""
    adopt(world, f"{column},Email\n 12 ,ann@example.com\n,bob@example.com\n")

    assert ledger(world) == {ANN: ("true", (12,)), BOB: ("true", ())}


def test_several_leads_of_one_address_are_one_row_with_all_ids(world: World) -> None:
    """Duplicates are lines of their own in Marketo's exports, in any case of the address."""
    count = adopt(
        world, "Id,Email\n12,ann@example.com\n7,ANN@example.com\n12,ann@example.com\n9,bob@example.com\n"
    )

    assert count == 2
    assert ledger(world) == {ANN: ("true", (7, 12)), BOB: ("true", (9,))}


def test_a_csv_without_leads_adopts_nobody(world: World) -> None:
    """A header alone is a list of nobody."""
    assert adopt(world, "Email,Id\n") == 0
    assert ledger(world) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column Email or Email Address"),
        ("Name,Score\nAnn,5\n", "no column Email or Email Address"),
        ("Email\nann@example.com\nbob\n", "Line 3 of the CSV has no valid address"),
        ("Email\nann@example.com\n<null>\n", "Line 3 of the CSV has no valid address"),
        ("Name,Email\nAnn\n", "Line 2 of the CSV has no valid address"),
        ("Email,Id\nann@example.com,x\n", "Line 2 of the CSV has an id that is no lead's"),
        ("Email,Id\nann@example.com,0\n", "Line 2 of the CSV has an id that is no lead's"),
        ("Email,Id\nann@example.com,-5\n", "Line 2 of the CSV has an id that is no lead's"),
        ("Email,Id\nann@example.com,12345678901234567890\n", "Line 2 of the CSV has an id that is no lead's"),
        ("Email\n" + '"' + "a" * 200_000 + '"\n', "cannot be read as a CSV in UTF-8 after line 1"),
    ],
)
def test_a_csv_that_is_wrong_is_refused_by_line(world: World, text: str, words: str) -> None:
    """Nothing of it is adopted, and no address is shown."""
    with pytest.raises(InvalidSetting, match=words) as refused:
        adopt(world, text)

    assert "example.com" not in str(refused.value)
    assert world.run().open_log().target.number == 0


def test_a_file_in_another_encoding_is_refused(world: World) -> None:
    """Without its content."""
    source = io.TextIOWrapper(io.BytesIO(b"Email\nm\xfcller@example.com\n"), encoding="utf-8")
    run = world.run()

    with pytest.raises(InvalidSetting, match="cannot be read as a CSV in UTF-8") as refused:
        adopt_leads(run.lease(run.open_log()), source)

    assert refused.value.__suppress_context__


def test_who_was_adopted_and_is_no_member_is_set_false(world: World) -> None:
    """Moving in from another integration: members stay, those who left go, nobody is created."""
    for address in (ANN, BOB, CID):
        world.add_lead(address, **{FIELD: True})
    adopt(world, "Email\nANN@example.com\nbob@example.com\ncid@example.com\ngone@example.com\n")

    report = world.sync([ANN, BOB], allow_exits=2)

    assert world.flags() == {ANN: True, BOB: True, CID: False}
    assert (report.entered, report.exited, report.set_false, report.not_in_marketo) == (0, 2, 1, 1)


def test_who_was_adopted_is_no_reason_to_stop_the_first_run(world: World) -> None:
    """The ledger explains that he holds True; somebody else it does not."""
    for address in (ANN, BOB):
        world.add_lead(address, **{FIELD: True})
    adopt(world, "Email\nann@example.com\n")

    with pytest.raises(Exception, match="of 1 sampled members 1 leads hold True already"):
        world.sync([ANN, BOB])

    adopt(world, "Email\nbob@example.com\n")
    assert world.sync([ANN, BOB]).entered == 0


def test_exits_of_adopted_leads_reach_them_by_id(world: World) -> None:
    """Also where the lead's address has changed since the list was exported."""
    lead_id = world.add_lead("new@example.com", **{FIELD: True})
    adopt(world, f"Id,Email\n{lead_id},old@example.com\n")

    world.sync([ANN], allow_exits=1)

    assert world.flags() == {"new@example.com": False, ANN: True}


def test_leads_that_are_known_stay_known(world: World) -> None:
    """A list without ids, after an older store was restored, say: an exit still follows a changed address."""
    world.sync([ANN, BOB])
    known = ledger(world)
    adopt(world, "Email\nann@example.com\nBOB@example.com\n")
    assert ledger(world) == {ANN: known[ANN], "BOB@example.com": known[BOB]}
    lead = next(lead for lead in world.marketo.instance.leads if lead.values["email"] == ANN)
    world.marketo.instance.leads.update(lead, {"email": "new@example.com"})

    world.sync([BOB])

    assert world.flags() == {"new@example.com": False, BOB: True}


def test_a_lead_that_holds_false_is_not_taken_for_the_one_that_was_told(world: World) -> None:
    """It has another address by now; the address is another lead's, whom the exit has to reach."""
    world.sync([ANN, BOB])
    world.sync([BOB])
    lead = next(lead for lead in world.marketo.instance.leads if lead.values["email"] == ANN)
    world.marketo.instance.leads.update(lead, {"email": "new@example.com"})
    world.add_lead(ANN, **{FIELD: True})
    adopt(world, "Email\nann@example.com\n")

    world.sync([BOB])

    assert world.flags() == {"new@example.com": False, ANN: False, BOB: True}


def test_adopting_waits_for_a_run_that_writes(world: World) -> None:
    """Its settle would not know of what was adopted."""
    run = world.run()
    run.lease(run.open_log()).take()

    with pytest.raises(LeaseHeld):
        adopt(world, "Email\nann@example.com\n")

    assert ledger(world) == {}


def test_adopting_gives_the_lease_back(world: World) -> None:
    """The next run begins at once."""
    adopt(world, "Email\nann@example.com\n")

    assert world.run().open_log().target.lease is None
    assert world.sync([ANN]).members == 1


def test_a_released_field_is_free_for_another_export(world: World) -> None:
    """What Marketo holds stays; the other export says that somebody holds True, and may adopt."""
    world.sync([ANN, BOB])
    release(world)
    world.set_cohort([BOB, CID], cohort_id=2002)
    world.export = world.export.model_copy(update={"cohort_id": 2002})

    check_export(world.run(), interval_end=None)
    with pytest.raises(Exception, match="hold True already"):
        world.sync()
    world.sync(adopt=True)

    assert world.flags() == {ANN: True, BOB: True, CID: True}


def test_a_released_one_time_export_may_be_made_again(tmp_path: Path) -> None:
    """With the members of now."""
    world = World(tmp_path, sync_type="one_time")
    world.sync([ANN])
    release(world)

    report = world.sync([ANN, BOB], adopt=True)

    assert report.members == 2
    assert world.flags() == {ANN: True, BOB: True}


def test_releasing_waits_for_a_run_that_writes(world: World) -> None:
    """It would go on writing to a field that is another's."""
    world.sync([ANN])
    run = world.run()
    run.lease(run.open_log()).take()

    with pytest.raises(LeaseHeld):
        release(world)

    assert run.open_log().target.claim is not None
