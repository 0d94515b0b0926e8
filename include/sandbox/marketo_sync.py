"""Sync Leads: what is to become of each record is looked up first, and done later.

The pause between the two is the request's own time. Two overlapping upserts of one new address both find
nothing and make two leads, which is what the vendor warns of (and one address twice in one request does so too);
createOnly looks again, for the vendor names it as the way out. Results stand in the order of the input, and a
skipped one has `reasons` and no id.

Where the documentation leaves it open whether a rule refuses the record or the request, the table of
record-level codes decides: a field that does not exist (1006) skips the records that name it.
https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from include.sandbox.marketo_answers import MESSAGES, Refused
from include.sandbox.marketo_fields import Catalog
from include.sandbox.marketo_leads import Lead, LeadStore
from include.sandbox.marketo_partitions import Partitions
from include.sandbox.marketo_values import Scalar, accepts, shown

Action = Literal["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]
Result = dict[str, Any]
Apply = Callable[[], Result]


class SyncRequest(BaseModel, frozen=True, extra="forbid", strict=True):
    """The body of Sync Leads."""

    action: Action = "createOrUpdate"
    lookup_field: str = Field(default="email", alias="lookupField")
    partition: str | None = Field(default=None, alias="partitionName")
    asynchronous: bool = Field(default=False, alias="asyncProcessing")
    records: list[dict[str, Scalar]] = Field(alias="input")


class Skipped(Exception):
    """A record that is skipped."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.result: Result = {
            "status": "skipped",
            "reasons": [{"code": code, "message": message or MESSAGES[code]}],
        }


@dataclass(frozen=True, slots=True)
class Sync:
    """Sync Leads on one instance."""

    catalog: Catalog
    leads: LeadStore
    partitions: Partitions
    max_records: int

    def begin(self, body: Any) -> Callable[[], list[Result]]:
        """Look everything up now; the function returned does it.

        Raises:
            Refused: the request as a whole is not one that Marketo takes.
        """
        request = self._parse(body)
        steps = [self._step(record, request) for record in request.records]
        return lambda: [step() for step in steps]

    def _parse(self, body: Any) -> SyncRequest:
        if not isinstance(body, Mapping):
            raise Refused("609")
        if not body.get("input"):
            raise Refused("701", "input cannot be blank")
        try:
            request = SyncRequest.model_validate(body)
        except ValidationError as error:
            key = error.errors()[0]["loc"][0]
            raise Refused("1003", f"Invalid value for '{key}'") from None
        if len(request.records) > self.max_records:
            raise Refused("1003", f"Max batch size of '{self.max_records}' exceeded")
        if request.asynchronous:
            raise Refused("703")  # its answer is not documented
        if self.catalog.get(request.lookup_field) is None:
            raise Refused("1006", f"Lookup field '{request.lookup_field}' not found")
        if not self.catalog.searchable(request.lookup_field):
            raise Refused("1011", f"Field '{request.lookup_field}' not supported")
        return request

    def _step(self, record: dict[str, Scalar], request: SyncRequest) -> Apply:
        try:
            self._check_values(record, request)
            return self._decide(record, request)
        except Skipped as skipped:
            result = skipped.result
            return lambda: result

    def _check_values(self, record: dict[str, Scalar], request: SyncRequest) -> None:
        for name, value in record.items():
            field = self.catalog.get(name)
            if field is None:
                raise Skipped("1006", f"Field '{name}' not found")
            is_key = name == request.lookup_field and request.action == "updateOnly"
            if (not field.updateable and not is_key) or not accepts(field, value):
                raise Skipped("1003", f"Invalid value for field '{name}' and value '{shown(value)}'")

    def _decide(self, record: dict[str, Scalar], request: SyncRequest) -> Apply:
        values = {name: value for name, value in record.items() if name != "id"}
        if request.action == "createDuplicate":
            return self._creation(values, request)
        if record.get(request.lookup_field) in {None, ""}:
            raise Skipped("1002", f"Missing value for the required parameter '{request.lookup_field}'")
        found = self._found(record, request)
        if not found:
            if request.action == "updateOnly":
                raise Skipped("1004")
            return self._creation(values, request)
        if request.action == "createOnly":
            raise Skipped("1005")
        if len(found) > 1:
            raise Skipped("1007")
        return self._update(found[0], values, request)

    def _found(self, record: dict[str, Scalar], request: SyncRequest) -> list[Lead]:
        return self.leads.find(request.lookup_field, [record[request.lookup_field]])

    def _creation(self, values: dict[str, Scalar], request: SyncRequest) -> Apply:
        # A createDuplicate takes no partition name: the default partition it is.
        named = None if request.action == "createDuplicate" else request.partition
        partition = named or self.partitions.default.name
        if not self.partitions.accessible(partition):
            raise Skipped("1008", f"Access denied to partition '{partition}'") if named else Skipped("1009")

        def create() -> Result:
            if request.action == "createOnly" and self._found(values, request):
                return Skipped("1005").result
            return {"id": self.leads.create(values, partition=partition).lead_id, "status": "created"}

        return create

    def _update(self, lead: Lead, values: dict[str, Scalar], request: SyncRequest) -> Apply:
        named = request.partition if request.action == "createOrUpdate" else None
        for partition in (named, lead.partition):
            if partition is not None and not self.partitions.accessible(partition):
                raise Skipped("1008", f"Access denied to partition '{partition}'")
        if named is not None and named != lead.partition:
            raise Skipped("1010")

        def update() -> Result:
            # Somebody may have deleted or merged it since it was looked up.
            if self.leads.get(lead.lead_id) is None:
                return Skipped("1004").result
            self.leads.update(lead, values)
            return {"id": lead.lead_id, "status": "updated"}

        return update
