import json

import pytest

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.records import Claim, Record, decode, encode
from tests.state.support import claim, every_kind, taken

PATH = "marketo/host/field/log/00000042.json"


@pytest.mark.parametrize("record", every_kind(), ids=lambda record: record.kind)
def test_every_record_comes_back_as_it_was(record: Record) -> None:
    """What is written can be read, its id and time included."""
    assert decode(encode(record), PATH) == record


def test_records_of_equal_content_have_ids_of_their_own() -> None:
    """An append whose answer was lost knows its own record by the id."""
    assert taken().record_id != taken().record_id


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"kind": "lease_stolen", "by": "x"}',
        b'{"kind": "lease_taken"}',
    ],
)
def test_a_damaged_record_is_named(data: bytes) -> None:
    """The message names the file and says what to do, and nothing was sent."""
    with pytest.raises(StoreUnusable, match=rf"{PATH} is damaged.*Nothing was sent. Restore"):
        decode(data, PATH)


def test_a_record_of_a_newer_format_asks_for_the_newer_release() -> None:
    """Whoever cannot read a log must not add to it."""
    data = json.loads(encode(taken())) | {"format": 2}

    with pytest.raises(StoreUnusable, match=r"format 2; this release reads 1.*newer release"):
        decode(json.dumps(data).encode(), PATH)


def test_a_record_with_unknown_keys_is_not_half_understood() -> None:
    """A newer release may have put something in that matters."""
    data = json.loads(encode(taken())) | {"until": "2026-11-24"}

    with pytest.raises(StoreUnusable, match="newer release"):
        decode(json.dumps(data).encode(), PATH)


def test_no_content_of_a_damaged_record_is_shown() -> None:
    """It could hold anything."""
    with pytest.raises(StoreUnusable) as stopped:
        decode(b'{"kind": "lease_taken", "by": "someone@example.com"}', PATH)

    assert "example.com" not in str(stopped.value)
    assert stopped.value.__cause__ is None
    assert stopped.value.__suppress_context__


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"export": "renamed"}, True),
        ({"claimed_at": "2020-01-01T00:00:00Z", "snapshot": 5, "finished_at": "2020-01-02T00:00:00Z"}, True),
        ({"project_id": 8}, False),
        ({"workspace_id": 1}, False),
        ({"cohort_id": 1002}, False),
        ({"sync_type": "one_time"}, False),
    ],
)
def test_a_claim_is_of_project_view_cohort_and_type(change: dict[str, object], same: bool) -> None:  # noqa: FBT001 - a column of the table
    """The export's name is only shown."""
    mine = claim()
    other = Claim.model_validate(mine.model_dump() | change)

    assert mine.same_owner(other) is same
