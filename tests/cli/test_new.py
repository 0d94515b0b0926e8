"""`python -m marketo_provider new`: an export is set up by questions or options, and its YAML loads and runs."""

import io
import os
import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from include.sandbox.marketo_fields import Field
from marketo_provider.__main__ import main
from marketo_provider.export_files import load_exports
from marketo_provider.exports import CohortExport
from tests.cli.terminal import Terminal
from tests.connected_world import ANN, BOB, connect, connected_world, created
from tests.sync.world import FIELD, OTHER_FIELD, World

pytestmark = pytest.mark.airflow

SCRIPTED = [
    "new",
    *("--mixpanel-conn-id", "mixpanel_default", "--cohort", "1001", "--name", "trial_users"),
    *("--marketo-conn-id", "marketo_default", "--field", FIELD, "--sync-type", "dynamic"),
]
CREATED = [*SCRIPTED[:-4], "--create-field", "Mixpanel Launch", *SCRIPTED[-2:]]
SCHEMA = "/rest/v1/leads/schema/fields.json"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world that the command line finds by Airflow's Connections, with a cohort of four profiles."""
    folder = tmp_path / "project" / "include" / "exports"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return connected_world(tmp_path / "state", monkeypatch)


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Give lines by a terminal."""
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))


def loaded(text: str, tmp_path: Path) -> CohortExport:
    """Return the one export of a YAML text."""
    folder = tmp_path / "printed"
    folder.mkdir()
    (folder / "new.yaml").write_text(text)
    found = load_exports(folder)
    assert found.problems == ()
    (export,) = found.exports
    return export


def test_a_whole_dialogue_ends_in_yaml_that_runs(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Defaults by return, wrong answers asked for again; on standard output there is the YAML alone."""
    type_in(monkeypatch, "", "999", "trial", "", "", "", "unsubscribed", OTHER_FIELD, "daily", "dynamic")

    status = main(["new"])

    shown = capsys.readouterr()
    assert status == 0
    assert shown.out == (
        "# yaml-language-server: $schema=exports.schema.json\n"
        "exports:\n"
        "- name: trial_users\n"
        "  cohort_id: 1001\n"
        f"  marketo_field: {OTHER_FIELD}\n"
        "  sync_type: dynamic\n"
    )
    assert "1001  Trial users  (4 profiles)" in shown.err
    assert "0 of the project's 1 cohorts" in shown.err
    assert "is one of Marketo's standard fields" in shown.err
    assert "Marketo has no field" not in shown.err
    assert "sync_type: must be 'one_time' or 'dynamic'" in shown.err
    world.export = loaded(shown.out, tmp_path)
    assert world.sync().set_true == 2
    assert world.flags(OTHER_FIELD) == {ANN: True, BOB: True}


