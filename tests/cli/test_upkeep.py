"""`python -m marketo_provider state` looks after the store: verify, repair, retire, who, erase."""

import io
import json
import shlex
from pathlib import Path

import pytest
import requests

from include.sandbox.marketo_fields import Field
from marketo_provider.__main__ import main
from tests.cli.terminal import Terminal
from tests.pages import commands
from tests.sync.world import FIELD, MARKETO_URL, InProcess, World

pytestmark = pytest.mark.airflow

HOST = "127.0.0.1:8001"
TARGET = f"{HOST}/{FIELD}"
FOLDER = f"marketo/{TARGET.lower()}"
ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world that the command line finds by Airflow's configuration and Connection, in its time."""
    world = World(tmp_path)
    monkeypatch.setenv("AIRFLOW__MARKETO_PROVIDER__STATE_URL", str(tmp_path))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    connect(monkeypatch, world, "MARKETO_DEFAULT", MARKETO_URL)

    def session(_: object) -> requests.Session:
        session = requests.Session()
        session.mount(MARKETO_URL, InProcess(world.marketo, world.marketo.wire, world.clock))
        return session

    monkeypatch.setattr("marketo_provider.hooks.marketo.http_session", session)
    for module in ("hooks.marketo", "cli.targets", "cli.upkeep"):
        monkeypatch.setattr(f"marketo_provider.{module}.SystemClock", lambda: world.clock)
    world.sync([ANN, BOB])
    return world


def connect(monkeypatch: pytest.MonkeyPatch, world: World, name: str, url: str) -> None:
    """Set a Connection of Marketo."""
    credentials = world.marketo.credentials
    parts = {
        "conn_type": "marketo",
        "host": url,
        "login": credentials.client_id,
        "password": credentials.client_secret,
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(parts))


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Give a line by standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def lose_base(world: World) -> str:
    """Lose the ledger's base."""
    path = world.run().open_log().target.base or ""
    world.store.delete(path)
    return path


