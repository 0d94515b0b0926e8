"""Reading the cohort: all pages of one session, each straight into the store, then judged as a whole.

A false end would set members to False in Marketo, so a snapshot counts only if it is complete: every page came
once, and rows and distinct profiles both add up to the total that Mixpanel gave on page 0.
"""

import re
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import datetime, timedelta

from marketo_provider.errors import CohortUnusable, SessionLost, SnapshotIncomplete, StoreUnusable
from marketo_provider.mixpanel.client import Page
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import SnapshotBegun
from marketo_provider.state.snapshots import PageCounts, Session, Snapshot, SnapshotFolder
from marketo_provider.state.target import Target
from marketo_provider.sync.address import read_addresses
from marketo_provider.sync.progress import Progress
from marketo_provider.sync.run import Run, logger
from marketo_provider.wording import shown

USABLE_FOR = timedelta(hours=2)
# A read that is not complete after so long was given up; until then somebody may be at it.
LONGEST_READ = timedelta(days=1)
# It comes by XCom, or out of somebody's template, and becomes a path.
_NAME = re.compile(r"[0-9]{8,18}|dry-[0-9T]{21}")
_PAGES_OF_NO_USE = (SessionLost, SnapshotIncomplete, CohortUnusable)


def read_snapshot(run: Run) -> Snapshot:
    """Return a complete snapshot of the run's cohort, read from Mixpanel where it is not in the store.

    A one-time export that is not finished goes on with its own snapshot. A try that follows a broken one goes
    on with the pages that it left, as long as Mixpanel knows the session.

    Raises:
        CohortUnusable: it has more profiles than `max_profiles`, or not one address.
        SnapshotIncomplete: the pages do not add up.
        RateLimited: Mixpanel asks for a long pause, or others read; the pages read so far are kept.
    """
    log = run.open_log()
    if own := _own_snapshot(run, log.target):
        return own
    slots = run.slots()
    run.mixpanel.keep_to(slots.slot)
    try:
        return _read(run, log)
    finally:
        slots.leave()


def _read(run: Run, log: TargetLog) -> Snapshot:
    if left := _left_by_last_try(run, log.target):
        try:
            return _read_rest(run, *left)
        except SessionLost:
            logger.info("Mixpanel no longer knows the session of the last try; reading the cohort anew.")
    try:
        return _read_rest(run, *_begin(run, log))
    except SessionLost:
        logger.warning("Mixpanel lost the session in the middle of the cohort; reading it anew, once.")
    return _read_rest(run, *_begin(run, log))


def dry_name(begun_at: datetime) -> str:
    """Return the name of the snapshot that a dry run begins at a time; names sort by it."""
    return f"dry-{begun_at:%Y%m%dT%H%M%S%f}"


def load_snapshot(run: Run, name: str) -> Snapshot:
    """Return a snapshot that an earlier task has read.

    Raises:
        StoreUnusable: it is not there, or is of another cohort.
    """
    folder = SnapshotFolder(run.store, run.folder, name) if _NAME.fullmatch(name) else None
    snapshot = folder.snapshot() if folder else None
    if snapshot is None:
        raise StoreUnusable(
            f"{run.label}: snapshot {shown(name)} is not in the state store. Clear the task snapshot_cohort, so "
            "that the cohort is read anew. Nothing was sent."
        )
    if snapshot.source != _source(run):
        raise StoreUnusable(
            f"{run.label}: snapshot {name} is of another project, data view or cohort than the export has now. "
            "Clear the task snapshot_cohort too. Nothing was sent."
        )
    return snapshot


def _own_snapshot(run: Run, target: Target) -> Snapshot | None:
    if run.dry or not run.one_time or not target.claim or target.claim.snapshot is None:
        return None
    logger.info("%s goes on with its own snapshot.", run.label)
    return load_snapshot(run, _name(target.claim.snapshot))


def _left_by_last_try(run: Run, target: Target) -> tuple[SnapshotFolder, Session] | None:
    number = target.begun.get(run.run_id)
    if run.dry or number is None:
        return None
    folder = SnapshotFolder(run.store, run.folder, _name(number))
    try:
        session = None if folder.snapshot() else folder.session()
    except StoreUnusable:
        return None
    if session is None:
        return None
    if session.source == _source(run) and run.clock.now() - session.begun_at <= USABLE_FOR:
        return folder, session
    folder.abandon()
    return None


