"""Telling the ledger what a field holds already, and giving a field up: what a person decides at a terminal."""

import csv
import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import TextIO

from marketo_provider.errors import ImportsUnderWay, InvalidSetting, TargetClaimed
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import Flag, Key, LedgerRow, encode_rows, load_ledger
from marketo_provider.state.records import Adopted, Released
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace, quoted
from marketo_provider.sync.address import Unusable, read_address
from marketo_provider.sync.import_wait import IDS_ARE_VALID_FOR
from marketo_provider.sync.summarise import summarise_claim

_EMAIL_COLUMNS = ("email", "email address")
_ID_COLUMNS = ("id", "lead id", "person id")
_LEAD_ID = re.compile(r"[1-9][0-9]{0,17}")
# What spreadsheets put before the first column's name.
_BYTE_ORDER_MARK = "\ufeff"


def adopt_leads(lease: Lease, source: TextIO, *, memory_limit: str = "512MiB") -> int:
    """Enter the leads of a CSV that hold True into the ledger, and return how many addresses they have.

    The CSV has a header with a column `Email` (or `Email Address`), as Marketo's own list exports do, and may
    have one `Id`; several leads of one address are lines of their own. Leads that may hold True stay known.
    Whoever of them is not in the cohort is then set False by the next run.

    Args:
        lease: the target's, not yet taken.
        source: the CSV.
        memory_limit: of the comparison with the ledger.

    Raises:
        InvalidSetting: it is no CSV, there is no such column, or a row has no valid address; says which line.
        LeaseHeld: a run is writing to the target.
        TargetClaimed: the target is retired: no run would set anybody False any more.
    """
    rows = read_leads(source)
    lease.take()
    with lease.given_back():
        claim = lease.log.target.claim
        if claim is not None and claim.retired_at is not None:
            target = lease.log.folder.removeprefix("marketo/")
            raise TargetClaimed(
                f"The field was retired on {claim.retired_at:%Y-%m-%d %H:%M} UTC, and no export writes to it any "
                "more. Nothing was adopted. To use the field again, first run: "
                f"python -m marketo_provider state release {target}"
            )
        path = f"{lease.log.folder}/adopted/{secrets.token_hex(16)}.parquet"
        with Workspace(lease.log.store, memory_limit=memory_limit) as workspace:
            _save(workspace, rows, lease.log.target, path)
        lease.append(Adopted(at=lease.now(), by=lease.holder, rows=path))
    return len(rows)


def read_leads(source: TextIO) -> list[LedgerRow]:
    """Return the rows of the ledger that a CSV of leads makes; raises as `adopt_leads` does."""
    reader = csv.DictReader(source)
    try:
        return _rows(reader)
    except (csv.Error, UnicodeDecodeError):
        raise InvalidSetting(
            f"The file cannot be read as a CSV in UTF-8 after line {reader.line_num}. Nothing was adopted. Save "
            "it as one."
        ) from None


def release_target(lease: Lease) -> None:
    """Free a target for another export. What Marketo holds stays as it is; the ledger is forgotten.

    Raises:
        LeaseHeld: a run is writing to the target.
        ImportsUnderWay: a file of the export's may still set leads True, whosever the field would be then.
    """
    lease.take()
    with lease.given_back():
        if imports := lease.log.target.imports:
            raise ImportsUnderWay(
                "Marketo is importing files of the export, or may be: they would set leads True after the field "
                "was given up. Nothing was released. Trigger the export's DAG, which takes the imports in, or use "
                "`state retire`; then run the command again.",
                resume_at=max(one.announced_at for one in imports) + IDS_ARE_VALID_FOR,
                batch_ids=[one.batch_id for one in imports if one.batch_id is not None],
            )
        lease.append(Released(at=lease.now(), by=lease.holder))
    summarise_claim(lease.log.store, lease.log.folder, None)


def _save(workspace: Workspace, rows: list[LedgerRow], target: Target, path: str) -> None:
    """Store the rows, each with the leads that may hold True for its address too: they may get another address."""
    load_ledger(workspace, target)
    told = workspace.scratch / "adopted.parquet"
    told.write_bytes(encode_rows(rows))
    workspace.save(
        "SELECT told.* REPLACE (list_sort(list_distinct(list_concat(told.lead_ids, known.lead_ids))) AS lead_ids) "
        f"FROM read_parquet({quoted(told)}) AS told LEFT JOIN "
        "(FROM ledger WHERE may_hold) AS known USING (key_high, key_low)",
        path,
    )


def _rows(reader: "csv.DictReader[str]") -> list[LedgerRow]:
    email = _column(reader.fieldnames or (), _EMAIL_COLUMNS)
    lead_id = _column(reader.fieldnames or (), _ID_COLUMNS)
    if email is None:
        raise InvalidSetting(
            "The CSV has no column Email or Email Address. Export the leads from Marketo with one."
        )
    rows: dict[Key, LedgerRow] = {}
    for row in reader:
        address = read_address(row[email])
        if isinstance(address, Unusable):
            raise InvalidSetting(
                f"Line {reader.line_num} of the CSV has no valid address. Nothing was adopted. "
                "Correct or remove it."
            )
        known = (row[lead_id] or "").strip() if lead_id else ""
        if known and not _LEAD_ID.fullmatch(known):
            raise InvalidSetting(
                f"Line {reader.line_num} of the CSV has an id that is no lead's. Nothing was adopted. Correct or "
                "remove it."
            )
        key = Key.of(address)
        before = rows.get(key) or LedgerRow(key, address, Flag.TRUE, was_true=True, may_hold=True)
        lead_ids = {*before.lead_ids, *([int(known)] if known else [])}
        rows[key] = replace(before, lead_ids=tuple(sorted(lead_ids)))
    return list(rows.values())


def _column(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    return next((name for name in names if name.strip(f'{_BYTE_ORDER_MARK}" ').lower() in wanted), None)
