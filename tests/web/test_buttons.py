"""The runs that a user may begin on an export's view, and what Airflow does when he does."""

import html
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from sqlalchemy import update

from marketo_provider.errors import GuardedChange
from marketo_provider.state.store import Store
from marketo_provider.sync.summary import write_summary
from marketo_provider.web.buttons import buttons_of, through_the_guard
from marketo_provider.web.deployment import Declared, ExportDag, NewestRun
from marketo_provider.web.overview import Export
from tests.web.scenery import (
    NOW,
    add_runs,
    an_export,
    claim_of,
    cookie_of,
    declare,
    folder_of,
    keep,
    move_on,
    settled,
    stop_of,
    summary_of,
    text_of,
)

pytestmark = pytest.mark.airflow

TRIALS = an_export("trial_users", 1)
LAUNCH = an_export("launch", 2, sync_type="one_time")
LEFT = GuardedChange(parameter="allow_exits", count=12_000, held=20_000, proposed=12_600)
FORM = frozenset({"dry_run", "full_refresh", "allow_exits", "allow_entries"})


def shown(
    *,
    parameters: frozenset[str] = FORM,
    sync_type: str = "dynamic",
    given: dict[str, Any] | None = None,
    **stop: Any,
) -> Export:
    """Return an export whose newest run has stopped, if `stop` says why."""
    declared = Declared(
        task_id="export_to_marketo",
        cohort_id="1001",
        field=TRIALS.marketo_field,
        sync_type=sync_type,
        marketo_conn_id="marketo_default",
        parameters=parameters,
    )
    newest = NewestRun(run_id="run", state="failed", at=NOW)
    dag = ExportDag(dag_id=TRIALS.dag_id, paused=False, next_run=None, declared=declared, newest=newest)
    stops = {TRIALS.dag_id: stop_of(TRIALS, "run", parameters=given or {}, **stop)} if stop else {}
    return Export(dag=dag, summary=summary_of(TRIALS, settled(TRIALS, "before"), stops=stops))


def view(client: TestClient, dag_id: str, role: str = "USER") -> str:
    """Return an export's view as a user of a role gets it."""
    answer = client.get(f"/cohort-exports/dags/{dag_id}", headers=cookie_of("somebody", role))
    assert answer.status_code == 200
    return str(answer.text)


def press(client: TestClient, page: str, label: str, role: str = "USER") -> Any:
    """Ask Airflow for what a button of a page says, as the page's script does; return the answer."""
    (button,) = re.findall(rf"<button type=\"button\"([^>]*)>{label}</button>", page)
    api = re.search(r'data-api="../../([^"]*)"', page)
    conf, note = re.search(r"data-conf='([^']*)'", button), re.search(r'data-note="([^"]*)"', button)
    assert api
    assert conf
    assert note
    asked = {"logical_date": None, "conf": json.loads(conf[1]), "note": html.unescape(note[1])}
    return client.post(f"/{api[1]}", json=asked, headers=cookie_of("somebody", role))


@pytest.mark.parametrize(
    ("label", "conf"), [("Run now", {}), ("Dry run", {"dry_run": True}), ("Full refresh", {"full_refresh": True})]
)
def test_a_button_begins_a_run(client: TestClient, store: Store, label: str, conf: dict[str, bool]) -> None:
    """With its parameters and a note of where it was asked for, in the name of the user."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])

    answer = press(client, view(client, TRIALS.dag_id), label)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["conf"], answer.json()["triggering_user_name"]) == (conf, "somebody")
    assert "Cohort exports" in answer.json()["note"]
    with create_session() as session:
        assert session.query(DagRun).filter_by(run_id=answer.json()["dag_run_id"]).count() == 1


def test_what_a_page_asks_for_has_the_figures_of_a_dry_run(client: TestClient, store: Store) -> None:
    """Where the page's script looks, Airflow tells how the run stands, and what its task has returned."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])
    page = view(client, TRIALS.dag_id)
    asked = press(client, page, "Dry run").json()["dag_run_id"]
    last = settled(TRIALS, asked, dry_run=True, planned_calls=2, new_leads_estimate=4)
    move_on(asked, "success", last.report)

    api, task = re.search(r'data-api="../../([^"]*)"', page), re.search(r'data-task="([^"]*)"', page)
    assert api
    assert task
    run = f"/{api[1]}/{quote(asked, safe='')}"
    stands = client.get(run, headers=cookie_of("somebody", "USER")).json()
    returned = client.get(
        f"{run}/taskInstances/{task[1]}/xcomEntries/return_value", headers=cookie_of("somebody", "USER")
    ).json()["value"]

    assert stands["state"] == "success"
    assert {"started_at", "entered", "exited", "planned_calls", "new_leads_estimate"} <= returned.keys()
    assert "innerHTML" not in page


