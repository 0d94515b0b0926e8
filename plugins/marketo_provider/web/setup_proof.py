"""The proof that a user was shown the preview of a field that is to be created, signed by this server.

So another site can neither have a browser create a field, whatever the cookie's SameSite is, nor change which one.
"""

from typing import Final

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.sdk import conf
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import ValidationError

from marketo_provider.errors import InvalidSetting
from marketo_provider.web.setup_answers import Answers

_SECONDS: Final = 3600


def prove(user: BaseUser, answers: Answers) -> str:
    """Return the proof that goes with a preview."""
    return _signer().dumps([user.get_id(), answers.given()])


def proven(proof: str, user: BaseUser) -> Answers:
    """Return the answers whose preview the user was shown.

    Raises:
        InvalidSetting: it is no proof, another user's, or too old.
    """
    try:
        owner, given = _signer().loads(proof, max_age=_SECONDS)
        answers = Answers.model_validate(given)
    except (BadSignature, ValidationError):
        owner, answers = None, Answers()
    if owner != user.get_id():
        raise InvalidSetting(
            "Nothing was created: a field is created within an hour of its preview only, by who has seen it. Go "
            "through the steps again. (Where there are several API servers, they need one [api] secret_key.)"
        )
    return answers


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get("api", "secret_key"), salt="marketo_provider: create a field")
