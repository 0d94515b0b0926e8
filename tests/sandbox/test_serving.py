"""Both vendors are served alike, so what happens on the wire is tested with Marketo alone."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.serving import serve

ANN = "ann@example.com"


class Server:
    """A served sandbox, and a client of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        credentials = {
            "grant_type": "client_credentials",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
        }
        answer = self.session.post(f"{url}/identity/oauth/token", data=credentials, timeout=10)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def sync(self, *, timeout: float = 10) -> requests.Response:
        """Upsert one lead."""
        body = {"input": [{"email": ANN}]}
        return self.session.post(f"{self.url}/rest/v1/leads.json", json=body, timeout=timeout)

    def admin(self, method: str, name: str, body: object = None) -> Any:
        """Call the admin API, which must work."""
        answer = requests.request(method, f"{self.url}/_sandbox/{name}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def leads(self) -> int:
        """Return how many leads there are."""
        return len(self.admin("GET", "leads")["leads"])


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve a fresh sandbox."""
    with serve(MarketoSandbox(SystemClock())) as url:
        yield Server(url)


@pytest.mark.parametrize(("kind", "done"), [("reset_before", 0), ("reset_after", 1), ("hang_after", 1)])
def test_a_connection_can_be_closed_without_an_answer(server: Server, kind: str, done: int) -> None:
    """Before the request has an effect or after; not one byte comes back."""
    server.admin("POST", "faults", {"kind": kind, "path": "/rest/"})

    with pytest.raises(requests.ConnectionError, match="without response"):
        server.sync()

    assert server.leads() == done
    assert server.admin("GET", "faults") == {"waiting": [], "effects": {kind: 1}}
    assert server.admin("GET", "log")["requests"][-1]["outcome"] == kind


def test_an_answer_can_be_kept_waiting_for(server: Server) -> None:
    """The client gives up; what it asked for is done all the same."""
    server.admin("POST", "faults", {"kind": "hang_after", "seconds": 3600})

    with pytest.raises(requests.Timeout):
        server.sync(timeout=0.2)

    assert server.leads() == 1


@pytest.mark.parametrize(
    ("fault", "status", "text", "done"),
    [
        ({"kind": "status", "status": 502, "body": "<html>"}, 502, "<html>", 0),
        ({"kind": "body", "body": '{"success"'}, 200, '{"success"', 1),
    ],
)
def test_an_answer_can_be_replaced(
    server: Server, fault: dict[str, object], status: int, text: str, done: int
) -> None:
    """By a gateway's page, or by half a body."""
    server.admin("POST", "faults", fault)

    answer = server.sync()

    assert (answer.status_code, answer.text) == (status, text)
    assert server.leads() == done


def test_a_uri_of_any_length_is_414(server: Server) -> None:
    """It is the sandbox that says so, not the server before it."""
    answer = server.session.get(f"{server.url}/rest/v1/leads.json?x={'x' * 100_000}", timeout=10)

    assert answer.status_code == 414


def test_a_code_can_be_injected_for_a_few_requests(server: Server) -> None:
    """Some spared before it, and only where the path fits."""
    server.admin("POST", "faults", [{"kind": "error_code", "code": "611", "path": "leads", "skip": 1, "times": 2}])

    answers = [server.sync().json() for _ in range(4)]

    assert [answer["success"] for answer in answers] == [True, False, False, True]
    assert answers[1]["errors"][0]["code"] == "611"


def test_overlapping_upserts_make_two_leads(server: Server) -> None:
    """Over real connections, when a request takes its time: the second comes and goes meanwhile."""
    server.admin("POST", "faults", {"kind": "delay", "seconds": 1, "path": "leads"})

    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.sync)
        assert any(server.admin("GET", "limits")["in_flight"] for _ in range(10_000))
        quick = server.sync().json()

    answers = [quick, slow.result().json()]
    assert [answer["result"][0]["status"] for answer in answers] == ["created", "created"]
    assert server.leads() == 2


def test_the_log_shows_what_was_asked(server: Server) -> None:
    """In order, with numbers that go on when it is cleared."""
    server.sync()
    first = server.admin("GET", "log")["requests"]
    server.admin("DELETE", "log")
    server.sync()
    server.sync()

    second = server.admin("GET", "log")["requests"]

    assert [(one["number"], one["method"], one["outcome"]) for one in first + second] == [
        (0, "POST", "200"),
        (1, "POST", "200"),
        (2, "POST", "200"),
        (3, "POST", "200"),
    ]
    assert json.loads(second[0]["body"]) == {"input": [{"email": ANN}]}


