"""Rules 5 to 10 and 14 on the wire: what is sent, in which order, how often, and what each answer leads to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests

from include.sandbox.marketo_fields import Catalog, Field
from include.sandbox.marketo_partitions import Partition, Partitions
from include.sandbox.marketo_standard_fields import standard_fields
from include.sandbox.wire import FaultKind, Request, Response, json_response
from marketo_provider.errors import (
    AccessDenied,
    FieldUnusable,
    LeaseHeld,
    LeaseLost,
    RequestRefused,
    VendorUnavailable,
)
from marketo_provider.sync.report import Report
from tests.sync.world import FIELD, HookedStore, InProcess, Killed, World

DAY = 24 * 3600


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world with room for large cohorts."""
    return World(tmp_path, page_size=5000)


def people(count: int, *, first: int = 0) -> list[str]:
    """Return so many addresses."""
    return [f"user{number}@example.com" for number in range(first, first + count)]


def _dying_at_the_journal(told: str) -> None:
    """Have the process end before an answer is durable."""
    if told.startswith("before write") and "/journals/" in told:
        raise Killed


def lead_ids(world: World, email: str) -> list[int]:
    """Return the ids of all leads of an address."""
    return [lead.lead_id for lead in world.marketo.instance.leads.find("email", [email])]


def times_of(world: World) -> list[float]:
    """Have the times kept at which leads are synced or looked up from here on."""
    times: list[float] = []

    def note(path: str) -> None:
        if path == "/rest/v1/leads.json":
            times.append(world.clock.seconds)

    world.before_marketo = note
    return times


def poison(world: World, refuse: Callable[[bytes], str | None]) -> list[float]:
    """Have requests refused as a whole by what is in them; return the list of when that was."""
    refused: list[float] = []

    class Poisoned(InProcess):
        def send(self, prepared: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override] # as its parent
            body = prepared.body or b""
            code = refuse(body if isinstance(body, bytes) else body.encode())
            if code and "leads.json" in prepared.path_url:
                refused.append(world.clock.seconds)
                world.break_marketo("error_code", code=code)
            return super().send(prepared, *args, **options)

    world.adapter = Poisoned
    return refused


def test_exits_go_before_entries(world: World) -> None:
    """Who has left must not be mailed."""
    world.sync(["ann@example.com"])

    world.sync(["bob@example.com"])

    assert [write["input"][0][FIELD] for write in world.writes()] == [True, False, True]


def test_nothing_but_the_key_and_the_field_is_sent(world: World) -> None:
    """By address, or by id where a lead has another address by now."""
    world.sync(["ann@example.com", "bob@example.com"])
    (ann,) = world.marketo.instance.leads.find("email", ["ann@example.com"])
    world.marketo.instance.leads.update(ann, {"email": "moved@example.com"})
    world.sync(["bob@example.com"])

    records = [record for write in world.writes() for record in write["input"]]

    assert {frozenset(record) for record in records} == {frozenset({"email", FIELD}), frozenset({"id", FIELD})}
    assert {frozenset(write) for write in world.writes()} == {frozenset({"action", "lookupField", "input"})}


def test_an_exit_never_creates_a_lead(world: World) -> None:
    """Who was deleted in Marketo stays deleted."""
    world.sync(["ann@example.com", "bob@example.com"])
    world.marketo.instance.leads.delete(lead_ids(world, "ann@example.com"))

    report = world.sync(["bob@example.com"])

    assert world.flags() == {"bob@example.com": True}
    assert (report.set_false, report.not_in_marketo) == (0, 1)
    exits = [write for write in world.writes() if not write["input"][0][FIELD]]
    assert {write["action"] for write in exits} == {"updateOnly"}


