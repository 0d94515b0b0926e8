"""The endpoints that list the lead fields with what describe leaves out, and that create fields.

What is created here can be hidden later, and never deleted
(https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads, "Create Fields").
"""

from marketo_provider.marketo.answers import CreatedRow, NamedRow, Page
from marketo_provider.marketo.exchange import Exchange
from marketo_provider.marketo.models import NewField, SchemaField
from marketo_provider.transport import Request

_PATH = "/rest/v1/leads/schema/fields"


class Schema:
    """The schema of the leads of one instance; safe to share between threads.

    Args:
        exchange: carries the calls through.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def fields(self) -> list[SchemaField]:
        """Return every field that the account's schema permissions show, hidden ones too."""
        deadline = self._exchange.deadline()
        found: list[SchemaField] = []
        following: str | None = ""
        while following is not None:
            params = {"nextPageToken": following} if following else {}
            request = Request("GET", f"{_PATH}.json", params=params)
            page = self._exchange.ask(request, Page[NamedRow].model_validate_json, deadline=deadline)
            found += [SchemaField(row.name, row.display_name, row.api_created) for row in page.result]
            following = page.following
        return found

    def create(self, field: NewField) -> None:
        """Create a Boolean field.

        Raises:
            NoAnswer: it may or may not have been created; nothing was repeated.
            MarketoProviderError: see `Exchange.ask`.
        """
        record = {
            "displayName": field.display_name,
            "name": field.name,
            "dataType": "boolean",
            "description": field.description,
        }

        def read(answer: bytes) -> None:
            (row,) = Page[CreatedRow].model_validate_json(answer).result
            if row.name != field.name:
                raise ValueError("another field than was asked for")

        request = Request("POST", f"{_PATH}.json", json={"input": [record]})
        self._exchange.ask(request, read, deadline=self._exchange.deadline(), writes=True)
