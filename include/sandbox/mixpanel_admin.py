"""The admin API of the Mixpanel sandbox; its data is in `mixpanel_cohort_admin`, what is common in `admin`.

| request under `/_sandbox/` | body | does, and answers |
| --- | --- | --- |
| GET account | | the fields of `mixpanel_account.Account` |
| POST account | some of them | sets those given |
| GET limits | | the fields of `mixpanel_limits.Limits`, with the queries `counted` and `running` |
| POST limits | some of them | sets those given; the counts stay |
| DELETE sessions | | lets every session expire |
| POST reset | | forgets everything: data, settings, counts, sessions, faults, log, latency |
"""

from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from include.sandbox.admin import Handler
from include.sandbox.mixpanel_state import MixpanelState
from include.sandbox.wire import Request

_Model = TypeVar("_Model", bound=BaseModel)


class Resettable(Protocol):
    """The sandbox, as its admin API sees it."""

    state: MixpanelState

    def reset(self) -> None:
        """Forget everything."""


def settings_routes(sandbox: Resettable) -> dict[str, Handler]:
    """Return the routes for the account, the limits, the sessions and the reset."""
    state = sandbox.state

    def read_account(_: Request) -> Any:
        return state.account.model_dump()

    def set_account(request: Request) -> Any:
        state.account = _changed(state.account, request)
        return read_account(request)

    def read_limits(_: Request) -> Any:
        counts = {"counted": state.rate.counted(), "running": state.rate.running}
        return state.limits.model_dump() | counts

    def set_limits(request: Request) -> Any:
        state.limits = _changed(state.limits, request)
        return read_limits(request)

    def forget_sessions(_: Request) -> Any:
        state.engage.forget_sessions()
        return {}

    def reset(_: Request) -> Any:
        sandbox.reset()
        return {}

    return {
        "GET account": read_account,
        "POST account": set_account,
        "GET limits": read_limits,
        "POST limits": set_limits,
        "DELETE sessions": forget_sessions,
        "POST reset": reset,
    }


def _changed(model: _Model, request: Request) -> _Model:
    return type(model).model_validate({**model.model_dump(), **request.json()})
