"""What Marketo's codes mean to a caller: the one place where a code becomes a kind of failure.

Codes come at the level of a response, with HTTP 200, and mean that nothing was executed unless they are
`UNSURE` here; statuses of HTTP are taken alike
(https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes).
The words are ours: Marketo's own may quote an address.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

# A quoted number as a rule, a bare one now and then; nothing else passes, since codes are logged and shown.
Code = Annotated[
    str,
    BeforeValidator(lambda code: str(code) if type(code) is int else code),
    StringConstraints(strict=True, pattern=r"^[0-9]{1,6}$"),
]


class Kind(Enum):
    """What a failed attempt leaves the caller to do."""

    TOKEN = "get a new token and repeat, a few times"  # noqa: S105 - words, no password
    THROTTLED = "wait for the next window of 20 seconds"
    NOT_EXECUTED = "repeat later"
    UNSURE = "find out, or wait out Marketo's own limit, before anything is repeated"
    UNKNOWN = "repeat, a few times"
    QUOTA = "wait for the next day"
    QUEUE = "wait for a place in the queue of imports"
    ACCESS = "have the account changed"
    REFUSED = "change the request"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code's kind, and our words for it."""

    kind: Kind
    words: str


_MEANINGS = {
    "500": Meaning(Kind.UNSURE, "an internal error"),
    "502": Meaning(Kind.UNSURE, "a bad gateway"),
    "600": Meaning(Kind.REFUSED, "no access token came with the request"),
    "601": Meaning(Kind.TOKEN, "the access token is invalid"),
    "602": Meaning(Kind.TOKEN, "the access token has expired"),
    "603": Meaning(Kind.ACCESS, "access is denied"),
    "604": Meaning(Kind.UNSURE, "the request timed out in Marketo"),
    "605": Meaning(Kind.REFUSED, "the method is not supported"),
    "606": Meaning(Kind.THROTTLED, "too many calls in 20 seconds, by all integrations together"),
    "607": Meaning(Kind.QUOTA, "the calls of the day are spent, by all integrations together"),
    "608": Meaning(Kind.NOT_EXECUTED, "the API is temporarily unavailable"),
    "609": Meaning(Kind.REFUSED, "the JSON is invalid"),
    "610": Meaning(Kind.REFUSED, "there is nothing at this path"),
    "611": Meaning(Kind.UNSURE, "a system error"),
    "612": Meaning(Kind.REFUSED, "the content type is wrong"),
    "613": Meaning(Kind.REFUSED, "the multipart content is invalid"),
    "614": Meaning(Kind.NOT_EXECUTED, "the subscription cannot be reached; does the REST URL name the right one?"),
    "615": Meaning(Kind.NOT_EXECUTED, "too many calls at once, by all integrations together"),
    "616": Meaning(Kind.REFUSED, "the subscription is of the wrong type"),
    "701": Meaning(Kind.REFUSED, "a parameter is blank"),
    "702": Meaning(Kind.REFUSED, "no data was found"),
    "703": Meaning(Kind.REFUSED, "the feature is not enabled"),
    "704": Meaning(Kind.REFUSED, "a date is invalid"),
    "709": Meaning(Kind.REFUSED, "a business rule is violated"),
    "710": Meaning(Kind.REFUSED, "the parent folder was not found"),
    "711": Meaning(Kind.REFUSED, "the folder type is wrong"),
    "713": Meaning(Kind.NOT_EXECUTED, "a transient error"),
    "719": Meaning(Kind.NOT_EXECUTED, "a lock was not free in time"),
    "1001": Meaning(Kind.REFUSED, "a value is of the wrong type"),
    "1002": Meaning(Kind.REFUSED, "a required parameter is missing"),
    "1003": Meaning(Kind.REFUSED, "the request holds invalid data, or too many leads match"),
    "1006": Meaning(Kind.REFUSED, "a field was not found"),
    "1008": Meaning(Kind.REFUSED, "the account has no access to the partition"),
    "1009": Meaning(Kind.REFUSED, "a partition must be named"),
    "1010": Meaning(Kind.REFUSED, "the record is in another partition"),
    "1011": Meaning(Kind.REFUSED, "the field cannot be looked up by"),
    "1013": Meaning(Kind.REFUSED, "the object was not found"),
    "1016": Meaning(Kind.QUEUE, "the queue of imports, which all integrations share, is full"),
    "1017": Meaning(Kind.REFUSED, "there is such an object already"),
}
_FREE_OF_QUOTA = {"600", "601", "602", "604", "605", "608", "611"}
_HTTP_MEANINGS = {
    401: Meaning(Kind.ACCESS, "access is denied"),
    403: Meaning(Kind.ACCESS, "access is denied"),
    408: Meaning(Kind.UNSURE, "the request timed out"),
    413: Meaning(Kind.REFUSED, "the request is too large"),
    414: Meaning(Kind.REFUSED, "the address of the request is too long"),
    429: Meaning(Kind.NOT_EXECUTED, "too many requests"),
}


def meaning(code: str) -> Meaning:
    """Return what a code in an answer's `errors` means."""
    return _MEANINGS.get(code, Meaning(Kind.UNKNOWN, "a code that is not documented"))


def http_meaning(status: int) -> Meaning:
    """Return what an HTTP status other than 200 means; Marketo sends few, gateways and proxies more."""
    if status in _HTTP_MEANINGS:
        return _HTTP_MEANINGS[status]
    match status // 100:
        case 3:
            return Meaning(Kind.REFUSED, "a redirect, which is not followed; correct the REST URL")
        case 4:
            return Meaning(Kind.REFUSED, "the request is not accepted")
        case _:
            return Meaning(Kind.UNSURE, "no answer of Marketo's own")


def is_free(code: str) -> bool:
    """Tell whether an answer with this code cost no call of the quota."""
    return code in _FREE_OF_QUOTA
