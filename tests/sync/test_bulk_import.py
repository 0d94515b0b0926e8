"""The entered by bulk import: rounds of files, what Marketo makes of them, and what happens meanwhile."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.sandbox.marketo_bulk_queue import ImportSettings, NextImports
from include.sandbox.marketo_partitions import Partition, Partitions
from include.sandbox.wire import json_response
from marketo_provider.errors import ImportsUnderWay, ImportUnreadable, WaitUntil
from marketo_provider.state.store import LocalStore
from marketo_provider.sync import import_files
from marketo_provider.sync.export import export_cohort
from marketo_provider.sync.report import Report
from marketo_provider.sync.snapshot import read_snapshot
from tests.sync.world import FIELD, HookedStore, Killed, World

ANN, BOB, CAT, DAN = (f"{name}@example.com" for name in ("ann", "bob", "cat", "dan"))
ROWS = 3


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world in which the entered go by import, a few of them in a file."""
    world = World(tmp_path)
    world.route = "bulk_import"
    # Header and rows of addresses as long as these.
    most = len(f"email,{FIELD}\r\n") + ROWS * len(f"{ANN},true\r\n")
    monkeypatch.setattr(import_files.write_import_files, "__kwdefaults__", {"most_bytes": most})
    return world


def finish(world: World, run_id: str, name: str | None = None, **parameters: bool) -> Report:
    """Let a run come to its end, waiting as Airflow's task does."""
    name = name or read_snapshot(world.run(run_id)).name
    for _ in range(200):
        try:
            return export_cohort(world.run(run_id, **parameters), name)
        except WaitUntil as wait:
            world.wait(wait)
    raise AssertionError("the run does not come to its end")


def begin(world: World, run_id: str) -> str:
    """Let a run hand its first files over, and return its snapshot."""
    name = read_snapshot(world.run(run_id)).name
    with pytest.raises(ImportsUnderWay):
        export_cohort(world.run(run_id), name)
    return name


def people(count: int) -> list[str]:
    """Return addresses as long as Ann's."""
    return [f"p{number:02d}@example.com" for number in range(count)]


def next_imports(world: World, then: Any, **more: Any) -> None:
    """Have something become of the next upload."""
    world.marketo.instance.imports.mishaps.append(NextImports(then=then, **more))


def uploads(world: World) -> int:
    """Return how many files Marketo has taken."""
    return len(world.marketo.instance.imports.jobs)


def test_members_become_true_and_new_ones_leads(world: World) -> None:
    """In as few files as there can be; the report does not say who was created."""
    world.add_lead(ANN)
    world.set_cohort([ANN, *people(9)])

    report = finish(world, "first")

    assert world.flags() == dict.fromkeys([ANN, *people(9)], True)
    assert uploads(world) == 4
    assert (report.route, report.imported, report.set_true, report.left_over) == ("bulk_import", 10, 10, 0)
    assert (report.created, report.updated) == (None, None)
    assert report.entered == 10
    assert report.route_reason


def test_nothing_is_sent_a_second_time(world: World) -> None:
    """The next run has nothing to do."""
    world.set_cohort(people(4))
    finish(world, "first")

    report = finish(world, "second")

    assert (report.entered, uploads(world)) == (0, 2)


def test_no_more_files_are_queued_at_once_than_the_connection_says(world: World) -> None:
    """The others follow when these have ended."""
    world.limits = {"bulk_jobs_queued": 2}
    world.set_cohort(people(15))

    name = begin(world, "first")

    assert uploads(world) == 2
    assert finish(world, "first", name).imported == 15
    assert uploads(world) == 5


def test_a_retry_takes_up_the_jobs_that_an_earlier_try_has_left(world: World) -> None:
    """No file is handed over twice."""
    world.set_cohort(people(3))
    name = begin(world, "first")

    finish(world, "first", name)

    assert uploads(world) == 1


def test_who_leaves_while_his_file_waits_ends_false(world: World) -> None:
    """The exit is sent at once, and again after the import, which would have set him True."""
    next_imports(world, "stick")
    world.set_cohort([ANN, BOB, CAT])
    begin(world, "first")
    world.set_cohort([ANN, BOB])
    name = begin(world, "second")

    assert [write["input"] for write in world.writes()] == [[{"email": CAT, FIELD: False}]]
    world.marketo.instance.imports.release()
    finish(world, "second", name)
    finish(world, "third")

    assert world.flags() == {ANN: True, BOB: True, CAT: False}


