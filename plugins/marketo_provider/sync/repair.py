"""Rebuilding a target's ledger from Marketo, where files of it were lost.

Marketo cannot list the leads that hold True, but tells what an address or a lead holds. So every address that any
readable file of the target names is looked up, and what Marketo says becomes the ledger, by one record.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pyarrow.parquet as pq

from marketo_provider.errors import (
    ImportsUnderWay,
    InvalidSetting,
    MarketoProviderError,
    QuotaExhausted,
)
from marketo_provider.marketo.client import Lead
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import SCHEMA, Flag, LedgerRow, column_rows
from marketo_provider.state.presence import Presence
from marketo_provider.state.records import LedgerReplaced
from marketo_provider.state.workspace import Workspace, silent
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.budget import Budget, calls_again_at
from marketo_provider.sync.evidence import Known, gather_evidence, known_addresses
from marketo_provider.sync.import_wait import IDS_ARE_VALID_FOR, UNANSWERED_FOR, has_ended
from marketo_provider.sync.run import Work, logger
from marketo_provider.sync.sharing import join_instance, leave_instance


@dataclass(slots=True)
class Repaired:
    """How many addresses were looked up, what the new ledger holds, and which files could not be read."""

    addresses: int
    holding: int
    unreadable: tuple[str, ...]


def repair_target(work: Work) -> Repaired:
    """Replace a target's ledger by what Marketo holds.

    Raises:
        InvalidSetting: the target is closed.
        LeaseHeld: a run is writing to it.
        ImportsUnderWay: files are being imported, so that what Marketo holds is about to change.
        QuotaExhausted: it takes more calls than are left today.
        VendorUnavailable, LeaseLost: nothing was changed.
    """
    log = work.open_log()
    if log.target.closed:
        raise InvalidSetting(f"{work.target} is retired and has no ledger any more. There is nothing to repair.")
    lease, presence = work.lease(log), work.presence()
    lease.take()
    with lease.given_back():
        try:
            with work.workspace() as workspace:
                repaired = _Repair(work, lease, presence).carry_out(workspace)
        except MarketoProviderError:
            leave_instance(presence, may_land=False)
            raise
        leave_instance(presence, may_land=False)
    logger.info("%s: looked %d addresses up, %d may hold True.", work.target, repaired.addresses, repaired.holding)
    return repaired


class _Repair:
    """The part under the lease."""

    def __init__(self, work: Work, lease: Lease, presence: Presence) -> None:
        self._work = work
        self._lease = lease
        self._presence = presence
        self._holding = 0

    def carry_out(self, workspace: Workspace) -> Repaired:
        """Look everybody up, then let the new ledger be the target's."""
        target = self._lease.log.target
        self._check_imports()
        addresses, unreadable = gather_evidence(self._work, workspace, target)
        self._check_calls(addresses)
        join_instance(self._work, self._lease, self._presence)
        path = self._save(workspace)
        self._lease.append(
            LedgerReplaced(
                at=self._lease.now(),
                by=self._lease.holder,
                cause="repaired",
                base=path,
                base_rows=addresses,
                deltas=(),
                imports=(),
            )
        )
        for one in target.imports:
            self._presence.note_ended(one.name)
        return Repaired(addresses, self._holding, unreadable)

    def _check_imports(self) -> None:
        now = self._work.clock.now()
        for one in self._lease.log.target.imports:
            if one.batch_id is None:
                over = now >= one.announced_at + UNANSWERED_FOR
            else:
                forgotten = now >= one.announced_at + IDS_ARE_VALID_FOR
                over = has_ended(self._work.marketo, one.batch_id, forgotten=forgotten)
            if not over:
                raise ImportsUnderWay(
                    f"{self._work.target}: Marketo is importing a file, or may be, so that what it holds is about "
                    "to change. Nothing was repaired. Run the command again when it has ended; a file without an "
                    "answer counts for 24 hours.",
                    resume_at=one.announced_at + UNANSWERED_FOR,
                    batch_ids=[one.batch_id] if one.batch_id is not None else [],
                )

    def _check_calls(self, addresses: int) -> None:
        needed, left = -(-addresses // MOST_RECORDS), Budget(self._work.marketo, self._work.limits).left()
        if needed > left:
            raise QuotaExhausted(
                f"{self._work.target}: looking {addresses:,} addresses up takes at least {needed:,} calls, and of "
                f"our share of today's {max(left, 0):,} are left. Nothing was repaired. Run the command again "
                "after Marketo's reset, or raise quota_share for it.",
                resume_at=calls_again_at(self._work.clock.now()),
            )

    def _save(self, workspace: Workspace) -> str:
        local = workspace.scratch / secrets.token_hex(16)
        path = f"{self._work.folder}/ledger/{secrets.token_hex(16)}/base.parquet"
        with silent(), pq.ParquetWriter(local, SCHEMA, compression="lz4", use_dictionary=False) as writer:
            for some in known_addresses(workspace, MOST_RECORDS):
                writer.write_batch(column_rows(self._look_up(some)))
        self._work.store.publish(local, path)
        return path

    def _look_up(self, some: list[Known]) -> Iterator[LedgerRow]:
        """Return the ledger rows of up to 300 addresses."""
        found: dict[str, dict[int, bool]] = {one.address.lower(): {} for one in some}
        for lead in self._find("email", [one.address for one in some]):
            if lead.email is not None and lead.email.lower() in found:
                found[lead.email.lower()][lead.lead_id] = lead.flag
        # Leads that had the address once and have another one now.
        moved = {lead_id for one in some for lead_id in one.lead_ids if lead_id not in found[one.address.lower()]}
        flags = {lead.lead_id: lead.flag for lead in self._find_by_id(sorted(moved))}
        for one in some:
            leads = found[one.address.lower()] | {known: flags[known] for known in one.lead_ids if known in flags}
            row = _row(one, leads)
            self._holding += row.may_hold
            yield row

    def _find_by_id(self, lead_ids: list[int]) -> Iterator[Lead]:
        for first in range(0, len(lead_ids), MOST_RECORDS):
            yield from self._find("id", lead_ids[first : first + MOST_RECORDS])

    def _find(self, kind: Literal["email", "id"], values: list[str] | list[int]) -> list[Lead]:
        self._lease.keep(at_least=self._work.settings.lease_seconds / 2)
        self._presence.keep(at_least=self._work.settings.lease_seconds / 2)
        return self._work.marketo.find_leads(kind, values, field=self._work.field, deadline=self._lease.deadline)


def _row(one: Known, leads: dict[int, bool]) -> LedgerRow:
    """Return what the ledger says of an address, given its leads and what they hold."""
    row = LedgerRow(one.key, one.address, Flag.FALSE, lead_ids=tuple(sorted(leads)))
    flags = set(leads.values())
    if flags == {True}:
        return LedgerRow(one.key, one.address, Flag.TRUE, was_true=True, may_hold=True, lead_ids=row.lead_ids)
    if True in flags:
        return LedgerRow(one.key, one.address, Flag.UNKNOWN, was_true=True, may_hold=True, lead_ids=row.lead_ids)
    if not flags and one.was_sent:
        # Set True once, and deleted in Marketo since: while he stays in the cohort he is not created again.
        return LedgerRow(one.key, one.address, Flag.ABSENT, was_true=True)
    return row
