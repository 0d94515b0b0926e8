"""Telling the ledger what a field holds already, and giving a field up: what a person decides at a terminal."""

import csv
import secrets
from collections.abc import Iterable, Iterator
from typing import TextIO

from marketo_provider.errors import InvalidSetting
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import Flag, Key, LedgerRow, encode_rows
from marketo_provider.state.records import Adopted, Released
from marketo_provider.sync.address import Unusable, read_address

_EMAIL_COLUMNS = ("email", "email address")
_ID_COLUMNS = ("id", "lead id", "person id")


def adopt_leads(lease: Lease, source: TextIO) -> int:
    """Enter the leads of a CSV that hold True into the ledger, and return how many.

    The CSV has a header with a column `Email` (or `Email Address`), as Marketo's own list exports do, and may
    have one `Id`. Whoever of them is not in the cohort is then set False by the next run.

    Args:
        lease: the target's, not yet taken.
        source: the CSV.

    Raises:
        InvalidSetting: there is no such column, or a row has no valid address; says which line.
        LeaseHeld: a run is writing to the target.
    """
    rows = list(_rows(csv.DictReader(source)))
    lease.take()
    path = f"{lease.log.folder}/adopted/{secrets.token_hex(16)}.parquet"
    lease.log.store.write(path, encode_rows(rows))
    lease.append(Adopted(at=lease.now(), by=lease.holder, rows=path))
    lease.give_back()
    return len(rows)


def release_target(lease: Lease) -> None:
    """Free a target for another export. What Marketo holds stays as it is; the ledger is forgotten.

    Raises:
        LeaseHeld: a run is writing to the target.
    """
    lease.take()
    lease.append(Released(at=lease.now(), by=lease.holder))
    lease.give_back()


def _rows(reader: "csv.DictReader[str]") -> Iterator[LedgerRow]:
    email = _column(reader.fieldnames or (), _EMAIL_COLUMNS)
    lead_id = _column(reader.fieldnames or (), _ID_COLUMNS)
    if email is None:
        raise InvalidSetting(
            "The CSV has no column Email or Email Address. Export the leads from Marketo with one."
        )
    for row in reader:
        address = read_address(row[email])
        if isinstance(address, Unusable):
            raise InvalidSetting(
                f"Line {reader.line_num} of the CSV has no valid address. Nothing was adopted. "
                "Correct or remove it."
            )
        known = (row[lead_id] or "").strip() if lead_id else ""
        if known and not known.isdecimal():
            raise InvalidSetting(
                f"Line {reader.line_num} of the CSV has an id that is no number. Nothing was adopted."
            )
        lead_ids = (int(known),) if known else ()
        yield LedgerRow(Key.of(address), address, Flag.TRUE, was_true=True, may_hold=True, lead_ids=lead_ids)


def _column(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    return next((name for name in names if name.strip().lower() in wanted), None)
