"""Pruning at settle: what no run needs any more is removed, since it is personal data and takes room.

Of a target's files those stay that its last settle or the state before it names (somebody may be reading), its
newest snapshot, and the lists of runs for `keep_runs_days`. The log stays: its records hold no address.
"""

from datetime import timedelta

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Settled
from marketo_provider.state.snapshots import SnapshotFolder
from marketo_provider.state.target import Target
from marketo_provider.sync.run import Run

_LEDGER_FOLDERS = ("adopted", "intents", "journals", "ledger")
# A read that is not complete after so long was given up.
_LONGEST_READ = timedelta(days=1)


def prune(run: Run, log: TargetLog, *, before: Target, settled: Settled) -> None:
    """Remove what is not needed any more; the run holds the lease.

    Args:
        run: the run that has settled.
        log: the target's log.
        before: the state just before the settle.
        settled: the settle.
    """
    _prune_ledger(run, {*before.deltas, *settled.deltas, before.base, settled.base})
    _prune_snapshots(run, settled)
    _prune_runs(run, log)


def _prune_ledger(run: Run, needed: set[str | None]) -> None:
    for folder in _LEDGER_FOLDERS:
        for name in run.store.names(f"{run.folder}/{folder}"):
            path = f"{run.folder}/{folder}/{name}"
            if not any(file and (file == path or file.startswith(f"{path}/")) for file in needed):
                run.store.delete(path)


def _prune_snapshots(run: Run, settled: Settled) -> None:
    own = settled.claim.snapshot if settled.claim.finished_at is None else None
    for name in run.store.names(f"{run.folder}/snapshots"):
        if not name.isdecimal() or int(name) >= settled.snapshot or int(name) == own:
            continue
        folder = SnapshotFolder(run.store, run.folder, name)
        if not _being_read(run, folder):
            folder.abandon()


def _being_read(run: Run, folder: SnapshotFolder) -> bool:
    try:
        session = None if folder.snapshot() else folder.session()
    except StoreUnusable:
        return False
    return session is not None and run.clock.now() - session.begun_at <= _LONGEST_READ


def _prune_runs(run: Run, log: TargetLog) -> None:
    oldest = run.clock.now() - timedelta(days=run.settings.keep_runs_days)
    for name in run.store.names(f"{run.folder}/runs"):
        begun = next(log.records(int(name)), None)
        if begun and begun[1].at >= oldest:
            return
        run.store.delete(f"{run.folder}/runs/{name}")
