"""A cohort whose pages the sandbox has rendered once, served as they are by a process of its own."""

import json
import multiprocessing
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection

from include.sandbox.clock import SystemClock
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.serving import serve
from include.sandbox.wire import Request, Response, Wire, json_response

COHORT, PROJECT, USERNAME, SECRET = 1001, 7, "robot", "hush"
_DEFAULT_PAGE_SIZE = 1000  # Mixpanel's
_ENGAGE = "/api/query/engage"
Place = tuple[int, int]


class _Rendered:
    """A vendor that knows its answers by page size and page."""

    def __init__(self, answers: dict[Place, Response], latency: float) -> None:
        self.wire = Wire(lambda code: json_response({"error": code}, 400), latency=latency)
        self._answers = answers

    def begin(self, request: Request) -> Response:
        """Answer any query with a page of the cohort."""
        asked = request.query | request.form()
        return self._answers[int(asked.get("page_size", _DEFAULT_PAGE_SIZE)), int(asked.get("page", 0))]

    def admin(self, request: Request) -> Response:
        """There is nothing to set."""
        return json_response({"error": request.path}, 404)


@contextmanager
def served(rows: int, page_sizes: Sequence[int], latencies: Sequence[float]) -> Iterator[list[str]]:
    """Serve a cohort of so many profiles; yields a base URL for each latency, in seconds."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, rows, page_sizes, latencies), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join()


def _serve(pipe: Connection, rows: int, page_sizes: Sequence[int], latencies: Sequence[float]) -> None:
    answers = _render(rows, page_sizes)
    with ExitStack() as stack:
        pipe.send([stack.enter_context(serve(_Rendered(answers, latency))) for latency in latencies])
        pipe.poll(None)  # until the other end is closed


def _render(rows: int, page_sizes: Sequence[int]) -> dict[Place, Response]:
    sandbox = MixpanelSandbox(SystemClock(), username=USERNAME, secret=SECRET, project_id=PROJECT)
    project = sandbox.state.project
    project.generate(project.set_cohort(COHORT, "Bench", members=[]), seed=7, size=rows, without_profile=0)
    answers: dict[Place, Response] = {}
    for size in page_sizes:
        first = _ask(sandbox, {"page_size": str(size)})
        session = json.loads(first.body)["session_id"]
        answers[size, 0] = first
        for page in range(1, -(-rows // size)):
            answers[size, page] = _ask(sandbox, {"page_size": str(size), "page": str(page), "session_id": session})
    return answers


def _ask(sandbox: MixpanelSandbox, place: dict[str, str]) -> Response:
    credentials = b64encode(f"{USERNAME}:{SECRET}".encode()).decode()
    query = {
        "project_id": str(PROJECT),
        "filter_by_cohort": json.dumps({"id": COHORT}),
        "output_properties": json.dumps(["$email"]),
        "include_all_users": "false",
    }
    begun = sandbox.begin(Request("POST", _ENGAGE, query | place, {"authorization": f"Basic {credentials}"}, b""))
    answer = begun() if callable(begun) else begun
    if answer.status != 200:
        raise RuntimeError(f"the sandbox answered {answer.status}")
    return answer
