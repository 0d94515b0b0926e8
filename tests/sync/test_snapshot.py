import gc
import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from include.sandbox.wire import Fault, Request, Response, json_response
from marketo_provider.errors import (
    AccessDenied,
    CohortUnusable,
    RateLimited,
    SessionLost,
    SnapshotIncomplete,
    StoreUnusable,
)
from marketo_provider.mixpanel.client import Page
from marketo_provider.state.records import SnapshotBegun
from marketo_provider.state.slots import SlotLog, Slots
from marketo_provider.state.snapshots import Snapshot, SnapshotFolder
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import load_snapshot, read_snapshot
from tests.sync.world import COHORT, World

ENGAGE = "/api/query/engage"
Body = dict[str, Any]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with a cohort of 250 on pages of 100."""
    world = World(tmp_path)
    world.set_cohort(people(250))
    return world


def people(count: int) -> list[str]:
    """Return so many addresses."""
    return [f"user{number}@example.com" for number in range(count)]


def on_page(number: int, change: Callable[[Body], Body | None]) -> Callable[[Request, Response], Response]:
    """Return an edit of Mixpanel's answer to a page, which is sent changed (in place, or by what is returned)."""

    def edit(request: Request, response: Response) -> Response:
        if request.path != ENGAGE or response.status != 200 or request.form().get("page", "0") != str(number):
            return response
        body = json.loads(response.body)
        return json_response(change(body) or body)

    return edit


def pages_asked(world: World) -> list[str]:
    """Return the pages that were asked for, in order."""
    asked = [logged for logged in world.mixpanel.wire.log if logged.path == ENGAGE]
    return [Request("POST", ENGAGE, {}, {}, logged.body.encode()).form().get("page", "0") for logged in asked]


def stored(run: Run) -> list[str]:
    """Return the names of all snapshots in the store, complete or not."""
    return run.store.names(f"{run.folder}/snapshots")


def members(run: Run, snapshot: Snapshot) -> list[str]:
    """Return a snapshot's members."""
    with run.workspace() as workspace:
        SnapshotFolder(run.store, run.folder, snapshot.name).load_members(workspace)
        batches = list(workspace.batches("SELECT address FROM members ORDER BY address", 1000))
    return [row["address"] for batch in batches for row in batch.to_pylist()]


def test_all_pages_become_one_snapshot(world: World) -> None:
    """Every profile counts, every address is a member."""
    run = world.run()

    snapshot = read_snapshot(run)

    assert (snapshot.profiles, snapshot.members, snapshot.missing_profiles) == (250, 250, 0)
    assert members(run, snapshot) == sorted(people(250))
    assert pages_asked(world) == ["0", "1", "2"]


def test_profiles_are_counted_by_cause(world: World) -> None:
    """What is not exported is told apart, and a second profile of an address is one member."""
    world.set_cohort([None, "", "<null>", "nonsense", ["a@x.io"], "Ann@x.io", "ann@x.io", "bob@x.io"])
    run = world.run()

    snapshot = read_snapshot(run)

    assert snapshot.profiles == 8
    assert snapshot.without_email == 3
    assert snapshot.invalid_email == 2
    assert snapshot.duplicate_email == 1
    assert members(run, snapshot) == ["Ann@x.io", "bob@x.io"]


def test_a_snapshot_is_numbered_by_the_record_that_begins_it(world: World) -> None:
    """No clock decides which is newer."""
    run = world.run("run-7")

    first, second = read_snapshot(run), read_snapshot(world.run())

    assert (first.number, second.number) == (1, 2)
    (number, record), _ = run.open_log().records(1)
    assert number == 1
    assert isinstance(record, SnapshotBegun)
    assert record.run_id == "run-7"


