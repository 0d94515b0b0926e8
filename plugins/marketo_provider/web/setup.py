"""The routes of setting up an export: pages that read, and one that creates a field after an explicit yes."""

from collections.abc import Callable
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from marketo_provider.errors import InvalidSetting, MarketoProviderError
from marketo_provider.web.setup_answers import Answers, Step
from marketo_provider.web.setup_dialogue import Dialogue
from marketo_provider.web.setup_proof import proven
from marketo_provider.web.setup_rights import get_editor

T = TypeVar("T")

# No other site may lay this page, invisible, below the pointer.
_HEADERS: Final = {"Content-Security-Policy": "frame-ancestors 'self'"}
# The vendors may be slow, and Airflow's own pages need threads too: who comes fifth waits without one.
_AT_ONCE: Final = CapacityLimiter(4)

router = APIRouter(prefix="/new")
Editor = Annotated[BaseUser, Depends(get_editor)]


@router.get("/{step}")
async def ask(step: Step, answers: Annotated[Answers, Query()], user: Editor) -> Response:
    """Show a step."""
    return await _in_turn(lambda: _page(Dialogue(user, answers), step))


@router.post("/field")
async def create(
    user: Editor, proof: Annotated[str, Form()] = "", confirmed: Annotated[str, Form()] = ""
) -> Response:
    """Create the field whose preview the user was shown, and has confirmed."""
    return await _in_turn(lambda: _create(user, proof, confirmed=confirmed == "yes"))


def _create(user: BaseUser, proof: str, *, confirmed: bool) -> Response:
    try:
        answers = proven(proof, user)
    except InvalidSetting as error:
        return _page(Dialogue(user, Answers()), Step.PROJECT, error)
    dialogue = Dialogue(user, answers)
    if not confirmed:
        unsaid = InvalidSetting(
            "Nothing was created. Tick the box that says what cannot be undone, if you want it."
        )
        return _page(dialogue, Step.PREVIEW, unsaid)
    try:
        created = dialogue.create_field()
    except MarketoProviderError as error:
        return _page(dialogue, Step.FIELD, error)
    return RedirectResponse(f"{Step.YAML}?{urlencode(created.given())}", 303, _HEADERS)


def _page(dialogue: Dialogue, step: Step, refused: MarketoProviderError | None = None) -> Response:
    shown = dialogue.show(step, refused)
    return HTMLResponse(shown.html, shown.status, _HEADERS)


async def _in_turn(answer: Callable[[], T]) -> T:
    return await to_thread.run_sync(answer, limiter=_AT_ONCE)
