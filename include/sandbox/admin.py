"""What the admin APIs of both sandbox servers share: a router, and the routes for faults, log and latency.

A vendor answers `/_sandbox/` with `answer_admin(request, common_routes(wire) | its_own_routes)`. A route is
"METHOD name", for instance "GET log"; its handler returns what becomes the JSON answer. Whatever raises
ValueError (pydantic's ValidationError is one) is answered 400, since a test must see its own mistakes.

| request | body or query | does |
| --- | --- | --- |
| GET log | `?since=` number, `?path=` part | the requests logged, as `LoggedRequest` says |
| DELETE log | | forgets them; numbers go on |
| GET faults | | `waiting` faults, and the `effects` so far by kind |
| POST faults | a Fault, or a list | adds it |
| DELETE faults | | removes those waiting, and the effects |
| GET latency, POST latency | `{"seconds": 0.2}` | time between a request's arrival and its effect |
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from include.sandbox.wire import ADMIN_PREFIX, Fault, Request, Response, Wire, json_response

Handler = Callable[[Request], Any]
Routes = Mapping[str, Handler]
_FAULTS: TypeAdapter[Fault | list[Fault]] = TypeAdapter(Fault | list[Fault])


class Latency(BaseModel, frozen=True, extra="forbid"):
    """Body of POST latency."""

    seconds: Annotated[float, Field(ge=0)]


def answer_admin(request: Request, routes: Routes) -> Response:
    """Return the answer of the route that `request` names."""
    name = f"{request.method} {request.path.removeprefix(ADMIN_PREFIX)}"
    handler = routes.get(name)
    if handler is None:
        return json_response({"error": f"no route {name!r}", "routes": sorted(routes)}, status=404)
    try:
        return json_response(handler(request))
    except ValueError as error:
        return json_response({"error": str(error)}, status=400)


def common_routes(wire: Wire) -> dict[str, Handler]:
    """Return the routes that both servers have."""

    def read_log(request: Request) -> Any:
        since, part = int(request.query.get("since", "0")), request.query.get("path", "")
        return {"requests": [asdict(one) for one in wire.log if one.number >= since and part in one.path]}

    def clear_log(_: Request) -> Any:
        wire.log.clear()
        return {}

    def read_faults(_: Request) -> Any:
        return {"waiting": [asdict(fault) for fault in wire.faults], "effects": wire.effects}

    def add_faults(request: Request) -> Any:
        faults = _FAULTS.validate_json(request.body)
        wire.faults.extend(faults if isinstance(faults, list) else [faults])
        return read_faults(request)

    def clear_faults(_: Request) -> Any:
        wire.faults.clear()
        wire.effects.clear()
        return {}

    def read_latency(_: Request) -> Any:
        return {"seconds": wire.latency}

    def set_latency(request: Request) -> Any:
        wire.latency = Latency.model_validate_json(request.body).seconds
        return read_latency(request)

    return {
        "GET log": read_log,
        "DELETE log": clear_log,
        "GET faults": read_faults,
        "POST faults": add_faults,
        "DELETE faults": clear_faults,
        "GET latency": read_latency,
        "POST latency": set_latency,
    }
