"""Marketo's envelope: what is said with HTTP 200, whether it went well or not.

Errors come as `success: false` and a string code; a requestId stands on every answer but the token's.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes
"""

import random
from collections.abc import Mapping
from typing import Any

from include.sandbox.clock import Clock
from include.sandbox.wire import Response, json_response

MESSAGES = {
    "500": "Internal Server error",
    "502": "Bad Gateway",
    "600": "Empty access token",
    "601": "Access token invalid",
    "602": "Access token expired",
    "603": "Access denied",
    "604": "Request timed out",
    "605": "HTTP Method not supported",
    "606": "Max rate limit '100' exceeded with in '20' secs",
    "607": "Daily quota '50000' reached",
    "608": "API Temporarily Unavailable",
    "609": "Invalid JSON",
    "610": "Requested resource not found",
    "611": "System error",
    "612": "Invalid Content Type",
    "613": "Invalid Multipart Request",
    "614": "Invalid Subscription",
    "615": "Concurrent access limit '10' reached",
    "702": "No data found for a given search scenario",
    "703": "The feature is not enabled for the subscription",
    "713": "Transient Error",
    "1004": "Lead not found",
    "1005": "Lead already exists",
    "1007": "Multiple lead match lookup criteria",
    "1009": "Partition name must be specified",
    "1010": "Partition update not allowed",
    "1016": "Too many imports",
    "1019": "Import in progress",
}
FREE = frozenset({"600", "601", "602", "604", "605", "608", "611"})
"""Codes that cost neither quota nor rate (the starred ones of the vendor's table)."""


class Refused(Exception):
    """A request that is refused as a whole."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or MESSAGES.get(code, f"Error {code}")


class Envelope:
    """Makes the answers of one instance, with request ids that repeat with the seed and the clock."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"request ids {seed}")  # noqa: S311 - repeatable on purpose

    def success(self, members: Mapping[str, Any]) -> Response:
        """Return the answer that holds `members` (result, moreResult, nextPageToken)."""
        return json_response({"requestId": self._request_id()} | dict(members) | {"success": True})

    def failure(self, refused: Refused) -> Response:
        """Return the answer that says why a request was refused."""
        error = {"code": refused.code, "message": refused.message}
        return json_response({"requestId": self._request_id(), "success": False, "errors": [error]})

    def _request_id(self) -> str:
        milliseconds = int(self._clock.now().timestamp() * 1000)
        return f"{self._random.randrange(0x100, 0x20000):x}#{milliseconds:x}"
