"""The summaries that the state store keeps, read without listing a target's folders.

One file an instance has all of them. Whose entry is missing there, or behind the run that Airflow says has ended,
is read from its own file, once.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from marketo_provider.clock import SystemClock
from marketo_provider.errors import StoreUnusable
from marketo_provider.state.log import TargetLog
from marketo_provider.state.store import Store
from marketo_provider.sync.summarise import dag_of
from marketo_provider.sync.summary import History, Summary, read_history, read_summaries, read_summary

_SIDE_BY_SIDE: Final = 16


class StoredSummaries:
    """Reads a store, and remembers what it had to look for.

    Args:
        store: where the exports keep their state.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_for: dict[tuple[str, str | None], Summary] = {}

    def read(self) -> dict[str, Summary]:
        """Return the summary of every target, by its folder."""
        found: dict[str, Summary] = {}
        for host in self._store.names("marketo"):
            instance = f"marketo/{host}"
            known = read_summaries(self._store, instance)
            found |= {f"{instance}/{field}": summary for field, summary in known.items()}
            fields = [name for name in self._store.names(instance) if name.isidentifier() and name != "log"]
            found |= self._look_for({f"{instance}/{field}": None for field in fields if field not in known})
        return found

    def caught_up(self, summaries: Mapping[str, Summary], ended: Mapping[str, str]) -> dict[str, Summary]:
        """Return summaries with those read anew that are behind.

        Args:
            summaries: by folder.
            ended: the newest run of each DAG that has ended, as the records name it.
        """
        behind = {
            folder: ended[summary.dag_id]
            for folder, summary in summaries.items()
            if summary.dag_id and summary.dag_id in ended and ended[summary.dag_id] not in _runs_of(summary)
        }
        return {**summaries, **self._look_for(behind)}

    def history(self, folder: str) -> History:
        """Return the runs of a target."""
        return read_history(self._store, folder)

    def _look_for(self, wanted: Mapping[str, str | None]) -> dict[str, Summary]:
        new = [look for look in wanted.items() if look not in self._looked_for]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            summaries = pool.map(self._summary, (folder for folder, _ in new))
            self._looked_for |= dict(zip(new, summaries, strict=True))
        return {folder: self._looked_for[folder, run] for folder, run in wanted.items()}

    def _summary(self, folder: str) -> Summary:
        return read_summary(self._store, folder) or self._by_log(folder)

    def _by_log(self, folder: str) -> Summary:
        """Return what the log says of a target that has no summary, such as one of an earlier release."""
        target = folder.removeprefix("marketo/")
        try:
            state = TargetLog(self._store, folder, SystemClock()).target
        except StoreUnusable:
            return Summary(target=target, field=target.rpartition("/")[2])
        report = state.settled.report if state.settled else {}
        return Summary(
            target=target,
            field=report.get("field", target.rpartition("/")[2]),
            dag_id=dag_of(state.settled.run_id) if state.settled else None,
            claim=state.claim,
        )


def _runs_of(summary: Summary) -> set[str]:
    """Return the runs that a summary knows the end of, without the index of a mapped task."""
    runs = {stop.run_id for stop in summary.stops.values()}
    if summary.last:
        runs.add(summary.last.report.run_id)
    return runs | {run.rpartition("/")[0] for run in runs}
