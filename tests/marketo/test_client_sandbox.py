"""The client against the sandbox's Marketo over real HTTP: do both understand the vendor alike?"""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
import requests

from include.sandbox.marketo import MarketoSandbox
from include.sandbox.marketo_fields import Field as SandboxField
from include.sandbox.marketo_instance import WRITE_LEAD
from include.sandbox.marketo_partitions import Partition, Partitions
from include.sandbox.serving import serve
from include.sandbox.wire import Fault
from marketo_provider.errors import (
    AccessDenied,
    MarketoProviderError,
    NoAnswer,
    QuotaExhausted,
    RequestRefused,
    VendorUnavailable,
)
from marketo_provider.marketo.client import Field, Lead, LeadResult, MarketoClient, Scalar
from marketo_provider.marketo.connection import MarketoConnection
from tests.fake_wire import FakeClock

ANN, BOB, FLAG = "ann@example.com", "Bob+x@Example.com", "mixpanelTrialUsers"


class World:
    """A served sandbox with one custom Boolean field, and what is needed for a client of it."""

    def __init__(self, sandbox: MarketoSandbox, url: str, clock: FakeClock) -> None:
        self.sandbox = sandbox
        self.url = url
        self.clock = clock
        self.instance = sandbox.instance
        self.instance.catalog.put(
            SandboxField(name=FLAG, display_name="Mixpanel Trial Users", data_type="boolean", custom=True)
        )
        self.client = self.another()

    def another(self, path: str = "", **changes: Any) -> MarketoClient:
        """Return a new client."""
        connection = MarketoConnection.from_parts(
            "mkto",
            host=self.url + path,
            login="sandbox-client",
            password=changes.pop("secret", "sandbox-secret"),
            extra=changes,
        )
        return MarketoClient(connection, session=requests.Session(), clock=self.clock)

    def fault(self, kind: Any, **settings: Any) -> None:
        """Have a fault take effect on what is not a request for a token."""
        self.sandbox.wire.faults.append(Fault(kind, path="/rest/", **settings))

    def limits(self, **changes: object) -> None:
        """Change a limit."""
        self.instance.gate.limits = self.instance.gate.limits.model_copy(update=changes)

    def add(self, email: str, *, flag: bool | None = None) -> int:
        """Add a lead, a second one of its address too."""
        values: dict[str, Any] = {"email": email} | ({} if flag is None else {FLAG: flag})
        return self.instance.leads.create(values, partition="Default").lead_id

    def flags(self, email: str) -> list[object]:
        """Return what the instance holds for an address."""
        return [lead.values.get(FLAG) for lead in self.instance.leads.find("email", [email])]

    def sync(
        self,
        *records: Mapping[str, Scalar],
        action: Literal["createOrUpdate", "updateOnly"] = "createOrUpdate",
        by: Literal["email", "id"] = "email",
        partition: str | None = None,
    ) -> list[LeadResult]:
        """Write records."""
        return list(
            self.client.sync_leads(
                records, action=action, lookup_field=by, partition=partition, deadline=self.clock.time + 300
            )
        )


@pytest.fixture
def world() -> Iterator[World]:
    """Serve a sandbox whose clock is the client's."""
    clock = FakeClock()
    sandbox = MarketoSandbox(clock, seed=1)
    with serve(sandbox) as url:
        yield World(sandbox, url, clock)


def test_every_form_of_the_rest_url_reaches_it(world: World) -> None:
    """With and without `identity`, in any case: both the token's path and the leads' hang off the bare host."""
    for path in ("", "/", "/rest", "/rest/v1/", "/identity", "/identity/oauth/token", "/REST", "/Identity/"):
        assert world.another(path).partitions() == ["Default"]


def test_flags_are_written_and_read_back(world: World) -> None:
    """A lead that is new, one that is known in another case, one with a duplicate, and one that is not there."""
    known = world.add(BOB.lower())
    twins = [world.add("twin@example.com"), world.add("TWIN@example.com")]

    created, updated, twice = world.sync(
        {"email": ANN, FLAG: True}, {"email": BOB, FLAG: True}, {"email": "twin@example.com", FLAG: True}
    )
    [absent] = world.sync({"email": "nobody@example.com", FLAG: False}, action="updateOnly")
    by_id = world.sync(*[{"id": twin, FLAG: True} for twin in twins], action="updateOnly", by="id")

    assert (created.status, updated) == ("created", LeadResult("updated", known, None))
    assert (twice, absent) == (LeadResult("skipped", None, "1007"), LeadResult("skipped", None, "1004"))
    assert by_id == [LeadResult("updated", twin, None) for twin in twins]
    found = world.client.find_leads("email", [ANN, BOB, "twin@example.com", "nobody@example.com"], field=FLAG)
    assert {lead.lead_id: lead.flag for lead in found} == dict.fromkeys([created.lead_id, known, *twins], True)
    assert world.flags("nobody@example.com") == []