def test_who_leaves_and_comes_back_meanwhile_ends_true(world: World) -> None:
    """Whoever had the last word, he is sent once more."""
    next_imports(world, "stick")
    world.set_cohort([ANN, BOB, CAT])
    begin(world, "first")
    world.set_cohort([ANN, BOB])
    begin(world, "second")
    world.set_cohort([ANN, BOB, CAT])
    begin(world, "third")
    world.marketo.instance.imports.release()

    finish(world, "fourth")

    assert world.flags() == dict.fromkeys([ANN, BOB, CAT], True)


def test_who_was_imported_anew_is_set_false_at_all_leads(world: World) -> None:
    """An import does not tell that it has made a lead, since the one that is known has another address by now."""
    cohorts = [[ANN, BOB, CAT], [BOB, CAT], [ANN, BOB, CAT]]
    for number, cohort in enumerate(cohorts):
        if number == 2:
            (ann,) = world.marketo.instance.leads.find("email", [ANN])
            world.marketo.instance.leads.update(ann, {"email": DAN})
        world.route = "bulk_import" if number == 2 else "sync_leads"
        world.set_cohort(cohort)
        finish(world, f"run-{number}")
    assert world.flags()[ANN] is True

    world.route = "sync_leads"
    world.sync([BOB, CAT])

    assert world.flags() == {ANN: False, BOB: True, CAT: True, DAN: False}


def test_rows_that_match_several_leads_are_written_to_each(world: World) -> None:
    """The import refuses them; sync leads finds the leads in the same run."""
    world.add_lead(ANN)
    world.add_lead(ANN)
    world.set_cohort([ANN, BOB])

    report = finish(world, "first")

    held = [lead.values.get(FIELD) for lead in world.marketo.instance.leads]
    assert held == [True, True, True]
    assert (report.set_true, report.refused) == (2, 0)


def test_a_row_whose_lead_is_in_another_partition_is_written_there(world: World) -> None:
    """The partition is for new leads; the import refuses the row, sync leads does not."""
    partitions = [Partition(id=1, name="Default"), Partition(id=2, name="Emea")]
    world.marketo.instance.partitions = Partitions(partitions)
    world.export = world.export.model_copy(update={"partition": "Emea"})
    world.add_lead(ANN)
    world.set_cohort([ANN, BOB])

    report = finish(world, "first")

    assert world.flags() == {ANN: True, BOB: True}
    assert {lead.partition for lead in world.marketo.instance.leads} == {"Default", "Emea"}
    assert (report.set_true, report.refused) == (2, 0)


def test_a_refused_row_is_refused_by_our_own_word(world: World) -> None:
    """And the others of its file are True."""
    _edit(
        world,
        "failures.json",
        f"email,{FIELD},Import Failure Reason\r\n{ANN},true,Secret words of {ANN}\r\n".encode(),
        failed=1,
    )
    world.set_cohort([ANN, BOB])

    report = finish(world, "first")

    assert report.refused_by_code == {"import_other": 1}
    assert report.imported == 1


@pytest.mark.parametrize("parameter", ["retry_refused", "full_refresh"])
def test_who_was_refused_is_asked_for_again_in_all_rounds_of_a_run(world: World, parameter: str) -> None:
    """The run parameter is not over with the first round, which has no place for all."""
    world.limits = {"bulk_jobs_queued": 1}
    world.route = "sync_leads"
    skipped = {"status": "skipped", "reasons": [{"code": "1003", "message": "Invalid"}]}
    answer = json_response({"success": True, "requestId": "1#2", "result": [skipped] * 6})
    world.edit_marketo = lambda request, response: answer if b'"action"' in request.body else response
    assert world.sync(people(6)).refused == 6
    world.edit_marketo = lambda _, response: response
    world.clock.sleep(60)
    world.route = "bulk_import"

    report = finish(world, "second", None, **{parameter: True})

    assert (report.imported, uploads(world)) == (6, 2)


def test_a_file_of_failures_with_unknown_columns_stops_the_run(world: World) -> None:
    """What became of the rows is not guessed."""
    _edit(world, "failures.json", b"Address,Why\r\nsomething\r\n", failed=1)
    world.set_cohort([ANN, BOB])

    with pytest.raises(ImportUnreadable):
        finish(world, "first")


def test_a_job_that_fails_as_a_whole_goes_once_more_by_import(world: World) -> None:
    """And the second time all is well."""
    next_imports(world, "fail")
    world.set_cohort([ANN, BOB])

    report = finish(world, "first")

    assert (uploads(world), report.imported) == (2, 2)
    assert world.flags() == {ANN: True, BOB: True}