def test_the_preview_tells_what_a_first_load_comes_to(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Of four profiles two have an address, and Marketo knows one of them."""
    main(SCRIPTED)

    shown = capsys.readouterr().err
    assert "4 profiles now, about 2 members with an address" in shown
    assert "of 2 members looked up 1 are in Marketo; about 1 lead would be new" in shown
    assert "by sync_leads: needs 1 of the calls left" in shown
    assert re.search(r"At least 1 call, of 35,99\d left today: less than a minute at best, today\n", shown)


def test_no_address_is_shown_or_logged(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The sample is looked up silently, and nothing is written anywhere."""
    main(SCRIPTED)

    shown = capsys.readouterr()
    assert "example.com" not in shown.out + shown.err + caplog.text
    assert world.writes() == []
    assert not Path(world.settings.state_url.removeprefix("file://"), "marketo").exists()


def test_connections_of_the_type_are_listed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of both types alone; where Airflow's database is out of reach that is said."""
    connect(monkeypatch, "mixpanel_eu", conn_type="mixpanel")
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", "{")
    out_of_reach = Mock(side_effect=pytest.importorskip("sqlalchemy.exc").SQLAlchemyError)
    monkeypatch.setattr("marketo_provider.hooks.known_connections.create_session", out_of_reach)

    main(["new", *SCRIPTED[3:7], *SCRIPTED[9:]])

    shown = capsys.readouterr().err
    assert "Connections of the type mixpanel: mixpanel_default, mixpanel_eu\n" in shown
    assert "Connections of the type marketo: marketo_default\n" in shown
    assert "Airflow's database cannot be read from here" in shown


def test_connections_in_the_database_are_listed(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Airflow's own command line reads them."""
    from airflow.models.connection import Connection  # noqa: PLC0415 - needs Airflow
    from sqlalchemy import create_engine  # noqa: PLC0415 - as above
    from sqlalchemy.orm import sessionmaker  # noqa: PLC0415 - as above

    engine = create_engine(f"sqlite:///{tmp_path}/airflow.db")
    Connection.__table__.create(engine)
    sessions = sessionmaker(engine)
    with sessions() as session:
        session.add(Connection(conn_id="mixpanel_stored", conn_type="mixpanel"))
        session.commit()
    monkeypatch.setattr("airflow.settings.Session", sessions)

    main(["new", *SCRIPTED[3:]])

    shown = capsys.readouterr().err
    assert "Connections of the type mixpanel: mixpanel_default, mixpanel_stored\n" in shown
    assert "cannot be read" not in shown


@pytest.mark.parametrize(
    ("conn_id", "why"),
    [
        ("nowhere", "Airflow knows no Connection `nowhere`, or cannot"),
        ("marketo_default", "is of the type marketo, not mixpanel"),
        ("broken", "Airflow knows no Connection `broken`, or cannot read it"),
    ],
)
def test_a_connection_that_cannot_serve_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], conn_id: str, why: str
) -> None:
    """By its id and what is wrong."""
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", '{"conn_type": "mixpanel", "password": "topsecret"')

    assert main([*SCRIPTED, "--mixpanel-conn-id", conn_id]) == 1
    shown = capsys.readouterr()
    assert why in shown.err
    assert "topsecret" not in shown.err + shown.out


@pytest.mark.parametrize("option", ["--cohort", "--field", "--sync-type"])
def test_without_a_terminal_a_missing_answer_is_named(
    world: World, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """The option that would give it."""
    place = SCRIPTED.index(option)

    status = main([*SCRIPTED[:place], *SCRIPTED[place + 2 :]])

    shown = capsys.readouterr()
    assert (status, shown.out) == (1, "")
    assert f"so the option {option}" in shown.err


def test_what_has_a_default_need_not_be_given(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Connections, and the name, which is made of the cohort's."""
    status = main(["new", "--cohort", "Trial users", "--field", FIELD, "--sync-type", "one_time"])

    assert status == 0
    assert "- name: trial_users\n" in capsys.readouterr().out


def test_other_connections_and_lookups_without_new_leads_stand_in_the_yaml(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What is not the default."""
    monkeypatch.setenv("AIRFLOW_CONN_MIXPANEL_EU", os.environ["AIRFLOW_CONN_MIXPANEL_DEFAULT"])

    main([*SCRIPTED, "--mixpanel-conn-id", "mixpanel_eu", "--no-create-leads"])

    shown = capsys.readouterr()
    export = loaded(shown.out, tmp_path)
    assert (export.mixpanel_conn_id, export.create_leads) == ("mixpanel_eu", False)
    assert "others are left out" in shown.err


def test_a_claimed_field_is_shown_and_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With whose it is; in any spelling, since Marketo tells no two fields apart by case."""
    world.sync([ANN])
    type_in(monkeypatch, "1001", "", "", FIELD.upper())

    status = main(["new", "--mixpanel-conn-id", "mixpanel_default"])

    shown = capsys.readouterr()
    owner = "export 'trial_users' (dynamic, cohort 1001 of Mixpanel project 7) since 2026-11-24 12:00 UTC"
    assert (status, shown.out) == (1, "")
    assert f"  {FIELD}  (Display {FIELD})  taken by {owner}\n" in shown.err
    assert f"  {OTHER_FIELD}  (Display {OTHER_FIELD})\n" in shown.err
    assert f"the field {FIELD.upper()} is taken by {owner}" in shown.err
    assert "Stopped: nothing was created" in shown.err


def test_a_field_that_another_file_declares_is_taken(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Before its export has ever run."""
    main([*SCRIPTED, "--write", "include/exports/trial_users.yaml"])
    capsys.readouterr()

    status = main([*SCRIPTED, "--name", "others"])

    assert status == 1
    assert "is taken by export 'trial_users', which is declared and has not run yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"data_type": "string"}, "has the type string, not Boolean"),
        ({"updateable": False}, "cannot be updated by the API"),
        ({"crm_managed": True}, "is managed by a CRM sync"),
        ({"custom": False}, "is one of Marketo's standard fields"),
    ],
)
def test_a_field_that_cannot_carry_the_flag_is_refused(
    world: World, capsys: pytest.CaptureFixture[str], properties: dict[str, Any], why: str
) -> None:
    """As the export's own check would."""
    field = {"display_name": "Unfit", "data_type": "boolean", "custom": True, **properties}
    world.marketo.instance.catalog.put(Field(name="unfit", **field))

    assert main([*SCRIPTED, "--field", "unfit"]) == 1
    assert why in capsys.readouterr().err


def test_leads_that_hold_true_already_are_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The first run would stop for them."""
    world.add_lead(BOB, **{FIELD: True})

    main(SCRIPTED)

    assert "1 of these leads hold True already" in capsys.readouterr().err


def test_a_name_that_is_taken_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """So is one that the model does not take."""
    main([*SCRIPTED, "--write", "include/exports/trial_users.yaml"])

    assert main([*SCRIPTED, "--field", OTHER_FIELD]) == 1
    assert "There is an export 'trial_users' already" in capsys.readouterr().err
    assert main([*SCRIPTED, "--name", "Trial Users"]) == 1
    assert "name: is not written as it has to be" in capsys.readouterr().err


def test_the_file_is_written_where_asked_and_loads(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """It holds what is printed."""
    status = main([*SCRIPTED, "--write", "include/exports/trial_users.yaml"])

    assert status == 0
    assert Path("include/exports/trial_users.yaml").read_text() == capsys.readouterr().out
    assert [export.name for export in load_exports(Path("include/exports").resolve()).exports] == ["trial_users"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("include/exports/there.yaml", "there.yaml is there already"),
        ("include/exports/new.txt", "Airflow reads .yaml files"),
        ("elsewhere.yaml", "Airflow reads .yaml files"),
        ("include/exports/no_such_folder/new.yaml", "Airflow reads .yaml files"),
    ],
)
def test_no_file_is_written_over_or_where_airflow_does_not_read(
    world: World, capsys: pytest.CaptureFixture[str], path: str, why: str
) -> None:
    """Which is said before anything is asked."""
    there = Path("include/exports/there.yaml")
    there.write_text("exports: []\n")

    status = main([*SCRIPTED, "--write", path])

    assert status == 1
    assert why in capsys.readouterr().err
    assert there.read_text() == "exports: []\n"
    assert world.mixpanel.wire.log == []


def test_a_field_is_created_after_the_preview_and_an_explicit_yes(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its API name is proposed, and it can be used at once."""
    type_in(monkeypatch, "", "1001", "", "", "+", "Bad & name", "Mixpanel Launch", "", "one_time", "yes")

    status = main(["new"])

    shown = capsys.readouterr()
    assert status == 0
    assert "no special characters" in shown.err
    preview, _, creation = shown.err.partition("can never be deleted, only hidden")
    assert "First load" in preview
    assert "Created the field mixpanelLaunch." in creation
    world.export = loaded(shown.out, tmp_path)
    assert world.export.marketo_field == "mixpanelLaunch"
    assert world.sync().set_true == 2


@pytest.mark.parametrize("reply", ["", "y", "no"])
def test_without_the_yes_no_field_is_created(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reply: str
) -> None:
    """It cannot be taken back, so a y is not enough."""
    type_in(monkeypatch, reply)

    status = main(CREATED)

    shown = capsys.readouterr()
    assert (status, shown.out, created(world)) == (1, "", [])
    assert "Stopped: nothing was created, written or sent." in shown.err


def test_a_script_must_say_yes_too(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """By an option of its own."""
    assert main(CREATED) == 1
    assert "the option --yes is missing" in capsys.readouterr().err
    assert created(world) == []

    assert main([*CREATED, "--yes"]) == 0
    assert "marketo_field: mixpanelLaunch\n" in capsys.readouterr().out
    assert created(world) == ["mixpanelLaunch"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--create-field", "A, B"], "no special characters"),
        (["--create-field", f"display {OTHER_FIELD}"], "a field with the display name"),
        (["--field", "1field"], "a letter, then letters, digits and underscores"),
        (["--field", "a" * 256], "a letter, then letters, digits and underscores"),
        (["--field", OTHER_FIELD.upper()], "Marketo has a field"),
        (["--field", "hiddenOne"], "Marketo has a field"),
    ],
)
def test_adobes_rules_for_names_are_looked_at_first(
    world: World, capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    """Marketo is not asked to create what it would refuse."""
    hidden = Field(name="hiddenOne", display_name="Hidden", data_type="boolean", custom=True, hidden=True)
    world.marketo.instance.catalog.put(hidden)

    assert main([*CREATED, "--yes", *options]) == 1
    assert why in capsys.readouterr().err
    assert "POST" not in [logged.method for logged in world.marketo.wire.log if logged.path == SCHEMA]


def test_a_claimed_name_is_not_created_anew(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Its field may be hidden from the account; the claim is not."""
    world.sync([ANN])
    world.marketo.instance.catalog.put(
        Field(name=FIELD, display_name="Gone", data_type="boolean", custom=True, rest=False)
    )

    assert main([*CREATED, "--yes", "--field", FIELD]) == 1
    assert f"the field {FIELD} is taken by export 'trial_users'" in capsys.readouterr().err


def test_no_more_fields_are_created_than_may_be(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Adobe's limit is a hundred by the API."""
    for number in range(100):
        world.marketo.instance.catalog.put(
            Field(name=f"f{number}", display_name=f"F {number}", data_type="string", custom=True, api_created=True)
        )

    assert main([*CREATED, "--yes"]) == 1
    assert "100 fields were created by the API already" in capsys.readouterr().err


@pytest.mark.parametrize("left", [frozenset(), frozenset({"Read-Write Schema Standard Field"})])
def test_a_missing_permission_is_told(
    world: World, capsys: pytest.CaptureFixture[str], left: frozenset[str]
) -> None:
    """The one that creating takes, whether the schema can be seen or not."""
    world.marketo.instance.permissions = frozenset({"Read-Write Lead"}) | left

    assert main([*CREATED, "--yes"]) == 1
    assert "Read-Write Schema Custom Field" in capsys.readouterr().err
    assert created(world) == []


def test_an_answer_that_is_lost_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The field may be there; it is not asked for a second time."""
    world.break_marketo("reset_after", path=SCHEMA, skip=1)

    status = main([*CREATED, "--yes"])

    shown = capsys.readouterr()
    assert (status, shown.out) == (1, "")
    assert "the field mixpanelLaunch may have been created, or not" in shown.err
    assert [logged.method for logged in world.marketo.wire.log if logged.path == SCHEMA] == ["GET", "POST"]
