"""Pages and files that never end, and what a hostile body may cost in memory."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import requests

from marketo_provider.errors import ImportUnreadable, MarketoProviderError, RateLimited, VendorUnavailable
from tests.fake_wire import FakeAdapter, Reply
from tests.hostile.clients import FIELD, Clients
from tests.hostile.valid import GRANT, URL, session_with
from tests.marketo.support import TOKEN_PATH

MOST_MEGABYTES = 400


class Served(FakeAdapter):
    """Answers with whatever a function makes; counts."""

    def __init__(self, reply: Callable[[int], Reply]) -> None:
        super().__init__()
        self._reply = reply
        self.count = 0

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override] # as in FakeAdapter
        """Answer."""
        if TOKEN_PATH in str(request.url):
            return FakeAdapter(Reply(GRANT)).send(request, **options)
        self.count += 1
        return FakeAdapter(self._reply(self.count)).send(request, **options)


def clients(adapter: Served, folder: Path) -> Clients:
    """Return clients of it."""
    return Clients(URL, folder, session=session_with(adapter), patience=5.0)


def leads(rows: int, token: str) -> Reply:
    """Return a page of leads."""
    found = [{"id": number + 1, "email": "a@example.com", FIELD: True} for number in range(rows)]
    return Reply({"success": True, "requestId": "1", "result": found, "nextPageToken": token, "moreResult": True})


def test_pages_that_come_again_are_no_answer(tmp_path: Path) -> None:
    """A token that was asked with leads nowhere new."""
    adapter = Served(lambda _: leads(1, "same"))

    with pytest.raises(VendorUnavailable):
        clients(adapter, tmp_path).reads["find leads"]()

    assert adapter.count < 20


def test_pages_of_leads_end_in_time(tmp_path: Path) -> None:
    """Always another token: the time for the call ends it."""
    tokens = count()
    adapter = Served(lambda _: leads(1, str(next(tokens))))

    with pytest.raises(VendorUnavailable):
        Clients(URL, tmp_path, session=session_with(adapter), patience=0.5).reads["find leads"]()


def test_a_page_of_more_leads_than_asked_for_is_no_answer(tmp_path: Path) -> None:
    """Three hundred were."""
    adapter = Served(lambda _: leads(301, "next"))

    with pytest.raises(VendorUnavailable):
        clients(adapter, tmp_path).reads["find leads"]()


@pytest.mark.parametrize("ending", ["", "\r\n"])
def test_a_line_that_does_not_end_is_not_read_whole(tmp_path: Path, ending: str) -> None:
    """Neither as one line, nor as one field in quotes."""
    line = f"email,{FIELD},Import Failure Reason\r\n" + f'"{"x" * 90_000}{ending}' * 20
    adapter = Served(lambda _: Reply(line.encode(), headers={"Content-Type": "text/csv"}))

    with pytest.raises(ImportUnreadable):
        clients(adapter, tmp_path).reads["failures"]()


def test_a_wait_that_mixpanel_asks_for_has_an_end(tmp_path: Path) -> None:
    """Its limits are by the hour; a host that says eleven days is not believed."""
    adapter = Served(lambda _: Reply(b"", 429, {"Retry-After": "999999"}))
    made = clients(adapter, tmp_path)

    with pytest.raises(RateLimited) as limited:
        made.reads["first page"]()

    assert (limited.value.resume_at - made.clock.now()).total_seconds() <= 3600


FLOODS = {
    "sync leads": '{"success":true,"result":[%s]}',
    "find leads": '{"success":true,"errors":[%s]}',
    "fields": '{"success":true,"result":[{"fields":[%s]}]}',
    "cohorts": "[%s]",
    "first page": '{"status":"ok","page":0,"page_size":5,"total":5,"session_id":"s",'
    '"results":[{"$distinct_id":"a","$properties":{"$email":[%s]}}]}',
    "access": '{"results":{"projects":%s}}',
}


def test_bodies_as_large_as_can_be_leave_memory_for_others(tmp_path: Path) -> None:
    """As many of the smallest things that JSON has as a body may hold, each of them wrong."""
    command = [sys.executable, "-m", "tests.hostile.test_endless", str(tmp_path)]
    measured = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)  # noqa: S603 - this module

    grown = json.loads(measured.stdout)
    assert set(grown) == {*FLOODS}
    assert {call: megabytes for call, megabytes in grown.items() if megabytes > MOST_MEGABYTES} == {}


def _measure(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield by how many megabytes this process has grown after each call."""
    import resource  # noqa: PLC0415 - not on Windows

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, text in FLOODS.items():
        for item in ("{}", "[]"):
            if name == "access":
                content = "{" + ",".join(f'"{number}":{item}' for number in range(340_000)) + "}"
            else:
                content = ",".join([item] * 1_390_000)
            reply = Reply((text % content).encode())
            made = clients(Served(lambda _, reply=reply: reply), folder)  # type: ignore[misc] # as bound
            with contextlib.suppress(MarketoProviderError):
                (made.write if name == "sync leads" else made.reads[name])()
        yield name, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024


if __name__ == "__main__":
    print(json.dumps(dict(_measure(Path(sys.argv[1])))))  # noqa: T201 - what the test reads
