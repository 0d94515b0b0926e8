"""Why Marketo refuses a record, and what to do about it: the table in docs/errors.md, for the page."""

from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """What a code means, and what to do."""

    meaning: str
    remedy: str


_ADDRESS = Refusal("Marketo does not accept a value, mostly the address", "correct the address in Mixpanel")
_ONE_RECORD = Refusal(
    "Marketo fails on this one record", "look at the address in refused.csv; tell Adobe the requestId"
)
_NO_ACCESS = Refusal(
    "no access to the lead's partition", "give the API user its role in a workspace that sees the partition"
)
_IMPORT = Refusal("Marketo refused the row of an import", "nothing at first; the row is tried again by itself")

REFUSALS: Final = {
    "1001": _ADDRESS,
    "1003": _ADDRESS,
    "1007": Refusal(
        "several leads have the address",
        "nothing; all of them are set. Refused only if they could not be found afterwards",
    ),
    "1008": _NO_ACCESS,
    "1009": Refusal("a partition must be named", "set partition, in the export or the Connection"),
    "1010": Refusal("the lead is in another partition", _NO_ACCESS.remedy),
    "1018": Refusal("a CRM sync owns the lead", "change the lead in the CRM, or accept it"),
    "413": _ONE_RECORD,
    "609": _ONE_RECORD,
    "611": _ONE_RECORD,
    "unknown": Refusal("skipped without a reason", "look at the lead in Marketo"),
    "import_invalid_email": _ADDRESS,
    "import_invalid_data_type": _ADDRESS,
    "import_too_long": Refusal("the address has no room in an import's file", "correct it in Mixpanel"),
}


def refusal(code: str) -> Refusal:
    """Return what a code means."""
    if code.startswith("import_"):
        return REFUSALS.get(code, _IMPORT)
    return REFUSALS.get(code, Refusal("a code that Adobe does not document for records", "ask Adobe's support"))