@pytest.mark.parametrize(("kind", "jobs"), [("reset_before", 0), ("reset_after", 1), ("hang_after", 1)])
def test_an_upload_can_lose_its_answer(server: Server, kind: str, jobs: int) -> None:
    """The job may exist all the same, and nothing lists it but the admin API; its file is not logged whole."""
    server.admin("POST", "faults", {"kind": kind, "path": "/bulk/"})
    files = {"file": ("leads.csv", "email\n" + "ann@example.com\n" * 100_000)}

    with pytest.raises(requests.ConnectionError):
        server.session.post(f"{server.url}/bulk/v1/leads.json?format=csv", files=files, timeout=10)

    assert len(server.admin("GET", "imports")["imports"]) == jobs
    assert len(server.admin("GET", "log")["requests"][-1]["body"]) == 2_000


def test_a_hanging_request_does_not_keep_the_server_up() -> None:
    """Neither this test nor the demo waits for an injected hang."""
    with ThreadPoolExecutor() as pool:
        with serve(MarketoSandbox(SystemClock())) as url:
            server = Server(url)
            server.admin("POST", "faults", {"kind": "hang_after", "seconds": 3600})
            hanging = pool.submit(server.sync, timeout=60)
            assert any(server.admin("GET", "faults")["effects"] for _ in range(10_000))

        with pytest.raises(requests.ConnectionError):
            hanging.result()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_both_servers_run_until_a_signal(stop: signal.Signals) -> None:
    """One line says where they are and how to log in; they stop cleanly."""
    command = [sys.executable, "-m", "include.sandbox", "--daily-quota", "7"]
    with subprocess.Popen(  # noqa: S603 - our own module, run by this interpreter
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        greeting = json.loads(process.stdout.readline())
        marketo, mixpanel = greeting["marketo"], greeting["mixpanel"]
        limits = requests.get(f"{marketo['url']}/_sandbox/limits", timeout=10).json()
        basic = (mixpanel["username"], mixpanel["secret"])
        me = requests.get(f"{mixpanel['url']}/api/app/me", auth=basic, timeout=10)

        process.send_signal(stop)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, out, err) == (0, "", "")
    assert limits["limits"]["daily_quota"] == 7
    assert me.status_code == 200
    assert {"client_id", "client_secret"} <= set(marketo)


def test_a_port_that_is_taken_is_said_to_be() -> None:
    """And the exit code is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "include.sandbox", "--marketo-port", port]
        result = subprocess.run(  # noqa: S603 - our own module, run by this interpreter
            command, capture_output=True, text=True, check=False, timeout=60
        )

    assert result.returncode == 1
    assert result.stderr.startswith("cannot serve: Address already in use")


def test_an_outage_refuses_connections_and_forgets_nothing() -> None:
    """What was under way is carried out without an answer; afterwards both are where they were."""
    command = [sys.executable, "-m", "include.sandbox"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as process,  # noqa: S603 - our own module
        ThreadPoolExecutor() as pool,
    ):
        assert process.stdout is not None
        greeting = json.loads(process.stdout.readline())
        marketo, mixpanel = Server(greeting["marketo"]["url"]), greeting["mixpanel"]["url"]
        marketo.admin("POST", "faults", {"kind": "delay", "seconds": 0.3, "path": "leads"})
        under_way = pool.submit(marketo.sync)
        assert any(marketo.admin("GET", "limits")["in_flight"] for _ in range(10_000))

        process.send_signal(signal.SIGUSR1)
        with pytest.raises(requests.ConnectionError):
            under_way.result()
        refused = [_until(url, listens=False) for url in (marketo.url, mixpanel)]
        process.send_signal(signal.SIGUSR1)
        back = [_until(url, listens=True) for url in (marketo.url, mixpanel)]
        leads, limits = marketo.leads(), marketo.admin("GET", "limits")

        process.terminate()

    assert refused + back == [True] * 4
    assert (leads, limits["in_flight"]) == (1, 0)


def test_the_log_tells_which_requests_overlapped(server: Server) -> None:
    """The slow one ended last, and had arrived before the quick one was in the log."""
    server.admin("POST", "faults", {"kind": "delay", "seconds": 1, "path": "leads"})

    with ThreadPoolExecutor() as pool:
        pool.submit(server.sync)
        assert any(server.admin("GET", "limits")["in_flight"] for _ in range(10_000))
        server.sync()
    server.sync()

    log = server.admin("GET", "log?path=leads")["requests"]
    assert [(one["arrived_at"], one["number"]) for one in log] == [(1, 1), (1, 2), (3, 3)]


def _listens(url: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10):
            return True
    except ConnectionRefusedError:
        return False


def _until(url: str, *, listens: bool) -> bool:
    return any(_listens(url) is listens for _ in range(100_000))