@pytest.mark.parametrize("count", [1, 300, 301, 700])
def test_the_fewest_calls_are_made(world: World, count: int) -> None:
    """300 records each, there and back."""
    world.sync(["stays@example.com"])

    world.sync(["stays@example.com", *people(count)])
    entries = len(world.writes()) - 1
    world.sync(["stays@example.com"], allow_exits=count)

    assert (entries, len(world.writes()) - 1 - entries) == (-(-count // 300), -(-count // 300))


def test_requests_go_side_by_side(world: World) -> None:
    """As many as the Connection allows; no address is in two of them."""
    world.sync(["stays@example.com"])
    together, calls = Barrier(5), count()

    def meet(path: str) -> None:
        # The sixth reads back.
        if path == "/rest/v1/leads.json" and next(calls) < 5:
            together.wait(timeout=60)

    world.before_marketo, world.pool = meet, ThreadPoolExecutor
    world.sync(["stays@example.com", *people(1500)], allow_entries=1500)

    sent = [record["email"] for write in world.writes() for record in write["input"]]
    assert len(sent) == len(set(sent)) == 1501
    assert all(world.flags().values())


def test_a_changed_address_is_followed(world: World) -> None:
    """The lead that was set True is set False, whatever its address is by now."""
    world.sync(["ann@example.com", "bob@example.com"])
    (lead,) = world.marketo.instance.leads.find("email", ["ann@example.com"])
    world.marketo.instance.leads.update(lead, {"email": "ann.new@example.com"})

    world.sync(["bob@example.com"])

    assert world.flags() == {"ann.new@example.com": False, "bob@example.com": True}


@pytest.mark.parametrize("pause", [False, True])
def test_a_lead_that_passed_on_to_a_member_stays_true(world: World, pause: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """Its old address leaves, its new one is in the cohort: in the same run, or later."""
    world.sync(["ann@example.com", "bob@example.com"])
    (lead,) = world.marketo.instance.leads.find("email", ["ann@example.com"])
    world.marketo.instance.leads.update(lead, {"email": "new@example.com"})
    if pause:
        world.sync(["ann@example.com", "bob@example.com", "new@example.com"])

    world.sync(["bob@example.com", "new@example.com"])

    assert world.flags() == {"new@example.com": True, "bob@example.com": True}


def test_a_merged_lead_is_reached_by_its_address(world: World) -> None:
    """The id that is known is gone."""
    world.sync(["ann@example.com", "bob@example.com"])
    (loser,) = world.marketo.instance.leads.find("email", ["ann@example.com"])
    winner = world.marketo.instance.leads.get(world.add_lead("ann@example.com"))
    assert winner is not None
    world.marketo.instance.leads.merge(winner, [loser])
    assert world.flags()["ann@example.com"] is True

    report = world.sync(["bob@example.com"])

    assert world.flags() == {"ann@example.com": False, "bob@example.com": True}
    assert report.set_false == 1


def test_all_duplicates_are_set_both_ways(world: World) -> None:
    """1007 by address, then each by id."""
    for _ in range(3):
        world.add_lead("ann@example.com")

    entered = world.sync(["Ann@example.com", "bob@example.com"])
    held = [lead.values.get(FIELD) for lead in world.marketo.instance.leads]
    left = world.sync(["bob@example.com"])

    assert held == [True] * 4
    assert [lead.values.get(FIELD) for lead in world.marketo.instance.leads] == [False, False, False, True]
    assert (entered.set_true, entered.updated, entered.created) == (2, 3, 1)
    assert left.set_false == 1


def test_duplicates_of_an_unknown_id_are_set_false(world: World) -> None:
    """The lead known was merged away, and two others have the address."""
    world.sync(["ann@example.com", "bob@example.com"])
    world.marketo.instance.leads.delete(lead_ids(world, "ann@example.com"))
    for _ in range(2):
        world.add_lead("ann@example.com", **{FIELD: True})

    world.sync(["bob@example.com"])

    assert [lead.values[FIELD] for lead in world.marketo.instance.leads] == [True, False, False]


def test_who_leaves_after_a_lost_answer_is_set_false_at_all_leads(world: World) -> None:
    """It would have told of leads that nobody knows: made anew for Ann, whose own has moved, or found as Bob's."""
    world.sync(["ann@example.com", "bob@example.com", "cat@example.com"])
    world.sync(["cat@example.com"])
    (ann,) = world.marketo.instance.leads.find("email", ["ann@example.com"])
    world.marketo.instance.leads.update(ann, {"email": "moved@example.com"})
    world.add_lead("bob@example.com")
    store = world.store
    world.store = HookedStore(store, _dying_at_the_journal)
    with pytest.raises(Killed):
        world.sync(["ann@example.com", "bob@example.com", "cat@example.com"])
    world.store = store
    world.clock.sleep(300)
    assert sum(bool(lead.values[FIELD]) for lead in world.marketo.instance.leads) == 4

    world.sync(["cat@example.com"])

    assert not any(world.flags()[name] for name in ("ann@example.com", "bob@example.com", "moved@example.com"))
    assert {lead.values[FIELD] for lead in world.marketo.instance.leads.find("email", ["bob@example.com"])} == {
        False
    }


def test_a_lead_that_is_a_members_by_now_stays_true_when_who_had_it_leaves(world: World) -> None:
    """Two leads of one person were merged, and the address of the second was kept; the first address leaves."""
    world.sync(people(1200))
    leaver, member = (lead_ids(world, address)[0] for address in people(2))
    leads = world.marketo.instance.leads
    first, second = (next(lead for lead in leads if lead.lead_id == each) for each in (leaver, member))
    leads.merge(first, [second])
    leads.update(first, {"email": people(2)[1]})

    world.sync(people(1199, first=1))

    assert world.flags()[people(2)[1]] is True
    assert [write["lookupField"] for write in world.writes()[-1:]] == ["email"]
    world.sync(people(1198, first=2))
    assert world.flags()[people(2)[1]] is False


def test_a_full_refresh_reaches_leavers_by_address_in_as_few_calls(world: World) -> None:
    """And by id only the lead that the address does not lead to any more."""
    world.sync(people(600))
    world.sync(people(1), allow_exits=600)
    (lead,) = world.marketo.instance.leads.find("email", people(2)[1:])
    world.marketo.instance.leads.update(lead, {"email": "moved@example.com", FIELD: True})
    world.add_lead(people(2)[1], **{FIELD: True})
    before = len(world.writes())

    world.sync(full_refresh=True)

    sizes = [(len(write["input"]), write["lookupField"]) for write in world.writes()[before:]]
    assert sizes == [(300, "email"), (299, "email"), (1, "id"), (1, "email")]
    assert [address for address, flag in world.flags().items() if flag] == people(1)


def test_a_lead_in_another_partition_is_set_true_there(tmp_path: Path) -> None:
    """The partition is only for leads that are new."""
    world = World(tmp_path, partition="Emea")
    partitions = [Partition(id=1, name="Default"), Partition(id=2, name="Emea")]
    world.marketo.instance.partitions = Partitions(partitions)
    world.add_lead("ann@example.com")

    report = world.sync(["ann@example.com", "bob@example.com"])

    assert {lead.partition: lead.values[FIELD] for lead in world.marketo.instance.leads} == {
        "Default": True,
        "Emea": True,
    }
    assert (report.created, report.updated, report.refused) == (1, 1, 0)


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "hang_after"])
@pytest.mark.parametrize("replay_after", [90, 200])
def test_a_request_without_an_answer_is_sent_again_after_marketos_limit(
    world: World, kind: FaultKind, replay_after: int
) -> None:
    """Before that, Marketo may still act on it."""
    world.limits = {"replay_after_seconds": replay_after}
    world.sync(["ann@example.com"])
    times = times_of(world)
    world.break_marketo(kind)

    world.sync(["ann@example.com", "bob@example.com"])

    first, second, _read_back = times
    assert second - first >= replay_after
    assert len(lead_ids(world, "bob@example.com")) == 1
    assert world.flags()["bob@example.com"] is True


def test_a_request_that_lands_late_makes_no_second_lead(world: World) -> None:
    """The connection broke, Marketo went on for another 89 seconds."""
    world.sync(["ann@example.com"])
    world.break_marketo("delay", seconds=89.0)

    world.sync(["ann@example.com", "bob@example.com"])

    assert len(lead_ids(world, "bob@example.com")) == 1


def test_an_exit_in_doubt_is_over_before_an_entry_begins(world: World) -> None:
    """It may be of the same lead, under another address."""
    world.sync(["ann@example.com"])
    (lead,) = world.marketo.instance.leads.find("email", ["ann@example.com"])
    world.marketo.instance.leads.update(lead, {"email": "new@example.com"})
    world.break_marketo("delay", seconds=80.0)

    world.sync(["new@example.com"])

    assert world.flags() == {"new@example.com": True}


@pytest.mark.parametrize("code", ["502", "601", "602", "604", "606", "608", "611", "614", "615", "713"])
def test_a_passing_failure_is_waited_out(world: World, code: str) -> None:
    """Inside the run; Airflow sees nothing of it."""
    world.break_marketo("error_code", code=code, skip=1)

    report = world.sync(["ann@example.com"])

    assert world.flags() == {"ann@example.com": True}
    assert (report.set_true, report.refused) == (1, 0)


@pytest.mark.parametrize("code", ["609", "413", "1003", "611"])
def test_one_record_that_spoils_its_request_is_found(world: World, code: str) -> None:
    """By halving; everybody else is set True."""
    world.sync(["first@example.com"])
    poison(world, lambda body: code if b"user7@" in body else None)

    report = world.sync(["first@example.com", *people(40)])

    assert (report.set_true, report.refused_by_code) == (39, {code: 1})
    assert world.flags() == dict.fromkeys({"first@example.com", *people(40)} - {"user7@example.com"}, True)


def test_halving_takes_no_more_calls_than_it_must(world: World) -> None:
    """The whole, and two halves at each level."""
    world.sync(["first@example.com"])
    poison(world, lambda body: "609" if b"user7@" in body else None)
    before = world.marketo.wire.recorded

    world.sync(["first@example.com", *people(256)])

    # Mixpanel apart, a run asks for the token and the usage too, and reads back.
    assert world.marketo.wire.recorded - before == 1 + 2 * 8 + 3


def test_two_records_that_spoil_their_request_are_found(world: World) -> None:
    """One in each half: both fail alike, yet the others are set True in the end."""
    world.sync(["first@example.com"])
    poison(world, lambda body: "609" if b"user1@" in body or b"user38@" in body else None)

    report = world.sync(["first@example.com", *people(40)])

    assert (report.set_true, report.refused) == (38, 2)


def test_what_is_refused_for_a_while_is_nobodys_fault(world: World) -> None:
    """Both halves fail alike, so the whole is sent again, and then it is taken."""
    world.break_marketo("error_code", code="609", times=6, skip=1)

    report = world.sync(people(40))

    assert (report.set_true, report.refused) == (40, 0)


def test_what_is_always_refused_stops_the_run_before_it_has_spent_the_quota(world: World) -> None:
    """And nobody is taken for refused."""
    world.sync(["first@example.com"])
    refused = poison(world, lambda body: "709" if b"user" in body else None)

    with pytest.raises(RequestRefused):
        world.sync(["first@example.com", *people(900)])

    assert len(refused) < 250
    world.adapter = InProcess
    assert world.sync().set_true == 900


def test_marketo_out_of_order_ends_the_run_after_a_quarter_of_an_hour(world: World) -> None:
    """What is not acknowledged is sent by the next try."""
    world.sync(["first@example.com"])
    world.break_marketo("error_code", code="608", times=10**6)
    began = world.clock.seconds

    with pytest.raises(VendorUnavailable):
        world.sync(["first@example.com", "ann@example.com"])

    assert 900 < world.clock.seconds - began < 1200
    world.marketo.wire.faults.clear()
    assert world.sync().set_true == 1


def test_a_system_error_of_all_requests_refuses_nobody(world: World) -> None:
    """611 for a quarter of an hour is an outage."""
    world.sync(["first@example.com"])
    world.break_marketo("error_code", code="611", times=10**6)

    with pytest.raises(VendorUnavailable):
        world.sync(["first@example.com", *people(300)])

    world.marketo.wire.faults.clear()
    world.clock.sleep(300)
    report = world.sync()
    assert (report.set_true, report.refused) == (300, 0)


def test_a_half_in_doubt_waits_though_its_twin_is_done(world: World) -> None:
    """611 says that the request may have been carried out."""
    world.sync(["first@example.com"])
    refused = poison(world, lambda body: "611" if b"user7@" in body else None)

    world.sync(["first@example.com", *people(8)])

    assert len(refused) == 3 * 4
    assert min(later - earlier for earlier, later in pairwise(refused)) >= 90


def test_a_record_that_three_system_errors_met_is_in_doubt(world: World) -> None:
    """If he leaves, he is set False all the same."""
    world.sync(["first@example.com"])

    def act_then_fail(request: Request, response: Response) -> Response:
        if b"user7@" not in request.body:
            return response
        return json_response({"requestId": "a#1", "success": False, "errors": [{"code": "611", "message": ""}]})

    world.edit_marketo = act_then_fail
    report = world.sync(["first@example.com", *people(1, first=7)])
    world.edit_marketo = lambda _, response: response
    assert (report.refused, world.flags()["user7@example.com"]) == (1, True)

    world.sync(["first@example.com"])

    assert world.flags()["user7@example.com"] is False


def test_a_field_that_goes_in_the_middle_stops_the_run(world: World) -> None:
    """1006: what was answered before is kept."""
    world.limits = {"concurrent_calls": 1}
    world.sync(["first@example.com"])
    requests_made: list[str] = []

    def remove_field(path: str) -> None:
        requests_made.append(path)
        if requests_made.count("/rest/v1/leads.json") == 2:
            world.marketo.instance.catalog = Catalog(standard_fields())

    world.before_marketo = remove_field
    with pytest.raises(FieldUnusable, match="1006"):
        world.sync(["first@example.com", *people(600)])

    world.before_marketo = lambda _: None
    world.marketo.instance.catalog.put(Field(name=FIELD, display_name="Back", data_type="boolean", custom=True))
    assert world.sync().set_true == 300


def test_a_request_refused_for_the_field_stops_the_run_too(world: World) -> None:
    """1006 may come for the request as a whole."""
    world.sync(["first@example.com"])
    world.break_marketo("error_code", code="1006")

    with pytest.raises(FieldUnusable, match="1006"):
        world.sync(["first@example.com", "ann@example.com"])

    assert world.sync().set_true == 1


@pytest.mark.parametrize("reasons", [[], [{"code": "9999", "message": "who knows"}]])
def test_a_record_skipped_for_an_unknown_reason_is_refused(world: World, reasons: list[dict[str, str]]) -> None:
    """It was not written, so it is not taken for done: an exit is tried again."""
    world.sync(["ann@example.com", "bob@example.com"])

    def skip(request: Request, response: Response) -> Response:
        if request.path != "/rest/v1/leads.json" or "_method" in request.query:
            return response
        return json_response(
            {"requestId": "a#1", "success": True, "result": [{"status": "skipped", "reasons": reasons}]}
        )

    world.edit_marketo = skip
    report = world.sync(["bob@example.com"])
    world.edit_marketo = lambda _, response: response

    assert (report.set_false, report.refused) == (0, 1)
    world.clock.sleep(DAY)
    assert world.sync().set_false == 1


def test_a_run_that_lost_its_lease_sends_nothing_more(world: World) -> None:
    """Another one has taken it over meanwhile."""
    world.limits = {"concurrent_calls": 1}
    world.sync(["first@example.com"])
    sent: list[str] = []

    def freeze(path: str) -> None:
        if path == "/rest/v1/leads.json":
            sent.append(path)
            if len(sent) == 1:
                world.clock.sleep(231)
                world.before_marketo = lambda _: None
                other = world.run()
                other.lease(other.open_log()).take()

    world.before_marketo = freeze
    with pytest.raises(LeaseLost):
        world.sync(["first@example.com", *people(900)])

    assert len(sent) == 1


def test_a_run_that_fails_with_a_request_in_doubt_keeps_its_lease(world: World) -> None:
    """Nobody may write to the target before Marketo can no longer act on it."""
    world.sync(["first@example.com"])
    world.break_marketo("delay", seconds=89.0)
    world.break_marketo("error_code", code="603")
    with pytest.raises(AccessDenied):
        world.sync(["first@example.com", *people(600)])

    with pytest.raises(LeaseHeld) as held:
        world.sync()

    world.clock.sleep((held.value.resume_at - world.clock.now()).total_seconds())
    world.sync()
    assert len(world.marketo.instance.leads) == 601
    assert all(world.flags().values())


def test_a_run_that_fails_with_everything_answered_gives_the_lease_back(world: World) -> None:
    """The next one begins at once, with what was answered."""
    world.limits = {"concurrent_calls": 1}
    world.sync(["first@example.com"])
    world.break_marketo("error_code", code="603", skip=1)
    with pytest.raises(AccessDenied):
        world.sync(["first@example.com", *people(600)])

    report = world.sync()

    assert report.set_true == 300


def test_the_calls_of_the_day_spent_leave_the_rest_to_the_next_run(world: World) -> None:
    """607: who was not sent is not taken for sent, so nobody is set False who never was True."""
    world.limits = {"concurrent_calls": 1}
    world.sync(["first@example.com"])
    world.break_marketo("error_code", code="607", skip=1)

    report = world.sync(["first@example.com", *people(900)])
    assert (report.set_true, report.left_over) == (300, 600)

    members = [email for email, flag in world.flags().items() if flag]
    assert world.sync(members).exited == 0
    assert world.sync(["first@example.com", *people(900)]).set_true == 600


def test_our_share_of_the_calls_is_kept_to(world: World) -> None:
    """With everybody else's calls counted, and the last tenth kept for exits."""
    world.limits = {"daily_quota": 100, "quota_share": 0.5, "concurrent_calls": 1}
    world.route = "sync_leads"
    world.sync(["first@example.com"])
    world.marketo.instance.gate.set_used(42)

    report = world.sync(["first@example.com", *people(900)])

    assert (report.set_true, report.left_over) == (600, 300)
    assert world.marketo.instance.gate.used() == 45


def test_exits_use_the_last_calls_when_entries_may_not(world: World) -> None:
    """Who has left must not be mailed."""
    world.limits = {"daily_quota": 100, "quota_share": 0.5}
    world.sync(["first@example.com", "ann@example.com"])
    world.marketo.instance.gate.set_used(46)

    report = world.sync(["first@example.com", "bob@example.com"])

    assert (report.set_false, report.set_true, report.left_over) == (1, 0, 1)


def test_a_usage_that_cannot_be_read_for_want_of_calls_ends_the_sending(world: World) -> None:
    """607 for the usage itself: the run settles and succeeds all the same."""
    world.sync(["first@example.com"])
    world.break_marketo("error_code", path="usage", code="607")

    report = world.sync(["first@example.com", "ann@example.com"])

    assert (report.set_true, report.left_over) == (0, 1)
    assert world.sync().set_true == 1


def test_a_refused_half_whose_twin_had_no_calls_left_is_left_over(world: World) -> None:
    """Both are the next run's."""
    world.limits = {"concurrent_calls": 1}
    world.sync(["first@example.com"])
    world.break_marketo("error_code", code="609", times=2)
    world.break_marketo("error_code", code="607")

    report = world.sync(["first@example.com", *people(40)])

    assert (report.set_true, report.left_over) == (0, 40)
    assert world.sync().set_true == 40


def test_an_exit_cut_short_stays_in_doubt(world: World) -> None:
    """One of his leads was set False before the calls ended: if he comes back, he is set True again."""
    for _ in range(2):
        world.add_lead("ann@example.com")
    world.sync(["ann@example.com", "bob@example.com"])
    gone, _ = lead_ids(world, "ann@example.com")
    world.marketo.instance.leads.delete([gone])
    world.break_marketo("error_code", code="607", skip=1)
    assert world.sync(["bob@example.com"]).left_over == 1
    assert world.flags()["ann@example.com"] is False

    world.sync(["ann@example.com", "bob@example.com"])

    assert world.flags() == {"ann@example.com": True, "bob@example.com": True}


def ann_refused_in_part(world: World) -> Report:
    """Let Ann, who has two leads, enter beside Bob, who is in; the last of hers is refused, from now on."""
    for _ in range(2):
        world.add_lead("ann@example.com")
    world.sync(["bob@example.com"])
    last = lead_ids(world, "ann@example.com")[-1]
    poison(world, lambda body: "609" if f'"id":{last}'.encode() in body else None)
    return world.sync(["ann@example.com", "bob@example.com"])


def test_a_refusal_of_one_of_two_leads_keeps_the_other_in_mind(world: World) -> None:
    """It was set True, so it is set False when he leaves."""
    report = ann_refused_in_part(world)
    assert report.refused_by_code == {"609": 1}
    assert sorted(map(bool, (lead.values.get(FIELD) for lead in world.marketo.instance.leads))) == [
        False,
        True,
        True,
    ]

    world.adapter = InProcess
    world.sync(["bob@example.com"])

    assert [lead.values[FIELD] for lead in world.marketo.instance.leads] == [False, False, True]


def test_a_member_of_whose_leads_one_was_true_is_not_created_again(world: World) -> None:
    """The other was refused; both are deleted before he is asked for again."""
    ann_refused_in_part(world)
    world.adapter = InProcess
    world.marketo.instance.leads.delete(lead_ids(world, "ann@example.com"))
    world.clock.sleep(2 * DAY)

    world.sync()

    assert world.flags() == {"bob@example.com": True}


def test_an_address_is_asked_for_in_its_own_case(world: World) -> None:
    """The form that was sent first is sent ever after."""
    world.sync(["Ann@example.com", "bob@example.com"])
    world.sync(["bob@example.com"])

    world.sync(["ANN@example.com", "bob@example.com"])

    forms = {record["email"] for write in world.writes() for record in write["input"] if "email" in record}
    assert forms == {"Ann@example.com", "bob@example.com"}
    assert world.flags() == {"ann@example.com": True, "bob@example.com": True}
