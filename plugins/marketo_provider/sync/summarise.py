"""Keeping a target's summary: at each settle, where a run stops or waits, and where a person gives a field up.

What goes wrong here is logged and forgotten: a page that knows less is no reason for a run to fail.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from marketo_provider.errors import GuardStopped, MarketoProviderError, NothingToDo, TryAgain, WaitUntil
from marketo_provider.state.records import Claim, Settled
from marketo_provider.state.store import Store
from marketo_provider.sync.report import Report
from marketo_provider.sync.run import Run, logger
from marketo_provider.sync.summary import (
    LastRun,
    RunFigures,
    Standing,
    Stop,
    Summary,
    read_history,
    read_summary,
    write_history,
    write_summary,
)


def summarise_run(run: Run, settled: Settled, report: Report, standing: Standing) -> None:
    """Write what a page shows of a run that has settled.

    Args:
        run: the run.
        settled: its settle.
        report: its report.
        standing: what Marketo holds after it.
    """
    last = LastRun(
        report=report.model_copy(update={"failed_calls": []}),
        settled_at=settled.at,
        snapshot_begun_at=settled.snapshot_begun_at,
        failure=settled.failure,
        goes_on=settled.goes_on,
        standing=standing,
        calls_a_day=int(run.limits.quota_share * run.limits.daily_quota),
    )
    with _only_a_hint(run.target):
        history = read_history(run.store, run.folder).with_run(RunFigures.of(last))
        write_history(run.store, run.folder, history)
        dag_id = dag_of(run.run_id)

        def settle(before: Summary) -> Summary:
            stops = {dag: stop for dag, stop in before.stops.items() if dag != dag_id}
            return before.model_copy(
                update={
                    "field": run.field,
                    "dag_id": dag_id,
                    "claim": settled.claim,
                    "last": last,
                    "stops": stops,
                    "members": history.members_by_day(),
                }
            )

        _change(run.store, run.folder, settle)


@contextmanager
def stops_summarised(run: Run) -> Iterator[None]:
    """Write why a run stops, waits or has nothing to do; a dry run writes nothing.

    Args:
        run: the run.
    """
    try:
        yield
    except MarketoProviderError as error:
        if not run.dry:
            _note(run, error)
        raise


def summarise_claim(store: Store, folder: str, claim: Claim | None) -> None:
    """Write that a field was retired, or released for other exports.

    Args:
        store: where the summary lies.
        folder: the target's own.
        claim: the target's from now on.
    """
    with _only_a_hint(folder):
        _change(store, folder, lambda before: before.model_copy(update={"claim": claim, "stops": {}}))


def dag_of(run_id: str) -> str:
    """Return the DAG of a run, as the records name runs: `<DAG>/<run>`."""
    return run_id.partition("/")[0]


def _note(run: Run, error: MarketoProviderError) -> None:
    stop = Stop(
        run_id=run.run_id,
        at=run.clock.now(),
        error=type(error).__name__,
        kind=_kind(error),
        message=str(error),
        parameters=run.parameters.model_dump(exclude_defaults=True),
        change=error.change if isinstance(error, GuardStopped) else None,
    )
    with _only_a_hint(run.target):
        _change(
            run.store,
            run.folder,
            lambda before: before.model_copy(
                update={
                    "field": before.field if before.claim else run.field,
                    "stops": {**before.stops, dag_of(run.run_id): stop},
                }
            ),
        )


def _kind(error: MarketoProviderError) -> Literal["asks", "tries_again", "waits", "idle"]:
    if isinstance(error, WaitUntil):
        return "waits"
    if isinstance(error, NothingToDo):
        return "idle"
    return "tries_again" if isinstance(error, TryAgain) else "asks"


def _change(store: Store, folder: str, change: Callable[[Summary], Summary]) -> None:
    target = folder.removeprefix("marketo/")
    before = read_summary(store, folder) or Summary(target=target, field=target.rpartition("/")[2])
    write_summary(store, folder, change(before))


@contextmanager
def _only_a_hint(target: str) -> Iterator[None]:
    try:
        yield
    except (OSError, MarketoProviderError) as error:
        logger.warning(
            "What the page Cohort exports shows of %s could not be written (%s); the run is none the worse.",
            target,
            type(error).__name__,
        )
