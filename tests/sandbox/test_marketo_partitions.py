import pytest

from tests.sandbox.marketo_support import FLAG, LEADS, Caller, reason_of

ANN = "ann@example.com"
PARTITIONS = [
    {"id": 1, "name": "Default"},
    {"id": 2, "name": "Europe"},
    {"id": 3, "name": "Closed", "accessible": False},
]


@pytest.fixture
def caller() -> Caller:
    """Call an instance that has three partitions."""
    caller = Caller()
    caller.admin("POST partitions", {"partitions": PARTITIONS})
    return caller


def add(caller: Caller, partition: str) -> int:
    """Add Ann to a partition, and return her id."""
    body = {"leads": [{"email": ANN}], "partition": partition}
    lead_id: int = caller.admin("POST leads", body)["ids"][0]
    return lead_id


def test_the_partitions_that_the_user_sees_are_listed(caller: Caller) -> None:
    """Others are not."""
    result = caller.get("/rest/v1/leads/partitions.json")["result"]

    assert [(one["id"], one["name"]) for one in result] == [(1, "Default"), (2, "Europe")]


def test_a_lead_is_created_where_the_request_says(caller: Caller) -> None:
    """By default in the default one."""
    caller.sync({"email": ANN}, partitionName="Europe")
    caller.sync({"email": "bob@example.com"})

    leads = caller.find("email", ANN, "bob@example.com", fields="leadPartitionId")
    assert [lead["leadPartitionId"] for lead in leads] == [2, 1]
    assert len(caller.find("leadPartitionId", 2)) == 1


@pytest.mark.parametrize("name", ["Closed", "Nowhere"])
def test_a_partition_out_of_reach_is_1008(caller: Caller, name: str) -> None:
    """So is one that is not there."""
    [result] = caller.sync({"email": ANN}, partitionName=name)

    assert reason_of(result) == "1008"


def test_a_lead_out_of_reach_is_1008(caller: Caller) -> None:
    """It is there, but it can neither be written nor read."""
    add(caller, "Closed")

    [result] = caller.sync({"email": ANN, FLAG: True}, action="updateOnly")

    assert reason_of(result) == "1008"
    assert caller.find("email", ANN) == []


def test_a_lead_elsewhere_is_1010(caller: Caller) -> None:
    """When the request names another partition than the lead's."""
    add(caller, "Europe")

    [result] = caller.sync({"email": ANN, FLAG: True}, partitionName="Default")

    assert reason_of(result) == "1010"


def test_update_only_does_not_look_at_the_partition_named(caller: Caller) -> None:
    """It is effective with createOnly and createOrUpdate alone."""
    known = add(caller, "Europe")

    [result] = caller.sync({"email": ANN, FLAG: True}, action="updateOnly", partitionName="Default")

    assert result == {"id": known, "status": "updated"}


def test_without_the_default_partition_a_name_is_needed(caller: Caller) -> None:
    """1009."""
    partitions = [{"id": 1, "name": "Default", "accessible": False}, {"id": 2, "name": "Europe"}]
    caller.admin("POST partitions", {"partitions": partitions})

    unnamed = caller.sync({"email": ANN})
    named = caller.sync({"email": ANN}, partitionName="Europe")

    assert reason_of(unnamed[0]) == "1009"
    assert named[0]["status"] == "created"
    assert caller.get(LEADS, filterType="email", filterValues=ANN)["result"]