def test_a_value_marketo_refuses_skips_its_record_only(world: World) -> None:
    """1003, with the rest of the request executed."""
    results = world.sync({"email": ANN, FLAG: "maybe"}, {"email": BOB, FLAG: True})

    assert [result.code for result in results] == ["1003", None]
    assert (world.flags(ANN), world.flags(BOB)) == ([], [True])


def test_300_leads_and_their_duplicates_are_read_page_by_page(world: World) -> None:
    """More leads match than a page holds, and more addresses are asked for than a URL takes."""
    addresses = [f"someone.with.a.long.name.{number}@example.com" for number in range(300)]
    expected = {world.add(address, flag=True): address for address in addresses + addresses}

    found = world.client.find_leads("email", addresses, field=FLAG)

    assert {lead.lead_id: lead.email for lead in found} == expected
    assert len(found) == 600
    assert world.client.calls == 2


def test_values_that_too_many_leads_match_are_asked_for_in_halves(world: World) -> None:
    """1003; a lead is found once, and the rest of a question that can be answered is not asked again."""
    world.limits(max_matches=6)
    addresses = [f"user{number}@example.com" for number in range(4)]
    expected = {world.add(address, flag=True) for address in addresses * 2 + addresses[:1] * 2}

    found = world.client.find_leads("email", addresses, field=FLAG)

    assert sorted(lead.lead_id for lead in found) == sorted(expected)
    assert world.client.calls == 3


def test_an_address_of_too_many_leads_is_refused(world: World) -> None:
    """It cannot be asked for in parts."""
    world.limits(max_matches=2)
    for _ in range(3):
        world.add(ANN)

    with pytest.raises(RequestRefused) as refused:
        world.client.find_leads("email", [BOB, ANN], field=FLAG)

    assert refused.value.code == "1003"


def test_leads_are_found_by_id_and_an_unset_flag_reads_false(world: World) -> None:
    """Ids that are gone are left out."""
    ids = [world.add(ANN), world.add(BOB, flag=True)]

    found = world.client.find_leads("id", [*ids, 999_999_999], field=FLAG)

    assert found == [Lead(ids[0], ANN, flag=False), Lead(ids[1], BOB, flag=True)]


def test_fields_show_what_a_check_needs(world: World) -> None:
    """The custom field and the standard ones, told apart where the permission allows it."""
    fields = {field.name: field for field in world.client.fields()}

    assert fields[FLAG] == Field(FLAG, "Mixpanel Trial Users", "boolean", updateable=True, crm_managed=False)
    assert fields["unsubscribed"].data_type == "boolean"
    assert (world.client.is_custom(FLAG), world.client.is_custom("unsubscribed")) == (True, False)
    world.instance.permissions = frozenset({WRITE_LEAD})
    assert (world.client.is_custom(FLAG), len(world.client.fields())) == (None, len(fields))


def test_partitions_are_listed_and_used(world: World) -> None:
    """A new lead goes where it is told to."""
    world.instance.partitions = Partitions([Partition(id=1, name="Default"), Partition(id=2, name="Europe")])

    world.sync({"email": ANN, FLAG: True}, partition="Europe")

    assert world.client.partitions() == ["Default", "Europe"]
    assert [lead.partition for lead in world.instance.leads] == ["Europe"]


def test_calls_are_counted_as_the_instance_counts_them(world: World) -> None:
    """Whatever went wrong in between."""
    world.sync({"email": ANN, FLAG: True})
    for code in ("601", "602", "606", "608", "611", "615", "604"):
        world.fault("error_code", code=code)
    world.client.fields()
    world.fault("error_code", code="610")
    with pytest.raises(RequestRefused):
        world.client.fields()
    world.fault("body", body="<html>")
    world.client.fields()

    used = world.instance.gate.used()
    assert world.client.calls == used
    assert world.client.calls_today() == used + 1 == world.client.calls


def test_a_token_that_expires_or_is_revoked_is_replaced(world: World) -> None:
    """602 and 601, in the middle of work."""
    world.client.fields()
    world.instance.tokens.expire()
    world.sync({"email": ANN, FLAG: True})
    world.instance.tokens.revoke()
    world.sync({"email": ANN, FLAG: True})

    assert [failed.code for failed in world.client.failed_requests] == ["602", "601"]
    assert world.flags(ANN) == [True]


def test_work_goes_on_over_the_end_of_a_token(world: World) -> None:
    """Its last second, in which the answer says 0, too."""
    world.limits(token_seconds=30.0)

    for _ in range(200):
        world.client.partitions()
        world.clock.time += 0.37

    assert {failed.code for failed in world.client.failed_requests} <= {"602"}


def test_two_clients_of_one_service_share_its_token(world: World) -> None:
    """The second is given the same one, with less time left."""
    world.client.partitions()
    world.clock.time += 3000
    other = world.another()

    assert other.partitions() == ["Default"]
    world.clock.time += 700
    assert (other.partitions(), world.client.partitions()) == (["Default"], ["Default"])
    assert world.client.failed_requests == other.failed_requests == []


