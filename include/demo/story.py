"""What the demo plays: a one-time export, a dynamic sync by the scheduler, people who move, and the sync again.

One export after the other, so that it can be told which of them made which calls.
"""

from dataclasses import dataclass, field, replace

from include.demo.airflow import Airflow
from include.demo.exports import NEWSLETTER_LAUNCH, TRIAL_USERS, Export
from include.demo.failure import DemoFailed
from include.demo.progress import Say
from include.demo.runs import Chapter, Report
from include.demo.sandbox import Lead, Sandbox
from include.demo.scenery import Scale, set_up
from include.demo.truth import read_cohort
from include.demo.verdict import judge_calls, judge_leads, judge_reports

_LONGEST_RUN = 900
_TASK = "export_to_marketo"


@dataclass
class Story:
    """The demo while it is played.

    Attributes:
        airflow: where the exports run.
        sandbox: what they read and write.
        seed: decides who is in the cohorts.
        say: tells what goes on.
        scale: how large the cohorts are.
        chapters: what has been played so far.
    """

    airflow: Airflow
    sandbox: Sandbox
    seed: int
    say: Say
    scale: Scale = field(default_factory=Scale)
    chapters: list[Chapter] = field(default_factory=list)
    _first_leads: list[Lead] = field(default_factory=list)
    _next_call: int = 0
    _told: set[str] = field(default_factory=set)

    def play(self) -> None:
        """Play it all.

        Raises:
            DemoFailed: something did not get as far as a result.
        """
        self._prepare()
        self.say("The one-time export, triggered by hand:")
        self._run_by_hand(NEWSLETTER_LAUNCH)
        self.say("The dynamic sync, by the scheduler:")
        self._run_by_schedule(TRIAL_USERS)
        self.say(f"{self.scale.entered:,} profiles enter the cohort and {self.scale.exited:,} leave it;")
        self.say("fewer addresses do: some profiles have none, an invalid one, or one that another has too.")
        self.sandbox.churn(
            TRIAL_USERS.cohort_id, seed=self.seed, entered=self.scale.entered, exited=self.scale.exited
        )
        self.say("The dynamic sync again:")
        self._run_by_hand(TRIAL_USERS)

    def verdict(self) -> list[str]:
        """Return all that is wrong: with the numbers, the leads, and what was sent."""
        return [
            *judge_reports(self.chapters),
            *judge_leads(self.chapters, self._first_leads, self.sandbox.leads()),
            *judge_calls(self.chapters),
        ]

    def _prepare(self) -> None:
        self.say("Filling the cohorts and Marketo, while Airflow starts ...")
        set_up(self.sandbox, seed=self.seed, scale=self.scale)
        self._first_leads = self.sandbox.leads()
        self.say(f"Marketo holds {len(self._first_leads):,} leads before the first run.")
        self.airflow.wait_until_ready()
        for connection in self.sandbox.connections():
            self.airflow.api.create_connection(connection)
        self.airflow.wait_for_dags({TRIAL_USERS.dag_id, NEWSLETTER_LAUNCH.dag_id})
        self.say(f"Airflow is up at {self.airflow.api.url}, its Connections are made, its DAGs are found.")

    def _run_by_hand(self, export: Export) -> None:
        before = self._look(export)
        self.airflow.api.unpause(export.dag_id)
        self._finish(before, self.airflow.api.trigger(export.dag_id))

    def _run_by_schedule(self, export: Export) -> None:
        before = self._look(export)
        self.airflow.api.unpause(export.dag_id)
        self._finish(before, self.airflow.wait_for_scheduled_run(export.dag_id).run_id)

    def _finish(self, chapter: Chapter, run_id: str) -> None:
        api, dag_id = self.airflow.api, chapter.export.dag_id
        self._wait(dag_id, run_id)
        # Every two hours the schedule adds a run, which may have done the work, or wait for this one to end.
        for run in api.runs(dag_id):
            if not run.is_over:
                self._wait(dag_id, run.run_id)
        new = [run for run in api.runs(dag_id) if run.run_id not in self._told]
        self._told.update(run.run_id for run in new)
        answers = [answer for run in new if (answer := api.xcom(run, _TASK))]
        if not answers:
            raise DemoFailed(f"The runs of {dag_id} left no report.")
        reports = [Report.model_validate(answer) for answer in answers]
        calls = self.sandbox.calls(since=self._next_call)
        self._next_call = 1 + max(call.number for call in calls)
        self.chapters.append(replace(chapter, calls=calls, reports=reports))

    def _wait(self, dag_id: str, run_id: str) -> None:
        self.airflow.wait_for_run(dag_id, run_id, seconds=_LONGEST_RUN, say=self.say)

    def _look(self, export: Export) -> Chapter:
        """Return the chapter as it begins: who is in the cohort, who is known, who holds True."""
        earlier = [chapter for chapter in self.chapters if chapter.export == export]
        return Chapter(
            export=export,
            before=earlier[-1].cohort.members if earlier else frozenset(),
            cohort=read_cohort(self.sandbox.emails(export.cohort_id)),
            known=frozenset(lead.key for lead in self.sandbox.leads()),
        )
