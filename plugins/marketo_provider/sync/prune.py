"""Pruning at settle: what no run needs any more is removed, since it is personal data and takes room.

Of a target's files those stay that its last settle or the state before it names (somebody may be reading), its
newest snapshot, the lists and journals of runs for `keep_runs_days`, and those of the run that settles: it may go
on for longer, and write there. The log stays: its records hold no address.

What is to go is found before the settle is appended, which proves that the lease was held until then: a run that
is stalled after its settle and loses the lease must not remove what another has written meanwhile.
"""

from collections.abc import Iterator
from datetime import timedelta

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.files import runs_kept
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Settled
from marketo_provider.state.snapshots import SnapshotFolder
from marketo_provider.sync.run import Run
from marketo_provider.sync.snapshot import LONGEST_READ, dry_name

_LEDGER_FOLDERS = ("adopted", "imports", "intents", "ledger")


def find_unneeded(run: Run, log: TargetLog, settled: Settled) -> list[str]:
    """Return the files and folders that are not needed any more once `settled` is appended.

    Args:
        run: the run that settles; it holds the lease.
        log: the target's log, as it is before the settle.
        settled: the settle.
    """
    before = log.target
    needed = {*before.deltas, *settled.deltas, before.base, settled.base}
    needed.update(path for one in before.imports for path in (one.rows, *one.later))
    return [*_ledger_files(run, needed), *_snapshots(run, settled), *_runs(run, log, settled, needed)]


def _ledger_files(run: Run, needed: set[str | None]) -> Iterator[str]:
    for folder in _LEDGER_FOLDERS:
        for name in run.store.names(f"{run.folder}/{folder}"):
            path = f"{run.folder}/{folder}/{name}"
            if not any(file and (file == path or file.startswith(f"{path}/")) for file in needed):
                yield path


def _snapshots(run: Run, settled: Settled) -> Iterator[str]:
    own = settled.claim.snapshot if settled.claim.finished_at is None else None
    for name in run.store.names(f"{run.folder}/snapshots"):
        folder = SnapshotFolder(run.store, run.folder, name)
        if not name.isdecimal():
            # A dry run removes its own, unless somebody has ended it.
            if name < dry_name(run.clock.now() - LONGEST_READ):
                yield folder.path
            continue
        if int(name) >= settled.snapshot or int(name) == own:
            continue
        if not _being_read(run, folder):
            yield folder.path


def _being_read(run: Run, folder: SnapshotFolder) -> bool:
    try:
        session = None if folder.snapshot() else folder.session()
    except StoreUnusable:
        return False
    return session is not None and run.clock.now() - session.begun_at <= LONGEST_READ


def _runs(run: Run, log: TargetLog, settled: Settled, needed: set[str | None]) -> Iterator[str]:
    oldest = run.clock.now() - timedelta(days=run.settings.keep_runs_days)
    for name in runs_kept(run.store, run.folder):
        begun = log.record(int(name))
        if begun and begun.at >= oldest:
            return
        path = f"{run.folder}/runs/{name}"
        # Where nothing was settled for so long, the ledger still needs the journals.
        still_needed = any(file and file.startswith(f"{path}/") for file in needed)
        if not still_needed and int(name) != settled.snapshot:
            yield path
