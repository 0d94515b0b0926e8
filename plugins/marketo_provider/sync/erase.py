"""Removing an address from a target's files for good, since the law asks for it.

A lead that may hold True is set False first: once nobody knows the address, nobody could. What the records name is
written anew without the address, and one record names the new files; all else is changed where it lies. A keyed
hash stays, on the suppression list, so that no snapshot brings the person back.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from marketo_provider.errors import ImportsUnderWay, LeaseHeld, TooManyRefused
from marketo_provider.state.files import columns_of_list, files_below, is_ledger_file, is_members_file
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import Key, load_ledger
from marketo_provider.state.records import LedgerReplaced, OpenImport
from marketo_provider.state.snapshots import SnapshotFolder
from marketo_provider.state.suppression import SuppressionList
from marketo_provider.state.target import Target
from marketo_provider.state.workspace import Workspace, csv_rows
from marketo_provider.sync.import_wait import UNANSWERED_FOR
from marketo_provider.sync.run import Work
from marketo_provider.sync.snapshot import LONGEST_READ
from marketo_provider.sync.withdraw import Withdrawal


@dataclass(slots=True)
class Erased:
    """What was found of an address: files, whether a lead was set False, or should have been by somebody."""

    files: int = 0
    set_false: bool = False
    may_hold: bool = False


class Erasure:
    """The erasure of one address from one target.

    Args:
        lease: the target's, not yet taken.
        address: a valid one.
        workspace: where to work.
        open_work: connects to Marketo; asked only where a lead may hold True.
    """

    def __init__(self, lease: Lease, address: str, workspace: Workspace, *, open_work: Callable[[], Work]) -> None:
        self._lease = lease
        self._log = lease.log
        self._store, self._folder = lease.log.store, lease.log.folder
        self._name = self._folder.removeprefix("marketo/")
        self._address = address
        self._key = Key.of(address)
        self._md5 = hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()
        self._workspace = workspace
        self._open_work = open_work
        self._withdrawal: Withdrawal | None = None

    def carry_out(self) -> Erased:
        """Erase, and return what was found.

        Raises:
            LeaseHeld: a run is writing to the target, or reads its cohort.
            ImportsUnderWay: the address is in a file that Marketo is importing.
            TooManyRefused: Marketo did not set the lead False; nothing was erased.
        """
        # At first: should this break off, the next run sees somebody leave, and sets his lead False.
        SuppressionList(self._store).add(self._address)
        self._lease.take()
        with self._lease.given_back(unless=lambda: self._may_land):
            self._check_no_read_under_way()
            erased = Erased()
            self._withdraw(erased)
            erased.files += self._replace_ledger()
            for path in files_below(self._store, self._folder):
                self._lease.keep()
                erased.files += self._scrub(path)
        return erased

    @property
    def _target(self) -> Target:
        return self._log.target

    @property
    def _may_land(self) -> bool:
        return self._withdrawal is not None and self._withdrawal.may_land

    def _check_no_read_under_way(self) -> None:
        """Stop where a cohort is being read: its pages are written without the lease. Old ones are of no use."""
        for name in self._store.names(f"{self._folder}/snapshots"):
            folder = SnapshotFolder(self._store, self._folder, name)
            if folder.snapshot():
                self._store.delete(f"{folder.path}/pages")
                continue
            session = folder.session()
            if session and self._lease.now() - session.begun_at <= LONGEST_READ:
                raise LeaseHeld(
                    f"The cohort of {self._name} is being read, or its reading broke off. "
                    "Nothing was erased. Run the command again when the task snapshot_cohort has ended, or after "
                    f"{session.begun_at + LONGEST_READ:%Y-%m-%d %H:%M} UTC.",
                    resume_at=session.begun_at + LONGEST_READ,
                )
            folder.abandon()

    def _withdraw(self, erased: Erased) -> None:
        """Set the lead False where it may hold True, and nobody else is responsible for the field."""
        self._check_imports()
        if not self._may_hold():
            return
        claim = self._target.claim
        if claim is None:
            erased.may_hold = True
            return
        self._withdrawal = withdrawal = Withdrawal(self._open_work(), self._lease, self._target.delivered)
        with withdrawal.kept():
            withdrawal.send(self._workspace, claim, only=self._key)
        if self._may_hold():
            codes = ", ".join(withdrawal.report.refused_by_code) or "no answer"
            raise TooManyRefused(
                f"Marketo did not set the lead False in {self._name} ({codes}). Nothing "
                "was erased. Mend the cause, or delete the lead in Marketo; then run the command again."
            )
        erased.set_false = bool(withdrawal.report.set_false)

    def _check_imports(self) -> None:
        for one in self._target.imports:
            if self._count(f"read_parquet({self._workspace.fetch(one.rows)})", self._key.sql):
                raise ImportsUnderWay(
                    f"The address is in a file for {self._name} that Marketo is importing, or may be. Nothing was "
                    "erased. Run the command again after the next run of the export has taken the import in.",
                    resume_at=one.announced_at + UNANSWERED_FOR,
                    batch_ids=[one.batch_id] if one.batch_id is not None else [],
                )

    def _may_hold(self) -> bool:
        load_ledger(self._workspace, self._target)
        return bool(self._count("ledger", f"{self._key.sql} AND may_hold"))

    def _replace_ledger(self) -> int:
        """Write what the records name anew where it has the address, and say so by one record."""
        target = self._target
        new = {path: self._without(path) for path in target.files}
        replaced = [path for path in target.files if new[path] != path]
        if not replaced:
            return 0
        imports = tuple(_moved(one, new) for one in target.imports)
        base_rows = target.base_rows - (target.base in replaced)
        self._lease.append(
            LedgerReplaced(
                at=self._lease.now(),
                by=self._lease.holder,
                cause="erased",
                base=new[target.base] if target.base else None,
                base_rows=base_rows,
                deltas=tuple(new[path] for path in target.deltas),
                imports=imports,
            )
        )
        for path in replaced:
            # A run's journals are kept, without the address, as its lists are.
            if "/runs/" not in path:
                self._store.delete(path)
        return len(replaced)

    def _without(self, path: str) -> str:
        rows = f"read_parquet({self._workspace.fetch(path)})"
        if not self._count(rows, self._key.sql):
            return path
        new = f"{self._folder}/ledger/{secrets.token_hex(16)}/base.parquet"
        self._workspace.save(f"SELECT * FROM {rows} WHERE NOT {self._key.sql}", new)
        return new

    def _scrub(self, path: str) -> int:
        """Take the address out of a file, where it is in it; return how many files that were."""
        if columns := columns_of_list(path):
            rows = csv_rows(self._workspace.fetch(path), columns)
            same = f"md5(lower(address)) = '{self._md5}'"
            if not self._count(rows, same):
                return 0
            self._workspace.save_csv(f"SELECT * FROM {rows} WHERE NOT {same}", path)
            return 1
        if not (is_ledger_file(path) or is_members_file(path)):
            return 0
        rows = f"read_parquet({self._workspace.fetch(path)})"
        found = bool(self._count(rows, self._key.sql))
        if found:
            self._workspace.save(f"SELECT * FROM {rows} WHERE NOT {self._key.sql}", path)
        if is_members_file(path):
            self._correct_count(path)
        return int(found)

    def _correct_count(self, path: str) -> None:
        """Let a snapshot say how many members it has: whoever is gone counts as one without an address."""
        folder = SnapshotFolder(self._store, self._folder, path.split("/")[-2])
        snapshot = folder.snapshot()
        if snapshot is None:
            return
        folder.load_members(self._workspace)
        members = self._count("members", "true")
        rows = self._count(f"read_parquet({self._workspace.fetch(folder.addresses)})", "true")
        counts = {
            "members": members,
            "duplicate_email": rows - members,
            "without_email": snapshot.profiles - snapshot.invalid_email - rows,
        }
        corrected = snapshot.model_copy(update=counts)
        if corrected != snapshot:
            folder.recount(corrected)

    def _count(self, rows: str, condition: str) -> int:
        count: int
        (count,) = self._workspace.row(f"SELECT count(*) FROM {rows} WHERE {condition}")
        return count


def _moved(one: OpenImport, new: dict[str, str]) -> OpenImport:
    return one.model_copy(update={"rows": new[one.rows], "later": tuple(new[path] for path in one.later)})
