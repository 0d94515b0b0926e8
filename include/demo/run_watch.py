"""Watching a run: what its tasks say and do, as it happens."""

from pathlib import Path

from include.demo.airflow_api import AirflowApi, DagRun
from include.demo.failure import DemoFailed
from include.demo.progress import Say
from include.demo.task_log import messages, shortened, task_log, task_log_tail

_FAILED = frozenset({"failed", "upstream_failed", "up_for_retry"})
_OUR_LOGGERS = "marketo_provider"


class RunWatch:
    """One run under watch.

    Args:
        api: the Airflow that runs it.
        logs: Airflow's folder of logs.
        dag_id: the run's DAG.
        run_id: the run.
        say: is told each change of a task's state, and what the provider logs.
    """

    def __init__(self, api: AirflowApi, logs: Path, *, dag_id: str, run_id: str, say: Say) -> None:
        self._api = api
        self._logs = logs
        self._dag_id = dag_id
        self._run_id = run_id
        self._say = say
        self._states: dict[str, str] = {}
        self._heard: dict[str, int] = {}

    def look(self) -> DagRun | None:
        """Tell what is new; return the run if it is over.

        Raises:
            DemoFailed: a task failed, even if Airflow would try it again.
        """
        run = self._api.run(self._dag_id, self._run_id)
        for task, state in self._api.task_states(self._dag_id, self._run_id).items():
            self._listen(task)
            if self._states.get(task) != state:
                self._states[task] = state
                self._say(f"{self._dag_id}: {task} {state}")
            if state in _FAILED:
                raise DemoFailed(f"Task {task} of {self._dag_id} failed. {self._log_of(task)}")
        return run if run.is_over else None

    def standing(self) -> str:
        """Return how far it has got, for somebody who has waited in vain."""
        newest = next(reversed(self._states), None)
        if newest is None:
            return "no task has begun"
        return f"{newest} is {self._states[newest]}. {self._log_of(newest)}"

    def _listen(self, task: str) -> None:
        lines = messages(task_log(self._logs, self._dag_id, self._run_id, task), logger=_OUR_LOGGERS)
        for line in lines[self._heard.get(task, 0) :]:
            self._say(f"  {shortened(line)}")
        self._heard[task] = len(lines)

    def _log_of(self, task: str) -> str:
        return task_log_tail(task_log(self._logs, self._dag_id, self._run_id, task))
