"""What is played: twenty exports at once, a worker that dies during one, people who move, and all of it again."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from include.demo.airflow import Airflow
from include.demo.airflow_api import DagRun, NewConnection
from include.demo.exports import Export
from include.demo.failure import DemoFailed
from include.demo.progress import Say
from include.demo.runs import Chapter
from include.demo.sandbox import Lead
from include.demo.task_log import task_log, task_log_tail
from include.demo.truth import read_cohort
from include.demo.verdict import judge_leads
from include.demo.waiting import wait_for
from include.distributed.bucket import Bucket
from include.distributed.disks import Disk, look_at
from include.distributed.flights import judge_flights, writes_of
from include.distributed.scenery import Instance
from include.distributed.worker import Worker

_DELIVERY = "export_to_marketo"
_BEGINS_WITHIN, _DONE_WITHIN = 600, 900
_SEEN_BEFORE_DEATH = 3
_MOVING, _ENTERED, _EXITED = 3, 60, 40


@dataclass
class Story:
    """The check while it is played.

    Attributes:
        airflow: where exports are scheduled.
        workers: where they run.
        instances: what they read and write.
        connections: those that Airflow's database is to hold.
        bucket: what they remember.
        seed: decides who is in the cohorts.
        say: tells what goes on.
        died: the disk of the worker that was killed, as it was then.
    """

    airflow: Airflow
    workers: list[Worker]
    instances: list[Instance]
    connections: list[NewConnection]
    bucket: Bucket
    seed: int
    say: Say
    died: dict[str, Disk] = field(default_factory=dict)
    _chapters: dict[str, list[Chapter]] = field(default_factory=dict)
    _first_leads: dict[str, list[Lead]] = field(default_factory=dict)

    def play(self) -> None:
        """Play it all.

        Raises:
            DemoFailed: something did not get as far as a result.
        """
        self._prepare()
        self._begin_round()
        first = self.instances[0].exports[0]
        self._start([first, *(one for one in self._exports() if one != first)])
        self._cut_power_during(first)
        self._wait_for_all()
        self.say(f"{_ENTERED} people enter and {_EXITED} leave {_MOVING} cohorts of each instance. Again:")
        moving = [(one.sandbox, export) for one in self.instances for export in one.exports[:_MOVING]]
        for sandbox, export in moving:
            sandbox.churn(export.cohort_id, seed=self.seed, entered=_ENTERED, exited=_EXITED)
        self._begin_round()
        for _, export in moving:
            self.airflow.api.trigger(export.dag_id)
        self._wait_for_all()

    def verdict(self) -> list[str]:
        """Return all that is wrong: with leads, with requests, and on the workers' disks."""
        faults = []
        for instance in self.instances:
            leads = instance.sandbox.leads()
            found = judge_leads(self._chapters[instance.name], self._first_leads[instance.name], leads)
            found += judge_flights(instance.sandbox.calls(), leads)
            faults += [f"Instance {instance.name}: {fault}" for fault in found]
        for worker in self.workers:
            faults += self._look(worker).faults(worker.name)
        for name, disk in self.died.items():
            faults += disk.faults(f"{name}, when it died,", died=True)
        if not any(key.startswith("marketo_state/marketo/") for key in self.bucket.objects()):
            faults.append("There is no state in the bucket.")
        return faults

    def _prepare(self) -> None:
        self.airflow.wait_until_ready()
        for connection in self.connections:
            self.airflow.api.create_connection(connection)
        self.airflow.wait_for_dags({export.dag_id for export in self._exports()})
        for worker in self.workers:
            worker.wait_until_ready()
        for instance in self.instances:
            self._first_leads[instance.name] = instance.sandbox.leads()
        self.say(f"Airflow is up at {self.airflow.api.url}, and has {len(self.workers)} workers.")

    def _start(self, exports: list[Export]) -> None:
        """Let the scheduler begin the dynamic ones, and begin the others by hand."""
        self.say(f"{len(exports)} exports begin.")
        for export in exports:
            self.airflow.api.unpause(export.dag_id)
            if export.sync_type == "one_time":
                self.airflow.api.trigger(export.dag_id)

    def _cut_power_during(self, export: Export) -> None:
        sandbox = self.instances[0].sandbox
        wait_for(
            lambda: True if writes_of(export.field, sandbox.calls()) >= _SEEN_BEFORE_DEATH else None,
            seconds=_BEGINS_WITHIN,
            otherwise=lambda: f"{export.dag_id} does not write to Marketo. {self._standing()}",
        )
        run = self.airflow.wait_for_scheduled_run(export.dag_id)
        # A task that waited may have begun on another.
        worker = max(self.workers, key=lambda one: one.last_ran(run.dag_id, run.run_id, _DELIVERY))
        worker.cut_power()
        self.say(
            f"Killed {worker.name} after {writes_of(export.field, sandbox.calls())} requests of {export.dag_id}."
        )
        self.died[worker.name] = disk = self._look(worker)
        if self.airflow.api.task_states(run.dag_id, run.run_id)[_DELIVERY] != "running" or not disk.scratch:
            raise DemoFailed(f"The delivery of {export.dag_id} was over before the worker died.")
        self.say(f"Its disk: {disk.files} files, {disk.scratch} of them what its tasks had left. It starts again.")
        worker.start()

    def _begin_round(self) -> None:
        """Note who is in the cohorts, and who was before."""
        for instance in self.instances:
            chapters = self._chapters.setdefault(instance.name, [])
            for export in instance.exports:
                earlier = [chapter for chapter in chapters if chapter.export == export]
                if earlier and export.sync_type == "one_time":
                    continue
                before = earlier[-1].cohort.members if earlier else frozenset[str]()
                cohort = read_cohort(instance.sandbox.emails(export.cohort_id))
                chapters.append(Chapter(export, before, cohort, known=frozenset()))

    def _wait_for_all(self) -> None:
        told = {"done": -1}

        def done() -> bool | None:
            runs = self.airflow.api.runs("~")
            for run in runs:
                if run.is_over and run.state != "success":
                    raise DemoFailed(f"A run of {run.dag_id} ended as {run.state}. {self._logs(run)}")
            over = sum(run.is_over for run in runs)
            if over != told["done"]:
                told["done"] = over
                self.say(f"{over} of {len(runs)} runs are done.")
            return True if over == len(runs) and {run.dag_id for run in runs} == self._dag_ids() else None

        wait_for(done, seconds=_DONE_WITHIN, otherwise=self._standing)

    def _standing(self) -> str:
        """Return how far the runs have got, for somebody who has waited in vain."""
        open_runs = [run for run in self.airflow.api.runs("~") if not run.is_over]
        states = (f"{run.dag_id}: {self.airflow.api.task_states(run.dag_id, run.run_id)}" for run in open_runs)
        return "Not done: " + "; ".join(states) + "\n" + "\n".join(map(self._logs, open_runs[:1]))

    def _logs(self, run: DagRun) -> str:
        logs = [
            task_log(worker.disk / "airflow" / "logs", run.dag_id, run.run_id, task)
            for task in self.airflow.api.task_states(run.dag_id, run.run_id)
            for worker in self.workers
        ]
        return "\n".join(task_log_tail(log) for log in logs if log.exists())

    def _exports(self) -> Iterator[Export]:
        return (export for instance in self.instances for export in instance.exports)

    def _dag_ids(self) -> set[str]:
        return {export.dag_id for export in self._exports()}

    def _look(self, worker: Worker) -> Disk:
        values = [
            value
            for instance in self.instances
            for export in instance.exports
            for value in instance.sandbox.emails(export.cohort_id)
        ]
        addresses = {value.strip().lower().encode() for value in values if isinstance(value, str) and "@" in value}
        secrets = [one.password.encode() for instance in self.instances for one in instance.connections()]
        return look_at(worker.disk, addresses=addresses, secrets=secrets)