def test_the_record_comes_before_the_first_question(world: World) -> None:
    """A read that begins later is always newer, however fast its pages come."""
    world.mixpanel.wire.faults.append(Fault("error_code", ENGAGE, code="401"))
    run = world.run()

    with pytest.raises(AccessDenied):
        read_snapshot(run)

    assert run.open_log().target.begun == {run.run_id: 1}


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200])
def test_cohorts_of_every_size_are_complete(world: World, count: int) -> None:
    """An exact multiple of the page size asks for no empty page; an empty cohort is complete."""
    world.set_cohort(people(count))

    snapshot = read_snapshot(world.run())

    assert snapshot.profiles == snapshot.members == count
    assert len(pages_asked(world)) == max(1, -(-count // 100))


def test_pages_are_counted_by_the_size_that_mixpanel_echoes(world: World) -> None:
    """Asked for 200 and given 50, five pages are read."""
    world.page_size = 200
    world.mixpanel.state.limits = world.mixpanel.state.limits.model_copy(update={"page_size_cap": 50})

    snapshot = read_snapshot(world.run())

    assert snapshot.profiles == 250
    assert pages_asked(world) == ["0", "1", "2", "3", "4"]


# What makes a snapshot incomplete, by the page it happens on.
def drop_last(body: Body) -> None:
    """Leave a profile out."""
    body["results"].pop()


def drop_all(body: Body) -> None:
    """Answer an empty page."""
    body["results"] = []


def repeat_first(body: Body) -> None:
    """Give one profile in another's place."""
    body["results"][1] = body["results"][0]


def say_total(total: int) -> Callable[[Body], None]:
    """Announce so many profiles."""
    return lambda body: body.update(total=total)


def say_page(number: int) -> Callable[[Body], None]:
    """Echo another page's number."""
    return lambda body: body.update(page=number)


def say_size(size: int) -> Callable[[Body], None]:
    """Echo another page size."""
    return lambda body: body.update(page_size=size)


def add_some(body: Body) -> None:
    """Answer more profiles than fit on a page."""
    body["results"] += [{"$distinct_id": f"extra-{number}", "$properties": {}} for number in range(80)]


@pytest.mark.parametrize(
    ("page", "change"),
    [
        pytest.param(1, drop_last, id="short page"),
        pytest.param(1, drop_all, id="empty page"),
        pytest.param(0, drop_last, id="short first page"),
        pytest.param(2, drop_last, id="short last page"),
        pytest.param(2, drop_all, id="empty last page"),
        pytest.param(1, repeat_first, id="a distinct id twice"),
        pytest.param(0, say_total(251), id="total one too many"),
        pytest.param(0, say_total(249), id="total one too few"),
        pytest.param(0, say_total(150), id="total a page too few"),
        pytest.param(0, say_total(350), id="total a page too many"),
        pytest.param(0, say_total(0), id="total nothing"),
        pytest.param(1, say_page(2), id="another page's number"),
        pytest.param(0, say_page(1), id="another number of the first page"),
        pytest.param(1, say_size(50), id="another page size"),
        pytest.param(1, add_some, id="more than a page"),
    ],
)
def test_an_incomplete_snapshot_is_never_delivered(
    world: World, page: int, change: Callable[[Body], Body | None]
) -> None:
    """The read fails, is forgotten whole, and the next try reads anew and succeeds."""
    world.edit_mixpanel = on_page(page, change)
    run = world.run("run-1")

    with pytest.raises(SnapshotIncomplete, match=r"read anew\s+at the next try"):
        read_snapshot(run)

    assert stored(run) == []
    world.edit_mixpanel = lambda _, response: response
    again = read_snapshot(world.run("run-1"))
    assert (again.number, again.profiles) == (2, 250)


def test_a_page_that_came_twice_under_two_numbers_is_seen(world: World) -> None:
    """Rows add up to the total, the distinct ids do not."""
    project = world.mixpanel.state.project
    first = [
        {"$distinct_id": f"user-{each}", "$properties": project.profiles[f"user-{each}"]} for each in range(100)
    ]
    world.edit_mixpanel = on_page(1, lambda body: body | {"results": first})

    with pytest.raises(
        SnapshotIncomplete, match=r"announced 250 profiles and gave 250, of which 150 are distinct"
    ):
        read_snapshot(world.run())


def test_short_pages_that_a_full_one_makes_up_for_are_seen(world: World) -> None:
    """The rows add up to the total all the same: 99 and 100 and 51."""
    extra = {"$distinct_id": "extra", "$properties": {}}

    def shift(request: Request, response: Response) -> Response:
        response = on_page(1, drop_last)(request, response)
        return on_page(2, lambda body: body["results"].append(extra))(request, response)

    world.edit_mixpanel = shift

    with pytest.raises(
        SnapshotIncomplete, match=r"announced 250 profiles and gave 250, of which 250 are distinct"
    ):
        read_snapshot(world.run())


@pytest.mark.parametrize(
    ("page", "change", "missing"),
    [(2, drop_last, 1), (1, drop_last, 1), (1, repeat_first, 1), (0, say_total(251), 1)],
)
def test_missing_profiles_may_be_allowed_and_are_shown(
    world: World, page: int, change: Callable[[Body], None], missing: int
) -> None:
    """Mixpanel does not promise that its total is exact: so many may be missing, and it shows how many are."""
    world.mixpanel_extra = {"allowed_missing_profiles": 1}
    world.edit_mixpanel = on_page(page, change)

    assert read_snapshot(world.run()).missing_profiles == missing


@pytest.mark.parametrize(
    ("page", "change"),
    [
        pytest.param(0, say_total(252), id="two are missing"),
        pytest.param(0, say_total(249), id="more than announced"),
        pytest.param(1, say_page(2), id="another page's number"),
        pytest.param(1, add_some, id="more than a page"),
    ],
)
def test_allowance_is_for_missing_profiles_alone(world: World, page: int, change: Callable[[Body], None]) -> None:
    """One allowed is not two, and nothing else is forgiven."""
    world.mixpanel_extra = {"allowed_missing_profiles": 1}
    world.edit_mixpanel = on_page(page, change)

    with pytest.raises(SnapshotIncomplete):
        read_snapshot(world.run())


def test_an_empty_page_is_not_forgiven_by_a_last_one_that_is_too_full(world: World) -> None:
    """One profile is missing, but a whole page was skipped."""
    world.set_cohort(people(201))
    world.mixpanel_extra = {"allowed_missing_profiles": 1}
    extras = [{"$distinct_id": f"extra-{number}", "$properties": {}} for number in range(100)]

    def skip(request: Request, response: Response) -> Response:
        response = on_page(1, drop_all)(request, response)
        return on_page(2, lambda body: body | {"results": extras})(request, response)

    world.edit_mixpanel = skip

    with pytest.raises(SnapshotIncomplete, match="announced 201 profiles and gave 200"):
        read_snapshot(world.run())


def lose_session(world: World, *, times: int) -> None:
    """Let Mixpanel forget the session whenever page 2 is asked for, so many times."""
    left = [times]

    def edit(request: Request, response: Response) -> Response:
        if request.path == ENGAGE and request.form().get("page") == "2" and left[0]:
            left[0] -= 1
            world.mixpanel.state.engage.forget_sessions()
            return json_response({"request": "", "error": "uncached"}, 400)
        return response

    world.edit_mixpanel = edit


def test_a_session_lost_once_is_begun_anew(world: World) -> None:
    """In the same try, all pages from the new session, none of the old one."""
    lose_session(world, times=1)
    run = world.run()

    snapshot = read_snapshot(run)

    assert (snapshot.number, snapshot.profiles) == (2, 250)
    assert pages_asked(world) == ["0", "1", "2", "0", "1", "2"]
    assert stored(run) == ["00000002"]


def test_a_session_lost_twice_is_left_to_the_next_try(world: World) -> None:
    """Each begin costs a counted query; what was read of both sessions is forgotten."""
    lose_session(world, times=2)
    run = world.run("run-1")

    with pytest.raises(SessionLost):
        read_snapshot(run)

    assert stored(run) == []
    assert read_snapshot(world.run("run-1")).number == 3


def test_a_page_of_another_session_is_not_taken(world: World) -> None:
    """An answer that names another session counts as a lost one."""
    answered: list[str] = []

    def other_once(body: Body) -> Body | None:
        answered.append(body["session_id"])
        return body | {"session_id": "other"} if len(answered) == 1 else None

    world.edit_mixpanel = on_page(1, other_once)

    snapshot = read_snapshot(world.run())

    assert (snapshot.number, snapshot.profiles) == (2, 250)
    assert len(set(answered)) == 2


def break_off(world: World, error: type[Exception], *, run_id: str = "run-1", **faults: Any) -> None:
    """Let a try read pages 0 and 1, and fail on page 2."""
    world.pool = InOrder
    world.mixpanel.wire.faults.append(Fault("error_code", ENGAGE, skip=2, **faults))
    with pytest.raises(error):
        read_snapshot(world.run(run_id))
    world.mixpanel.wire.faults.clear()
    world.mixpanel.wire.log.clear()


class InOrder(ThreadPoolExecutor):
    """One thread, so that a failure begins no further page."""

    def __init__(self, _workers: int) -> None:
        super().__init__(1)


def test_the_next_try_asks_only_for_what_is_missing(world: World) -> None:
    """Pages that are stored are not read again, nor is a session begun."""
    break_off(world, AccessDenied, code="403")

    snapshot = read_snapshot(world.run("run-1"))

    assert pages_asked(world) == ["2"]
    assert (snapshot.number, snapshot.profiles) == (1, 250)


def test_a_long_pause_keeps_the_pages(world: World) -> None:
    """Mixpanel's hour is waited out, then the run goes on where it was."""

    def one_too_many(request: Request, response: Response) -> Response:
        if request.form().get("page") == "2":
            return json_response({"error": "too many"}, 429, {"retry-after": "600"})
        return response

    world.edit_mixpanel = one_too_many
    with pytest.raises(RateLimited) as limited:
        read_snapshot(world.run("run-1"))
    world.edit_mixpanel = lambda _, response: response
    world.mixpanel.wire.log.clear()

    assert (limited.value.resume_at - world.clock.now()).total_seconds() == 600
    world.clock.sleep(600)
    assert read_snapshot(world.run("run-1")).profiles == 250
    assert pages_asked(world) == ["2"]


def test_another_run_does_not_go_on_with_a_broken_read(world: World) -> None:
    """Its snapshot would be older than its own beginning."""
    break_off(world, AccessDenied, code="403")

    assert read_snapshot(world.run("run-2")).number == 2
    assert pages_asked(world) == ["0", "1", "2"]


def test_a_read_that_is_too_old_is_not_gone_on_with(world: World) -> None:
    """After two hours nothing would be delivered of it; it is forgotten, and the cohort read anew."""
    world.mixpanel.state.limits = world.mixpanel.state.limits.model_copy(update={"session_seconds": 86_400})
    break_off(world, AccessDenied, code="403")
    world.clock.sleep(7201)
    run = world.run("run-1")

    snapshot = read_snapshot(run)

    assert pages_asked(world) == ["0", "1", "2"]
    assert stored(run) == [snapshot.name] == ["00000002"]


def test_a_read_of_two_hours_is_gone_on_with(world: World) -> None:
    """To the second."""
    world.mixpanel.state.limits = world.mixpanel.state.limits.model_copy(update={"session_seconds": 86_400})
    break_off(world, AccessDenied, code="403")
    world.clock.sleep(7200)

    read_snapshot(world.run("run-1"))

    assert pages_asked(world) == ["2"]


def test_a_session_that_ended_between_two_tries_is_begun_anew(world: World) -> None:
    """A page that cannot be had any more costs a new session, not the run."""
    break_off(world, AccessDenied, code="403")
    world.mixpanel.state.engage.forget_sessions()
    run = world.run("run-1")

    snapshot = read_snapshot(run)

    assert pages_asked(world) == ["2", "0", "1", "2"]
    assert stored(run) == [snapshot.name] == ["00000002"]


def test_a_broken_read_of_another_cohort_is_not_gone_on_with(world: World) -> None:
    """The export's YAML was changed between two tries."""
    break_off(world, AccessDenied, code="403")
    world.set_cohort(["ann@example.com"], cohort_id=2002)
    world.export = world.export.model_copy(update={"cohort_id": 2002})

    snapshot = read_snapshot(world.run("run-1"))

    assert (snapshot.cohort_id, snapshot.profiles) == (2002, 1)


def test_a_damaged_session_costs_a_new_read(world: World) -> None:
    """Clearing the task, as a message advises, must help."""
    break_off(world, AccessDenied, code="403")
    run = world.run("run-1")
    run.store.write(f"{run.folder}/snapshots/00000001/session.json", b"{")

    assert read_snapshot(run).number == 2


def test_a_run_that_is_cleared_reads_the_cohort_anew(world: World) -> None:
    """A complete snapshot is not gone on with by the task that reads."""
    read_snapshot(world.run("run-1"))
    world.set_cohort(people(260))

    assert read_snapshot(world.run("run-1")).profiles == 260


def test_pages_are_read_side_by_side(world: World) -> None:
    """As many at a time as the Connection says."""
    sizes: list[int] = []

    def pool(workers: int) -> ThreadPoolExecutor:
        sizes.append(workers)
        return ThreadPoolExecutor(workers)

    world.pool = pool
    world.mixpanel_extra = {"concurrent_pages": 4}
    world.page_size = 10

    assert read_snapshot(world.run()).profiles == 250
    assert sizes == [4]


def test_pages_are_queued_a_few_at_a_time(world: World) -> None:
    """A cohort of 30 million has thousands of pages; what waits does not grow with them."""
    waiting: list[int] = []

    class Counting(ThreadPoolExecutor):
        def __init__(self, workers: int) -> None:
            super().__init__(workers)
            self._futures: list[Future[Any]] = []

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            self._futures.append(super().submit(fn, *args, **kwargs))
            waiting.append(sum(not future.done() for future in self._futures))
            return self._futures[-1]

    world.pool = Counting
    world.page_size = 2

    assert read_snapshot(world.run()).profiles == 250
    assert len(waiting) == 124
    assert max(waiting) <= 6


def test_a_page_is_stored_before_the_next_is_asked_for(world: World) -> None:
    """Nothing of it stays in memory, however large the cohort."""
    world.page_size = 10
    held: list[int] = []

    def in_memory() -> int:
        return sum(type(each) is Page for each in gc.get_objects())

    of_other_tests = in_memory()

    def count(_request: Request, response: Response) -> Response:
        held.append(in_memory() - of_other_tests)
        return response

    world.edit_mixpanel = count

    read_snapshot(world.run())

    assert len(held) == 25
    assert max(held) <= 1


def test_a_read_that_fails_leaves_no_page_of_those_under_way(world: World) -> None:
    """Pages that come while the failure is on its way up are forgotten too."""
    world.pool = ThreadPoolExecutor
    world.page_size = 10
    lock = Lock()
    asked: list[int] = []

    def swap(body: Body) -> None:
        with lock:
            asked.append(1)
        body["page"] = 99

    world.edit_mixpanel = on_page(1, swap)
    run = world.run()

    with pytest.raises(SnapshotIncomplete):
        read_snapshot(run)

    assert asked
    assert stored(run) == []


@pytest.mark.parametrize(
    ("total", "settings"), [(30_000_001, {}), (251, {"max_profiles": 250})], ids=["by default", "as set"]
)
def test_a_cohort_that_is_too_large_is_refused(world: World, total: int, settings: dict[str, int]) -> None:
    """By its total, before another page is asked for; the message names limit and setting."""
    world.settings = world.settings.model_copy(update=settings)
    world.mixpanel.state.project.cohorts[COHORT].announced_total = total
    run = world.run()

    limit = f"{settings.get('max_profiles', 30_000_000):,}"
    with pytest.raises(
        CohortUnusable, match=rf"{total:,} profiles, the limit is {limit} .*max_profiles.*Nothing was sent"
    ):
        read_snapshot(run)

    assert pages_asked(world) == ["0"]
    assert stored(run) == []


def test_thirty_million_profiles_are_accepted(world: World) -> None:
    """The next page is asked for (and here denied, since nobody wants to read them all)."""
    world.mixpanel.state.project.cohorts[COHORT].announced_total = 30_000_000
    world.page_size = 5000

    break_off(world, AccessDenied, code="403")

    run = world.run()
    session = SnapshotFolder(run.store, run.folder, "00000001").session()
    assert session is not None
    assert (session.total, session.pages) == (30_000_000, 6000)


@pytest.mark.parametrize("emails", [[None] * 150, ["<null>", None, ""], [None, "nonsense", ["a@x.io"]]])
def test_profiles_without_one_address_stop_the_run(world: World, emails: list[Any]) -> None:
    """The message names what hides addresses, and what to do if there really are none; the read is forgotten."""
    world.set_cohort(emails)
    run = world.run("run-1")

    with pytest.raises(
        CohortUnusable,
        match=rf"has {len(emails)} profiles .*classified data.*workspace_id.*Nothing was sent.*allow_exits",
    ):
        read_snapshot(run)

    assert stored(run) == []


def test_addresses_that_are_classified_are_told_as_such(world: World) -> None:
    """Once the account may see them, the same run reads them: its pages were not kept."""
    account = world.mixpanel.state.account
    world.mixpanel.state.account = account.model_copy(update={"email_is_classified": True})
    with pytest.raises(CohortUnusable, match="classified"):
        read_snapshot(world.run("run-1"))
    world.mixpanel.state.account = account

    assert read_snapshot(world.run("run-1")).members == 250


def test_profiles_without_one_address_may_be_let_through(world: World) -> None:
    """By the parameter that lets exits through, since everybody exits."""
    world.set_cohort([None, "nonsense"])

    snapshot = read_snapshot(world.run(allow_exits=5))

    assert (snapshot.profiles, snapshot.members) == (2, 0)


def test_a_missing_cohort_is_told_by_its_id(world: World) -> None:
    """A person can look it up; nothing is kept."""
    world.export = world.export.model_copy(update={"cohort_id": 4711})
    run = world.run()

    with pytest.raises(CohortUnusable, match="no cohort 4711"):
        read_snapshot(run)

    assert stored(run) == []


def test_a_snapshot_is_loaded_by_the_next_task(world: World) -> None:
    """Another worker finds it in the store."""
    snapshot = read_snapshot(world.run())

    assert load_snapshot(world.run(), snapshot.name) == snapshot


def test_a_snapshot_that_is_not_there_is_asked_for_again(world: World) -> None:
    """The message says which task to clear."""
    with pytest.raises(StoreUnusable, match=r"00000009 is not in the state store. Clear the task snapshot_cohort"):
        load_snapshot(world.run(), "00000009")


@pytest.mark.parametrize("change", ["cohort", "data view"])
def test_a_snapshot_of_something_else_is_not_delivered(world: World, change: str) -> None:
    """The export was changed between its tasks."""
    snapshot = read_snapshot(world.run())
    if change == "cohort":
        world.export = world.export.model_copy(update={"cohort_id": 2002})
    else:
        world.mixpanel_extra = {"workspace_id": 9}

    with pytest.raises(StoreUnusable, match=r"another project, data view or cohort.*Nothing was sent"):
        load_snapshot(world.run(), snapshot.name)


def test_no_address_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Logs show counts alone."""
    caplog.set_level("DEBUG")
    lose_session(world, times=1)

    read_snapshot(world.run())

    assert "lost the session" in caplog.text
    assert "example.com" not in caplog.text


def others_read(world: World, slots: int) -> None:
    """Have another run's snapshot hold so many of the project's slots."""
    reading = Slots(slot_log(world), "another try", wanted=slots, clock=world.clock)
    held = ExitStack()
    for _ in range(slots):
        held.enter_context(reading.slot())
    held.pop_all()


def slot_log(world: World) -> SlotLog:
    """Return the log of the project's slots."""
    return SlotLog(world.store, "mixpanel/7", world.clock)


def test_a_snapshot_waits_while_others_use_all_slots(world: World) -> None:
    """Rule 13: at most 4 of Mixpanel's 5, whoever of us reads."""
    others_read(world, 4)

    with pytest.raises(RateLimited, match="other snapshots"):
        read_snapshot(world.run())

    assert pages_asked(world) == []


def test_a_snapshot_is_read_with_what_slots_are_left(world: World) -> None:
    """One page after the other, then."""
    others_read(world, 3)

    assert read_snapshot(world.run()).profiles == 250


@pytest.mark.parametrize("broken", [False, True])
def test_the_slots_are_given_back_in_the_end(world: World, broken: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Also where the reading failed."""
    if broken:
        world.edit_mixpanel = on_page(1, lambda body: body | {"page": 2})

    with pytest.raises(SnapshotIncomplete) if broken else nullcontext():
        read_snapshot(world.run())

    assert slot_log(world).state.number > 0
    assert slot_log(world).state.readers == ()
