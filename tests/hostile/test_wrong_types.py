"""Each value of each valid answer in turn becomes one of each type: it is taken rightly, or refused."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marketo_provider.errors import MarketoProviderError
from marketo_provider.marketo.models import Lead, LeadResults
from marketo_provider.mixpanel.models import Page
from tests.fake_wire import shown
from tests.hostile.clients import CANARY, Clients
from tests.hostile.valid import URL, Bent, calls_of, session_with, valid_answers

NAMES = [
    *("sync leads", "upload", "find leads", "fields", "is custom", "partitions", "usage", "import status"),
    *("first page", "page", "cohorts", "access"),
]
OTHERS: list[Any] = [None, True, False, 0, -1, 1.5, 10**30, "", "7", CANARY, "\ud800", [], [[]], {}, {"a": {}}]
LARGEST = 2**63


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the sandboxes' answers."""
    return valid_answers(tmp_path_factory.mktemp("valid"))


def bent(value: Any) -> Iterator[Any]:
    """Yield copies of a value in which one value is another, or is missing; of a list two items will do."""
    value = _short(value)
    for path in _paths(value):
        for other in [*OTHERS, ...]:
            whole = [copy.deepcopy(value)]
            *above, last = 0, *path
            inner: Any = whole
            for step in above:
                inner = inner[step]
            if other is ...:
                del inner[last]
            else:
                inner[last] = other
            if whole:
                yield whole[0]


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value[:2]] if isinstance(value, list) else value


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    yield ()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        for path in _paths(inner):
            yield key, *path


def check(value: Any) -> None:
    """Make sure that what a call returned has the types that it says."""
    if isinstance(value, list):
        for each in value:
            check(each)
    elif isinstance(value, Lead):
        assert type(value.lead_id) is int
        assert 0 < value.lead_id < LARGEST
        assert type(value.flag) is bool
        assert value.email is None or type(value.email) is str
    elif isinstance(value, LeadResults):
        assert all(status in {"created", "updated", "skipped"} for status in value.statuses)
        assert all(lead_id is None or (type(lead_id) is int and lead_id < LARGEST) for lead_id in value.lead_ids)
        assert all(code is None or code.isdecimal() for code in value.codes)
    elif isinstance(value, Page):
        assert {type(number) for number in (value.number, value.page_size)} == {int}
        assert all(type(one) is str for one in value.distinct_ids)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_of_another_type_is_taken_rightly_or_refused(
    answers: dict[str, bytes], name: str, tmp_path: Path
) -> None:
    """Never a TypeError, KeyError or OverflowError; and no message quotes what came."""
    adapter = Bent()
    call = calls_of(Clients(URL, tmp_path, session=session_with(adapter), patience=1.0))[name]
    messages: list[str] = []

    for other in bent(json.loads(answers[name])):
        adapter.body = json.dumps(other).encode()
        try:
            check(call())
        except MarketoProviderError as error:
            messages.append(shown(error))

    assert len(messages) > 10
    assert CANARY not in "".join(messages)


def test_every_call_is_bent(answers: dict[str, bytes], tmp_path: Path) -> None:
    """A call that is new comes with its answer."""
    assert list(answers) == NAMES
    assert list(calls_of(Clients(URL, tmp_path))) == NAMES