def test_the_rate_of_others_is_waited_out(world: World) -> None:
    """606: they have used the window up."""
    world.limits(calls_per_window=1)
    other = world.another()
    other.partitions()

    assert world.client.partitions() == ["Default"]

    assert [failed.code for failed in world.client.failed_requests] == ["606"]
    assert 20 <= world.clock.naps[-1] <= 25


def test_our_own_rate_stays_below_the_instance_s(world: World) -> None:
    """Exactly as many as allowed, from several threads, and never a 606 or 615."""
    world.limits(calls_per_window=7, concurrent_calls=3)
    client = world.another(calls_per_20_seconds=7, concurrent_calls=3)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: client.partitions(), range(30)))

    assert client.failed_requests == []
    assert client.calls == 30


def test_the_day_s_quota_is_told(world: World) -> None:
    """607, by whoever used it up."""
    world.instance.gate.set_used(50_000)

    with pytest.raises(QuotaExhausted) as caught:
        world.sync({"email": ANN, FLAG: True})

    world.clock.time += (caught.value.resume_at - world.clock.now()).total_seconds()
    world.sync({"email": ANN, FLAG: True})
    assert world.flags(ANN) == [True]


def test_a_missing_permission_is_told(world: World) -> None:
    """603, with both its causes."""
    world.instance.permissions = frozenset()

    with pytest.raises(AccessDenied, match=r"Read-Write Lead.*IP address"):
        world.client.fields()


def test_wrong_credentials_are_told(world: World) -> None:
    """401 of the identity endpoint; the API itself is not asked."""
    with pytest.raises(AccessDenied, match="client id and secret"):
        world.another(secret="wrong").fields()

    assert [entry.path for entry in world.sandbox.wire.log] == ["/identity/oauth/token"]


def test_a_request_too_large_is_told_with_its_code(world: World) -> None:
    """413, which the caller halves."""
    world.limits(max_body_bytes=200)

    with pytest.raises(RequestRefused) as caught:
        world.sync(*[{"email": "x" * 50} for _ in range(10)])

    assert caught.value.code == "413"


def test_an_unknown_field_is_told_with_its_code(world: World) -> None:
    """1006, be it of the request or of each record."""
    with contextlib.suppress(RequestRefused):
        assert {result.code for result in world.sync({"email": ANN, "noSuchField": True})} == {"1006"}

    assert world.flags(ANN) == []


@pytest.mark.parametrize(
    ("kind", "settings", "executed"),
    [
        ("reset_after", {}, True),
        ("reset_before", {}, False),
        ("body", {"body": "<html>"}, True),
        ("body", {"body": '{"requestId": "1#1", "success": true, "result": []}'}, True),
        ("status", {"status": 502}, False),
        ("error_code", {"code": "611"}, False),
    ],
)
def test_a_write_without_a_believable_answer_is_not_repeated(
    world: World, kind: str, settings: dict[str, Any], *, executed: bool
) -> None:
    """Whether it was executed cannot be told, and indeed both happens."""
    world.fault(kind, **settings)

    with pytest.raises(NoAnswer):
        world.sync({"email": ANN, FLAG: True})

    assert world.flags(ANN) == ([True] if executed else [])


def test_a_write_that_hangs_ends_with_its_deadline(world: World) -> None:
    """Whether Marketo has executed it is not known."""
    world.fault("hang_after", seconds=30.0)

    with pytest.raises(NoAnswer):
        world.client.sync_leads(
            [{"email": ANN, FLAG: True}],
            action="createOrUpdate",
            lookup_field="email",
            partition=None,
            deadline=world.clock.time + 0.5,
        )


@pytest.mark.parametrize("code", ["606", "608", "614", "615", "713", "601", "602"])
def test_a_write_that_was_not_executed_is_repeated(world: World, code: str) -> None:
    """Once is enough for it."""
    world.fault("error_code", code=code)

    world.sync({"email": ANN, FLAG: True})

    assert world.flags(ANN) == [True]


def test_an_instance_that_vanished_is_waited_for_and_given_up(world: World) -> None:
    """Nothing was sent."""
    world.url = "http://127.0.0.1:1"
    client = world.another()

    with pytest.raises(VendorUnavailable, match="could not be reached"):
        client.fields()

    assert client.calls == 0


def test_nothing_shown_holds_an_address_or_the_secret(world: World) -> None:
    """Neither in an error nor in the address of a request."""
    errors = []
    for code in ("603", "607", "610", "611", "4711"):
        world.sandbox.wire.faults.clear()
        world.fault("error_code", code=code, times=3)
        with pytest.raises(MarketoProviderError) as caught:
            world.sync({"email": ANN, FLAG: True})
        errors.append(caught.value)

    seen = f"{errors}{[str(error) for error in errors]}{world.client.failed_requests}"
    assert ANN not in seen
    assert "sandbox-secret" not in seen
    assert all("sandbox-secret" not in f"{entry.path}{entry.query}" for entry in world.sandbox.wire.log)