def test_a_whole_store_is_said_to_be(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """All targets, the instance's log and the Mixpanel project's."""
    status = main(["state", "verify"])

    assert (status, capsys.readouterr().out) == (0, "targets: 1, problems: 0\n")


def test_what_is_missing_is_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """By its path, and the exit status tells it to scripts."""
    path = lose_base(world)

    status = main(["state", "verify", TARGET])

    assert (status, capsys.readouterr().out) == (1, f"{path}: is missing\ntargets: 1, problems: 1\n")


@pytest.mark.parametrize("folder", [f"marketo/{HOST}", "mixpanel/7"])
def test_damaged_logs_that_targets_share_are_named(
    world: World, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    """They stop every export of the instance, or of the project."""
    world.store.write(f"{folder}/log/00000001.json", b"{")

    status = main(["state", "verify"])

    assert status == 1
    assert f"{folder}/log/00000001.json: is damaged" in capsys.readouterr().out


def test_a_list_of_erased_addresses_that_has_lost_its_key_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stops every read of a cohort."""
    type_in(monkeypatch, ANN)
    main(["state", "erase"])
    world.store.delete("suppressed/key")

    assert main(["state", "verify"]) == 1
    assert "suppressed/key: is missing or damaged" in capsys.readouterr().out


def test_a_target_that_is_not_there_is_not_whole(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name is told."""
    assert main(["state", "verify", f"{HOST}/other"]) == 1
    assert "There is no target" in capsys.readouterr().err


def test_a_lost_ledger_is_rebuilt(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Asked of Marketo by the Connection."""
    path = lose_base(world)

    status = main(["state", "repair", TARGET])

    shown = capsys.readouterr().out
    assert status == 0
    assert f"{path}: could not be read" in shown
    assert "looked 2 addresses up; 2 hold True" in shown
    assert main(["state", "verify"]) == 0


def test_a_field_is_retired(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """And `show` says so."""
    status = main(["state", "retire", TARGET, "--yes"])
    main(["state", "show", TARGET])

    shown = capsys.readouterr().out
    assert status == 0
    assert "retired; set 2 False, 0 were not in Marketo" in shown
    assert "  retired    2026-11-24 12:" in shown
    assert world.flags() == {ANN: False, BOB: False}


def test_no_field_is_retired_without_a_yes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A script says it by the option; there is nobody to ask."""
    assert main(["state", "retire", TARGET]) == 1

    assert "the option --yes is missing" in capsys.readouterr().err
    assert world.flags() == {ANN: True, BOB: True}


def test_another_instance_is_not_written_to(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Connection that is named must be the target's."""
    connect(monkeypatch, world, "OTHER", "http://127.0.0.1:9999")

    status = main(["state", "retire", TARGET, "--yes", "--marketo-conn-id", "other"])

    assert status == 1
    assert "Connection `other` is of 127.0.0.1:9999, and the target of 127.0.0.1:8001" in capsys.readouterr().err
    assert world.flags() == {ANN: True, BOB: True}


@pytest.mark.parametrize("command", ["repair", "retire", "erase"])
def test_a_connection_that_is_not_there_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """And no run has to wait for a command that did nothing."""
    monkeypatch.delenv("AIRFLOW_CONN_MARKETO_DEFAULT")
    type_in(monkeypatch, ANN)

    assert main(["state", command, TARGET, *(["--yes"] if command == "retire" else [])]) == 1
    assert "Airflow knows no Connection `marketo_default`" in capsys.readouterr().err
    assert world.run().open_log().target.lease is None


def test_a_field_that_marketo_lost_is_told(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nobody to set False."""
    hidden = Field(name=FIELD, display_name="Hidden", data_type="boolean", custom=True, rest=False)
    world.marketo.instance.catalog.put(hidden)

    assert main(["state", "retire", TARGET, "--yes"]) == 1
    assert "Marketo has no field" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["repair", "retire", "erase"])
def test_a_run_that_writes_is_not_disturbed(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """The command stops and says so."""
    run = world.run()
    run.lease(run.open_log()).take()
    type_in(monkeypatch, f"{ANN}\n")

    status = main(["state", command, TARGET, *(["--yes"] if command == "retire" else [])])

    assert status == 1
    assert "Another run is writing" in capsys.readouterr().err
    assert world.flags() == {ANN: True, BOB: True}


@pytest.mark.parametrize("arguments", [[], [TARGET]])
def test_what_happened_to_an_address_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """In all targets or in one; the address itself is not printed."""
    type_in(monkeypatch, " Ann@Example.com \n")

    status = main(["state", "who", *arguments])

    shown = capsys.readouterr().out
    assert status == 0
    assert "run-1  entered: to be set True" in shown
    assert "run-1  answered: True (leads " in shown
    assert "  ledger     True (leads " in shown
    assert "  cohort     in the last snapshot" in shown
    assert "example.com" not in shown.lower()


def test_an_address_is_erased_everywhere(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """Set False first; that it may come back is said, and the address itself neither printed nor logged."""
    type_in(monkeypatch, "Ann@Example.com\n")

    status = main(["state", "erase"])

    shown = capsys.readouterr().out
    assert status == 0
    assert "the lead is set False" in shown
    assert "example.com" not in (shown + caplog.text).lower()
    assert world.flags() == {ANN: False, BOB: True}
    assert [path for path in tmp_path.rglob("*") if path.is_file() and ANN.encode() in path.read_bytes()] == []
    assert main(["state", "verify"]) == 0


def test_who_was_erased_is_exported_again_when_readmitted(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not before, though he is still in the cohort; `who` says why."""
    everybody = [ANN, BOB, *(f"user{number}@example.com" for number in range(20))]
    world.sync(everybody)
    type_in(monkeypatch, ANN)
    assert main(["state", "erase"]) == 0
    assert world.sync(everybody).entered == 0
    type_in(monkeypatch, ANN)
    main(["state", "who"])
    assert "erased: not exported" in capsys.readouterr().out

    type_in(monkeypatch, "Ann@Example.com")
    assert main(["state", "readmit"]) == 0

    assert world.sync(everybody).entered == 1
    assert world.flags() == dict.fromkeys(everybody, True)
    type_in(monkeypatch, ANN)
    assert main(["state", "readmit"]) == 1


@pytest.mark.parametrize("command", ["who", "erase", "readmit"])
@pytest.mark.parametrize("text", ["", "\n", "nobody\n", "a b@example.com\n"])
def test_what_is_no_address_is_refused_and_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, text: str
) -> None:
    """It may be one, mistyped."""
    type_in(monkeypatch, text)

    assert main(["state", command]) == 1
    shown = capsys.readouterr()
    assert shown.err == "This is no address. Type one, or give one line by standard input.\n"


@pytest.mark.parametrize("command", ["who", "erase", "readmit"])
def test_an_address_is_no_argument(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments show up in process lists and shell histories; it is taken for a target, and refused."""
    with pytest.raises(SystemExit):
        main(["state", command, TARGET, ANN])
    capsys.readouterr()


@pytest.mark.parametrize("command", sorted({one for one in commands() if " state " in one}))
def test_each_command_that_a_page_shows_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As it stands there, on a store that a run has left; what it asks for is typed in."""
    monkeypatch.chdir(tmp_path)
    Path("leads.csv").write_text(f"Id,Email Address\n1,{ANN}\n", encoding="utf-8")
    if command.endswith("readmit"):
        type_in(monkeypatch, f"{ANN}\n")
        assert main(["state", "erase"]) == 0
    if "retire" in command:
        monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    else:
        type_in(monkeypatch, f"{ANN}\n")
    shown = ("HOST/FIELD", "123-abc-456.mktorest.com/mixpanelTrialUsers")
    _python, _m, module, *words = [TARGET if word in shown else word for word in shlex.split(command)]

    assert module == "marketo_provider"
    assert main(words) == 0