def _begin(run: Run, log: TargetLog) -> tuple[SnapshotFolder, Session]:
    begun_at = run.clock.now()
    if run.dry:
        name = dry_name(begun_at)
    else:
        record = SnapshotBegun(at=begun_at, by=run.holder, run_id=run.run_id)
        name = _name(log.append(record, allowed=lambda _: None))
    folder = SnapshotFolder(run.store, run.folder, name)
    page = run.mixpanel.first_page(run.export.cohort_id)
    total = page.total or 0
    if total > run.settings.max_profiles:
        raise CohortUnusable(
            f"{run.label}: the cohort has {total:,} profiles, the limit is {run.settings.max_profiles:,} "
            "([marketo_provider] max_profiles). Nothing was sent. Export a smaller cohort, or raise the limit."
        )
    session = Session(
        session_id=page.session_id,
        total=total,
        page_size=page.page_size,
        project_id=run.mixpanel.project_id,
        workspace_id=run.mixpanel.workspace_id,
        cohort_id=run.export.cohort_id,
        begun_at=begun_at,
    )
    _check_page(session, 0, page)
    folder.begin(session)
    folder.add_page(0, page.distinct_ids, *read_addresses(page.emails))
    return folder, session


def _read_rest(run: Run, folder: SnapshotFolder, session: Session) -> Snapshot:
    try:
        there = folder.pages()
        # One by one: how many pages there are, Mixpanel says.
        _read_pages(run, folder, session, (number for number in range(session.pages) if number not in there))
        return _complete(run, folder, session)
    except Exception as error:
        # What another try may go on with is kept; a dry run's next try reads anew.
        if run.dry or isinstance(error, _PAGES_OF_NO_USE):
            folder.abandon()
        raise


def _complete(run: Run, folder: SnapshotFolder, session: Session) -> Snapshot:
    with run.workspace() as workspace:
        counts = folder.count(workspace, session)
        _check_complete(run, session, counts)
        _check_addresses(run, counts)
        snapshot = Snapshot(
            name=folder.name,
            number=None if run.dry else int(folder.name),
            project_id=session.project_id,
            workspace_id=session.workspace_id,
            cohort_id=session.cohort_id,
            begun_at=session.begun_at,
            completed_at=run.clock.now(),
            profiles=counts.profiles,
            missing_profiles=session.total - counts.distinct,
            without_email=counts.without_email,
            invalid_email=counts.invalid_email,
            duplicate_email=counts.duplicate_email,
            members=counts.members,
        )
        folder.complete(workspace, snapshot)
    return snapshot


def _read_pages(run: Run, folder: SnapshotFolder, session: Session, numbers: Iterable[int]) -> None:
    """Read pages side by side; the first failure lets those under way end and begins no other."""
    progress = Progress(f"{run.label}: reading profiles", session.total, run.clock)
    side_by_side = run.mixpanel.concurrent_pages
    pool = run.pool(side_by_side)
    under_way: set[Future[int]] = set()
    try:
        for number in numbers:
            # One waits behind each that is read, so that no thread does.
            if len(under_way) == 2 * side_by_side:
                under_way = _await_some(under_way, progress)
            under_way.add(pool.submit(_read_page, run, folder, session, number))
        while under_way:
            under_way = _await_some(under_way, progress)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _await_some(under_way: set[Future[int]], progress: Progress) -> set[Future[int]]:
    done, still = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        progress.add(future.result())
    return still


def _read_page(run: Run, folder: SnapshotFolder, session: Session, number: int) -> int:
    page = run.mixpanel.page(session.cohort_id, session.session_id, number)
    _check_page(session, number, page)
    folder.add_page(number, page.distinct_ids, *read_addresses(page.emails))
    return len(page.distinct_ids)


def _check_page(session: Session, number: int, page: Page) -> None:
    if page.number != number or page.page_size != session.page_size or len(page.distinct_ids) > session.page_size:
        raise SnapshotIncomplete(
            f"Mixpanel answered page {number} of {session.pages} with another page or page size. Nothing was "
            "sent; the cohort is read anew at the next try."
        )


def _check_complete(run: Run, session: Session, counts: PageCounts) -> None:
    allowed = run.mixpanel.allowed_missing_profiles
    if counts.short <= allowed and session.total - allowed <= counts.distinct and counts.profiles <= session.total:
        return
    raise SnapshotIncomplete(
        f"{run.label}: Mixpanel announced {session.total:,} profiles and gave {counts.profiles:,}, of which "
        f"{counts.distinct:,} are distinct. An incomplete snapshot is never delivered; the cohort is read anew "
        "at the next try. If this persists, ask Mixpanel, or set allowed_missing_profiles in the Connection."
    )


def _check_addresses(run: Run, counts: PageCounts) -> None:
    if counts.profiles and not counts.members and run.parameters.allow_exits is None:
        raise CohortUnusable(
            f"{run.label}: the cohort has {counts.profiles:,} profiles and not one of them shows an address in "
            "$email. Either the service account may not see classified data, or the data view (workspace_id) "
            "filters, or the profiles really have none. Nothing was sent. If the last is right, trigger the DAG "
            "with allow_exits = 1 or more."
        )


def _source(run: Run) -> tuple[int, int | None, int]:
    return run.mixpanel.project_id, run.mixpanel.workspace_id, run.export.cohort_id


def _name(number: int) -> str:
    return f"{number:08d}"
