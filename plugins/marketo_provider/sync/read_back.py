"""Reading back: does Marketo hold what the ledger says? Rule 18 of the sync.

After a delivery up to 300 addresses are looked up, half of what was just written, half of what was not touched.
What differs becomes `unknown`, so that the next run puts it right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from marketo_provider.state.ledger import COLUMNS, Flag, LedgerRow, decode_row
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.batches import MOST_RECORDS
from marketo_provider.sync.journal import Journal
from marketo_provider.sync.run import Work, logger


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How many addresses were read back, and of how many the field differs from the ledger."""

    read: int = 0
    differing: int = 0

    @property
    def drift(self) -> float:
        """The share that differs."""
        return self.differing / self.read if self.read else 0.0


def read_back(run: Work, workspace: Workspace, journal: Journal, *, salt: int, deadline: float) -> ReadBack:
    """Look a sample of the ledger up in Marketo, and journal what differs.

    An address that Marketo does not know any more has no field that could differ. Where the ledger has it True
    it becomes `unknown` all the same: the next run finds out what became of the lead.

    Args:
        run: the run.
        workspace: has the view `ledger` as it is after the delivery, and the table `changes`.
        journal: takes what differs.
        salt: another one gives another sample.
        deadline: on the monotonic clock.

    Raises:
        VendorUnavailable, QuotaExhausted: Marketo did not answer.
    """
    sample = {row.address.lower(): row for row in _sample(workspace, salt)}
    if not sample:
        return ReadBack()
    held: dict[str, set[bool]] = {address: set() for address in sample}
    addresses = [row.address for row in sample.values()]
    for lead in run.marketo.find_leads("email", addresses, field=run.field, deadline=deadline):
        if lead.email is not None and lead.email.lower() in held:
            held[lead.email.lower()].add(lead.flag)
    differing = 0
    for address, row in sample.items():
        expected = row.flag is Flag.TRUE
        differs = bool(held[address] - {expected})
        differing += differs
        if differs or (expected and not held[address]):
            journal.add(replace(row, flag=Flag.UNKNOWN, may_hold=True))
    if differing:
        logger.warning(
            "%s: %d of %d leads read back differ from what was sent.", run.label, differing, len(sample)
        )
    return ReadBack(len(sample), differing)


def _sample(workspace: Workspace, salt: int) -> Iterator[LedgerRow]:
    for touched in ("SEMI", "ANTI"):
        batches = workspace.batches(
            f"SELECT {COLUMNS} FROM ledger {touched} JOIN changes USING (key_high, key_low) "
            "WHERE flag IN ('true', 'false') ORDER BY hash(key_high, $salt) LIMIT $most",
            MOST_RECORDS,
            most=MOST_RECORDS // 2,
            salt=salt,
        )
        for batch in batches:
            yield from map(decode_row, batch.to_pylist())