def test_who_may_not_trigger_has_no_buttons_and_airflow_refuses_him(client: TestClient, store: Store) -> None:
    """A viewer sees the figures only; what he made of another's page, Airflow would refuse."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])

    assert "<button" not in view(client, TRIALS.dag_id, "VIEWER")
    assert "<dialog" not in view(client, TRIALS.dag_id, "VIEWER")
    assert press(client, view(client, TRIALS.dag_id), "Run now", "VIEWER").status_code == 403


def test_another_site_s_form_begins_nothing(client: TestClient) -> None:
    """A form can send no JSON, even if a browser gave it the cookie; Airflow takes nothing else."""
    declare([TRIALS])
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {**cookie_of("somebody", "USER"), "Content-Type": kind}
        url = f"/api/v2/dags/{TRIALS.dag_id}/dagRuns"

        assert client.post(url, content=b'{"logical_date": null, "conf": {}}', headers=headers).status_code == 422


def test_a_full_refresh_says_what_it_costs(client: TestClient, store: Store) -> None:
    """Members and leavers by three hundred, beside what a day has for all exports."""
    declare([TRIALS])
    last = settled(TRIALS, add_runs(TRIALS, ["success"])[0])
    last = last.model_copy(update={"standing": last.standing.model_copy(update={"false": 901})})
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, last))

    text = text_of(client, f"dags/{TRIALS.dag_id}", role="USER")

    assert "38,512 members are sent True again and 901 who have left False" in text
    assert "about 133 of Marketo's calls, of 40,000 a day for all exports" in html.unescape(text)


def test_a_stopped_run_is_let_through_with_its_number(client: TestClient, store: Store) -> None:
    """The figures stand on the page; the button asks for the same run with the number, after a question."""
    declare([TRIALS])
    first, second = add_runs(TRIALS, ["success", "failed"])
    stops = {TRIALS.dag_id: stop_of(TRIALS, second, change=LEFT, parameters={"full_refresh": True})}
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, settled(TRIALS, first), stops=stops))
    page, text = view(client, TRIALS.dag_id), text_of(client, f"dags/{TRIALS.dag_id}")

    answer = press(client, page, "Run again, and let up to 12,600 leave")

    assert answer.json()["conf"] == {"full_refresh": True, "allow_exits": 12_600}
    assert answer.json()["note"].startswith("allow_exits = 12600")
    assert 'aria-controls="costs-guard"' in page
    assert "Left the cohort 12,000 True in the field 20,000 Share of them 60.0%" in text
    assert "with allow_exits = 12600" in text
    assert "a little larger than what was counted, as people may leave until the run begins" in text
    assert "press the button below" in page
    assert "press the button below" not in text


@pytest.mark.parametrize("end", ["success", "failed"])
def test_a_dry_run_does_not_hide_why_an_export_stopped(client: TestClient, store: Store, end: str) -> None:
    """It leaves nothing, however it ended: the export still stands, and can be let through."""
    declare([TRIALS])
    first, second, _ = add_runs(TRIALS, ["success", "failed", end])
    stops = {TRIALS.dag_id: stop_of(TRIALS, second, change=LEFT)}
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, settled(TRIALS, first), stops=stops))

    text = text_of(client, f"dags/{TRIALS.dag_id}", role="USER")

    assert " stopped " in text
    assert "More left than max_exit_share." in text
    assert ("A run after that one failed, too" in text) is (end == "failed")
    assert press(client, view(client, TRIALS.dag_id), "Run again, and let up to 12,600 leave").is_success


def test_what_no_guard_asked_is_the_newest_run_s_only(client: TestClient, store: Store) -> None:
    """A finished one-time export that was triggered once more is finished all the same."""
    declare([LAUNCH])
    first, second, _ = add_runs(LAUNCH, ["success", "failed", "success"])
    claim = claim_of(LAUNCH, finished_at=NOW)
    stops = {LAUNCH.dag_id: stop_of(LAUNCH, second, error="TargetClaimed")}
    write_summary(store, folder_of(LAUNCH), summary_of(LAUNCH, settled(LAUNCH, first), claim=claim, stops=stops))

    assert " finished " in text_of(client, f"dags/{LAUNCH.dag_id}")


def test_a_run_that_is_under_way_has_not_stopped(client: TestClient, store: Store) -> None:
    """What an earlier run asked may just be answered: nothing is to be let through twice."""
    declare([TRIALS])
    first, second, _ = add_runs(TRIALS, ["success", "failed", "running"])
    stops = {TRIALS.dag_id: stop_of(TRIALS, second, change=LEFT)}
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, settled(TRIALS, first), stops=stops))

    page = view(client, TRIALS.dag_id)

    assert "let up to" not in page
    assert "What the guard stopped" not in page


def test_a_one_time_export_points_to_the_trigger_form(client: TestClient, store: Store) -> None:
    """Its form asks for more than a button can, such as a new field."""
    declare([LAUNCH])
    keep(store, LAUNCH, add_runs(LAUNCH, ["success"])[0])

    page = view(client, LAUNCH.dag_id)

    assert "<button" not in page
    assert "its form asks for all that a run of a one-time export may need" in page


def test_a_waiting_dag_is_told(client: TestClient, store: Store) -> None:
    """A run that is asked for begins after the one that is under way."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success", "running"])[0])

    assert "another one begins after it" in text_of(client, f"dags/{TRIALS.dag_id}", role="USER")


