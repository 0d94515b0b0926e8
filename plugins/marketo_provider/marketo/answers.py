"""Marketo's answers, parsed strictly: a key of the wrong type makes the whole answer one that cannot be believed.

The shapes are those of recorded answers where the Swagger file is wrong: skipped records carry `reasons`, a list,
and empty `errors` and `warnings` are left out. Of a list only the first fault is told: all of them may take a
hundred times the memory of the body.
"""

import re
from typing import Annotated, Generic, Literal, NotRequired, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
)
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from marketo_provider.marketo.codes import Code
from marketo_provider.marketo.models import Field as LeadField
from marketo_provider.marketo.models import ImportStatus, Lead, LeadResults, Status

LARGEST = 2**63 - 1  # that the ledger takes
Count = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
_REQUEST_ID = re.compile(r"[\w#.:-]{1,64}", re.ASCII)
LeadId = Annotated[StrictInt, Field(gt=0, le=LARGEST)]
BatchId = Annotated[StrictInt, Field(gt=0, le=LARGEST)]


class _Row(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)


class _Error(_Row):
    code: Code


class Envelope(_Row):
    """What every answer of the REST API carries."""

    success: StrictBool
    request_id: str | None = Field(None, alias="requestId")
    errors: Annotated[list[_Error], Field(fail_fast=True)] | None = None

    @field_validator("request_id", mode="before")
    @classmethod
    def _fit_to_show(cls, value: object) -> object:
        # It only serves Adobe's support: nothing is refused for its sake, and nothing strange is shown.
        return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


Row = TypeVar("Row", bound=_Row)


class Page(_Row, Generic[Row]):
    """The rows of an answer, and where to go on if there are more."""

    result: Annotated[list[Row], Field(fail_fast=True)]
    more_result: StrictBool | None = Field(None, alias="moreResult")
    next_page_token: StrictStr | None = Field(None, alias="nextPageToken")

    @property
    def following(self) -> str | None:
        """The token of the next page, if there is one."""
        return None if self.more_result is False else self.next_page_token


class _SyncRow(TypedDict):
    """What Sync Leads says of one record; a plain dictionary, since there may be millions."""

    __pydantic_config__ = ConfigDict(hide_input_in_errors=True)  # type: ignore[misc] # pydantic's own way
    status: Status
    id: NotRequired[LeadId | None]
    reasons: NotRequired[Annotated[list[_Error], Field(fail_fast=True)] | None]


class SyncAnswer(_Row):
    """What Sync Leads says of a request's records."""

    result: Annotated[list[_SyncRow], Field(fail_fast=True)]

    def values(self) -> LeadResults:
        """Return it as the client hands it out.

        Raises:
            ValueError: a written record is without its lead's id.
        """
        statuses = [row["status"] for row in self.result]
        lead_ids = [row.get("id") for row in self.result]
        if "skipped" not in statuses:
            codes: list[str | None] = [None] * len(statuses)
        else:
            codes = [_code(row) for row in self.result]
        if None in lead_ids and any(
            lead_id is None and status != "skipped" for status, lead_id in zip(statuses, lead_ids, strict=True)
        ):
            raise ValueError("a written record without its lead's id")
        return LeadResults(statuses, lead_ids, codes)


def _code(row: _SyncRow) -> str | None:
    reasons = row.get("reasons")
    return reasons[0].code if row["status"] == "skipped" and reasons else None


class LeadRow(_Row):
    """A lead as Get Leads returns it; the field asked for is an extra."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)
    __pydantic_extra__: dict[str, JsonValue]

    id: LeadId
    email: StrictStr | None = None

    def value(self, field: str) -> Lead:
        """Return it as the client hands it out.

        Raises:
            ValueError: the field holds no Boolean.
        """
        flag = self.__pydantic_extra__.get(field)
        if flag is not None and not isinstance(flag, bool):
            raise ValueError("the field holds no Boolean")
        return Lead(self.id, self.email, flag or False)


class _FieldRow(_Row):
    name: StrictStr
    display_name: StrictStr = Field(alias="displayName")
    data_type: StrictStr = Field(alias="dataType")
    updateable: StrictBool
    crm_managed: StrictBool = Field(alias="crmManaged")


class DescribeRow(_Row):
    """What describe2 says of leads."""

    fields: Annotated[list[_FieldRow], Field(fail_fast=True)]

    def values(self) -> list[LeadField]:
        """Return the fields as the client hands them out."""
        return [
            LeadField(row.name, row.display_name, row.data_type, row.updateable, row.crm_managed)
            for row in self.fields
        ]


class SchemaRow(_Row):
    """What the field schema says of one field."""

    is_custom: StrictBool = Field(alias="isCustom")


class NamedRow(_Row):
    """A field in the list of the schema; Adobe's examples leave out who created it."""

    name: StrictStr
    display_name: StrictStr = Field(alias="displayName")
    api_created: StrictBool = Field(default=False, alias="isApiCreated")


class CreatedRow(_Row):
    """A field that was created."""

    name: StrictStr
    status: Literal["created"]


class PartitionRow(_Row):
    """A lead partition."""

    name: StrictStr


class UsageRow(_Row):
    """The calls of one day, of all integrations together."""

    date: StrictStr
    total: Count


class QueuedRow(_Row):
    """What an upload is answered."""

    batch_id: BatchId = Field(alias="batchId")


class ImportRow(_Row):
    """How far an import job is."""

    status: Literal["Queued", "Importing", "Complete", "Failed"]
    imported: Count = Field(alias="numOfLeadsProcessed")
    failed: Count = Field(alias="numOfRowsFailed")
    warned: Count = Field(alias="numOfRowsWithWarning")

    def value(self) -> ImportStatus:
        """Return it as the client hands it out."""
        return ImportStatus(self.status, self.imported, self.failed, self.warned)