def test_a_job_that_fails_twice_goes_by_sync_leads(world: World) -> None:
    """It is not tried for ever."""
    next_imports(world, "fail", times=2)
    world.set_cohort([ANN, BOB])

    report = finish(world, "first")

    assert (uploads(world), report.imported, report.set_true) == (2, 0, 2)
    assert world.flags() == {ANN: True, BOB: True}


def test_a_full_queue_is_waited_for(world: World) -> None:
    """Others hold all places for a while (1016)."""
    imports = world.marketo.instance.imports
    imports.settings = ImportSettings(others_importing=2, others_queued=8)
    world.set_cohort([ANN])
    name = begin(world, "first")
    assert uploads(world) == 0
    imports.settings = ImportSettings()

    assert finish(world, "first", name).imported == 1


@pytest.mark.parametrize("fault", ["reset_before", "reset_after"])
def test_an_upload_without_an_answer_may_or_may_not_have_been_taken(world: World, fault: Any) -> None:
    """Nobody is created twice, and everybody is True in the end."""
    world.break_marketo(fault, path="/bulk/v1/leads.json")
    world.set_cohort([ANN, BOB])
    name = read_snapshot(world.run("first")).name
    export_cohort(world.run("first"), name)

    for number in range(14):
        world.clock.sleep(7200)
        finish(world, f"later-{number}")

    assert world.flags() == {ANN: True, BOB: True}
    assert len(list(world.marketo.instance.leads)) == 2


def test_a_job_that_marketo_has_forgotten_has_ended(world: World) -> None:
    """After seven days its rows are sent anew."""
    next_imports(world, "stick")
    world.set_cohort([ANN, BOB])
    begin(world, "first")
    world.clock.sleep(8 * 86400)

    finish(world, "second")

    assert world.flags() == {ANN: True, BOB: True}


def test_an_export_that_may_not_create_leads_does_not_import(world: World) -> None:
    """An import by e-mail would create them."""
    world.export = world.export.model_copy(update={"create_leads": False})
    world.add_lead(ANN)
    world.set_cohort([ANN, BOB])

    report = finish(world, "first")

    assert (report.route, uploads(world)) == ("sync_leads", 0)
    assert world.flags() == {ANN: True}


def test_a_run_whose_snapshot_grows_old_leaves_the_rest_to_the_next(world: World) -> None:
    """It is not red for it."""
    next_imports(world, "stick")
    world.limits = {"bulk_jobs_queued": 1}
    world.set_cohort(people(6))
    name = begin(world, "first")
    world.clock.sleep(3 * 3600)

    report = export_cohort(world.run("first"), name)
    world.marketo.instance.imports.release()
    finish(world, "second")

    assert report.left_over == 3
    assert world.flags() == dict.fromkeys(people(6), True)


@pytest.mark.parametrize("step", range(0, 70, 3))
def test_a_run_killed_at_any_step_is_gone_on_with(world: World, tmp_path: Path, step: int) -> None:
    """Every flag comes true, nobody is created twice, and no file that was accepted goes again."""
    world.set_cohort([ANN, BOB, CAT, DAN])
    files = LocalStore(tmp_path)
    world.store = HookedStore(files, _dying_at(step))
    try:
        finish(world, "first")
    except Killed:
        world.store = files
        world.clock.sleep(300)
        finish(world, "second")

    # A file that was announced and not answered may be imported for a day.
    world.clock.sleep(25 * 3600)
    finish(world, "third")

    jobs = world.marketo.instance.imports.jobs.values()
    taken = Counter(row[0] for job in jobs for row in job.file.rows())
    assert set(taken.values()) == {1}
    assert world.flags() == dict.fromkeys([ANN, BOB, CAT, DAN], True)
    assert len(list(world.marketo.instance.leads)) == 4


def _dying_at(step: int) -> Callable[[str], None]:
    steps = iter(range(10**9))

    def hook(told: str) -> None:
        if told.startswith("after") and " read " not in told and next(steps) == step:
            raise Killed

    return hook


def _edit(world: World, path: str, body: bytes, *, failed: int) -> None:
    """Let Marketo say of a complete job that rows have failed, and answer with this file."""

    def edit(request: Any, response: Any) -> Any:
        if request.path.endswith(path):
            return type(response)(200, body, headers={"Content-Type": "text/csv;charset=UTF-8"})
        if "/batch/" in request.path and b'"Complete"' in response.body:
            return type(response)(
                200,
                response.body.replace(b'"numOfRowsFailed":0', b'"numOfRowsFailed":%d' % failed),
                headers=response.headers,
            )
        return response

    world.edit_marketo = edit
