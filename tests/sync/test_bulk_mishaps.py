"""Bulk import where something goes wrong around it: refused uploads, lost answers, stuck jobs, strange files."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.sandbox.marketo_bulk_queue import ImportSettings, NextImports
from marketo_provider.errors import AccessDenied, ImportsUnderWay, ImportUnreadable, WaitUntil
from marketo_provider.sync import import_files
from marketo_provider.sync.adopt import release_target
from marketo_provider.sync.dry_run import preview_export
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.report import Report
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, Killed, World

ANN, BOB, CAT, DAN = (f"{name}@example.com" for name in ("ann", "bob", "cat", "dan"))
UPLOAD = "/bulk/v1/leads.json"


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world in which the entered go by import, three of them in a file."""
    world = World(tmp_path)
    world.route = "bulk_import"
    most = len(f"email,{FIELD}\r\n") + 3 * len(f"{ANN},true\r\n")
    monkeypatch.setattr(import_files.write_import_files, "__kwdefaults__", {"most_bytes": most})
    return world


def finish(world: World, run_id: str, name: str | None = None) -> Report:
    """Let a run come to its end, waiting as Airflow's task does."""
    name = name or read_snapshot(world.run(run_id)).name
    for _ in range(200):
        try:
            return export_cohort(world.run(run_id), name)
        except WaitUntil as wait:
            world.wait(wait)
    raise AssertionError("the run does not come to its end")


def begin(world: World, run_id: str) -> ImportsUnderWay:
    """Let a run hand its first files over, and return what it waits for."""
    name = read_snapshot(world.run(run_id)).name
    with pytest.raises(ImportsUnderWay) as raised:
        export_cohort(world.run(run_id), name)
    return raised.value


def uploaded(world: World) -> list[list[str]]:
    """Return the addresses of each file that Marketo has taken."""
    jobs = world.marketo.instance.imports.jobs.values()
    return [[row[0] for row in job.file.rows()] for job in jobs]


def test_an_upload_that_is_denied_is_no_job(world: World) -> None:
    """Nothing was taken, so once the account is mended its rows are handed over, not waited for for a day."""
    world.break_marketo("error_code", path=UPLOAD, code="603")
    world.set_cohort([ANN, BOB])
    name = read_snapshot(world.run("first")).name
    with pytest.raises(AccessDenied):
        export_cohort(world.run("first"), name)

    report = finish(world, "first", name)

    assert (report.imported, len(uploaded(world))) == (2, 1)


def test_a_field_is_not_given_up_while_a_file_may_set_it(world: World) -> None:
    """It would be another export's by then."""
    world.set_cohort([ANN, BOB])
    begin(world, "first")
    run = world.run()

    with pytest.raises(ImportsUnderWay, match="Nothing was released"):
        release_target(run.lease(run.open_log()))

    assert run.open_log().target.claim is not None
    finish(world, "second")
    release_target(run.lease(run.open_log()))
    assert run.open_log().target.claim is None


def test_a_young_job_that_is_said_not_to_be_there_is_waited_for(world: World) -> None:
    """A 610 that passes: were its rows handed over once more, the two jobs would make two leads of each."""
    world.marketo.instance.imports.settings = ImportSettings(seconds_to_start=600.0)
    world.set_cohort([ANN, BOB])
    begin(world, "first")
    world.break_marketo("error_code", path="/bulk/v1/leads/batch/", code="610")

    with pytest.raises(ImportsUnderWay):
        export_cohort(world.run("first"), f"{world.run().open_log().target.delivered:08d}")

    assert len(uploaded(world)) == 1
    finish(world, "first", f"{world.run().open_log().target.delivered:08d}")
    assert (world.flags(), len(world.marketo.instance.leads)) == ({ANN: True, BOB: True}, 2)


def test_an_import_that_is_stuck_is_not_waited_for_for_ever(world: World) -> None:
    """A DAG has one run at a time: the next, which sends the exits, begins when this one's snapshot is too old."""
    world.marketo.instance.imports.mishaps.append(NextImports(then="stick"))
    world.set_cohort([ANN, BOB])
    began = world.clock.now()

    wait = begin(world, "first")

    assert wait.resume_at <= began + timedelta(hours=2, minutes=1)


def test_who_is_in_a_file_without_an_answer_is_sent_once_a_run(world: World) -> None:
    """However often the run looks for places in the queue: each time would cost a call for 300 of them."""
    world.break_marketo("reset_before", path=UPLOAD)
    imports = world.marketo.instance.imports
    world.set_cohort([ANN, BOB, CAT, DAN])
    begin(world, "first")
    imports.settings = ImportSettings(others_importing=2, others_queued=8)
    name = f"{world.run().open_log().target.delivered:08d}"
    for _ in range(5):
        world.clock.sleep(60)
        with pytest.raises(ImportsUnderWay):
            export_cohort(world.run("first"), name)

    sent = Counter(record["email"] for write in world.writes() for record in write["input"])
    assert sorted(sent.values()) == [1, 1, 1]


def test_an_exit_beside_an_import_is_sent_once_a_run(world: World) -> None:
    """And once more after the import."""
    world.limits = {"bulk_jobs_queued": 1}
    world.marketo.instance.imports.mishaps.append(NextImports(then="stick"))
    world.set_cohort([ANN, BOB, CAT])
    begin(world, "first")
    world.set_cohort([ANN, BOB, DAN])
    begin(world, "second")
    name = f"{world.run().open_log().target.delivered:08d}"
    for _ in range(3):
        world.clock.sleep(60)
        with pytest.raises(ImportsUnderWay):
            export_cohort(world.run("second"), name)

    assert [write["input"] for write in world.writes()] == [[{"email": CAT, FIELD: False}]]
    world.marketo.instance.imports.release()
    finish(world, "second", name)
    finish(world, "third")
    assert world.flags() == {ANN: True, BOB: True, CAT: False, DAN: True}