def test_a_paused_dag_is_told(client: TestClient, store: Store) -> None:
    """A dry run waits there, and comes beside a run that sends."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])
    with create_session() as session:
        session.execute(update(DagModel).values(is_paused=True))

    text = text_of(client, f"dags/{TRIALS.dag_id}", role="USER")

    assert "a run waits until somebody unpauses it in Airflow. Then the run by schedule comes, too" in text


def test_only_parameters_of_the_dag_are_asked_for() -> None:
    """In a DAG that knows no dry run, one would write."""
    assert [button.label for button in buttons_of(shown(parameters=frozenset()))] == ["Run now"]
    assert through_the_guard(shown(parameters=frozenset({"dry_run"}), change=LEFT)) is None


def test_entries_are_let_through_with_what_they_cost() -> None:
    """New leads are billed, and that is said before."""
    change = GuardedChange(parameter="allow_entries", count=5000, held=1000, proposed=5250)

    button = through_the_guard(shown(change=change))

    assert button
    assert button.conf == {"allow_entries": 5250}
    assert button.costs
    assert "New leads are billed" in button.costs


def test_a_one_time_run_is_let_through_to_its_own_field() -> None:
    """The field that the run was given goes with it."""
    form, given = FORM | {"marketo_field"}, {"marketo_field": "secondField"}

    button = through_the_guard(shown(parameters=form, sync_type="one_time", given=given, change=LEFT))

    assert button
    assert button.conf == {"marketo_field": "secondField", "allow_exits": 12_600}


def test_without_a_guard_there_is_nothing_to_let_through() -> None:
    """Another stop asks for something else."""
    assert through_the_guard(shown(error="TargetClaimed")) is None
    assert through_the_guard(shown()) is None