def test_a_failed_row_that_is_not_of_the_file_stops_the_run(world: World) -> None:
    """Which of the file's rows it means is not guessed: one of them may not be True."""
    _failures(world, DAN)
    world.set_cohort([ANN, BOB])

    with pytest.raises(ImportUnreadable):
        finish(world, "first")


def test_who_leaves_beside_an_import_that_cannot_be_read_is_set_false(world: World) -> None:
    """Nothing is guessed of the file's rows; the run does the rest of its work, then fails."""
    _failures(world, DAN)
    world.set_cohort([ANN, BOB, CAT])
    with pytest.raises(ImportUnreadable):
        finish(world, "first")
    world.set_cohort([ANN])

    with pytest.raises(ImportUnreadable, match="names 1 addresses that the import does not hold"):
        finish_with_exits(world, "second")

    assert world.flags() == {ANN: True, BOB: False, CAT: False}


def test_an_import_that_could_not_be_read_is_forgotten_with_it(world: World) -> None:
    """Seven days later its rows are sent again."""
    _failures(world, DAN)
    world.set_cohort([ANN, BOB])
    with pytest.raises(ImportUnreadable):
        finish(world, "first")
    world.clock.sleep(8 * 86_400)
    world.edit_marketo = lambda _, response: response

    finish(world, "second")

    assert world.flags() == {ANN: True, BOB: True}
    assert not world.run().open_log().target.imports


def test_a_refused_row_that_may_hold_true_is_set_false_when_he_leaves(world: World) -> None:
    """An earlier request of his gave no answer, and was carried out."""
    world.route = "sync_leads"
    world.set_cohort([ANN])
    name = read_snapshot(world.run("first")).name
    world.store = HookedStore(world.store, _dying_before("/journals/"))
    with pytest.raises(Killed):
        export_cohort(world.run("first"), name)
    world.store = world.store._inner  # noqa: SLF001 - the store as it was
    world.clock.sleep(300)
    world.route = "bulk_import"
    _failures(world, ANN)
    assert finish(world, "second").refused == 1
    world.edit_marketo = lambda _, response: response

    world.set_cohort([])
    finish_with_exits(world, "third")

    assert world.flags() == {ANN: False}


def test_without_calls_to_look_at_imports_a_run_ends_with_what_is_left(world: World) -> None:
    """It does not wait for the next day, when its snapshot is of no use any more."""
    world.set_cohort([ANN, BOB])
    begin(world, "first")
    world.set_cohort([ANN, BOB, CAT])
    name = read_snapshot(world.run("second")).name
    gate = world.marketo.instance.gate
    limits, gate.limits = gate.limits, gate.limits.model_copy(update={"daily_quota": 1})

    report = export_cohort(world.run("second"), name)

    assert report.left_over == 1
    gate.limits = limits
    finish(world, "third")
    assert world.flags() == dict.fromkeys([ANN, BOB, CAT], True)


def test_a_run_imports_no_more_than_its_limit_of_changes(world: World) -> None:
    """However often it goes on: every change wakes Marketo's campaigns."""
    world.export = world.export.model_copy(update={"max_changes_per_run": 3})
    world.set_cohort([f"p{number:02d}@example.com" for number in range(9)])

    report = finish(world, "first")

    assert (report.imported, report.left_over) == (3, 6)


def test_a_dry_run_does_not_count_whom_a_file_under_way_sets_true(world: World) -> None:
    """The next run would not send them."""
    world.marketo.instance.imports.mishaps.append(NextImports(then="stick"))
    world.set_cohort([ANN, BOB])
    begin(world, "first")
    run = world.run(dry_run=True)

    report = preview_export(run, read_snapshot(run).name)

    assert (report.entered, report.planned_calls) == (0, 0)


def test_a_stuck_import_does_not_hold_up_the_exits_of_the_next_run(world: World) -> None:
    """The first run ends when its snapshot is too old; who left is set False, and again after the import."""
    world.marketo.instance.imports.mishaps.append(NextImports(then="stick"))
    world.set_cohort([ANN, BOB])
    finish(world, "first")
    world.set_cohort([ANN])
    finish(world, "second")
    assert [write["input"] for write in world.writes()] == [[{"email": BOB, FIELD: False}]]

    world.marketo.instance.imports.release()
    finish(world, "third")

    assert world.flags() == {ANN: True, BOB: False}


def finish_with_exits(world: World, run_id: str) -> Report:
    """Let a run come to its end that may set everybody False."""
    run = world.run(run_id, allow_exits=10)
    return export_cohort(run, read_snapshot(run).name)


def _dying_before(part: str) -> Callable[[str], None]:
    def hook(told: str) -> None:
        if told.startswith("before write") and part in told:
            raise Killed

    return hook


def _failures(world: World, address: str) -> None:
    """Let Marketo say of a complete job that one row has failed, which is of this address."""
    body = f"email,{FIELD},Import Failure Reason\r\n{address},true,No reason\r\n".encode()

    def edit(request: Any, response: Any) -> Any:
        if request.path.endswith("failures.json"):
            return type(response)(200, body, headers={"Content-Type": "text/csv;charset=UTF-8"})
        if "/batch/" in request.path and b'"Complete"' in response.body:
            told = response.body.replace(b'"numOfRowsFailed":0', b'"numOfRowsFailed":1')
            return type(response)(200, told, headers=response.headers)
        return response

    world.edit_marketo = edit
