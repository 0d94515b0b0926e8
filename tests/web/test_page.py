"""The page Cohort exports, in Airflow's own app and behind its own users."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from marketo_provider.state.store import Store
from marketo_provider.sync.summary import History, write_history, write_summary
from marketo_provider.web.app import app
from tests.web.rights import ALLOWED, LIMITED
from tests.web.scenery import (
    HOST,
    NOW,
    a_year,
    add_runs,
    an_export,
    claim_of,
    cookie_of,
    declare,
    folder_of,
    keep,
    settled,
    stop_of,
    summary_of,
    text_of,
)

pytestmark = pytest.mark.airflow

TRIALS = an_export("trial_users", 1)
SECRET = an_export("secret_launch", 2)
PERMITTED = an_export("allowed", 3)


def row_of(text: str, name: str) -> str:
    """Return the part of the table's text that begins with a name."""
    return text.partition(f" {name} ")[2][:500]


def test_every_route_asks_who_it_is(client: TestClient) -> None:
    """Anonymous gets 401 from each, also from one that is added; Airflow protects none of them by itself."""
    routes = [route for route in app.routes if isinstance(route, APIRoute)]

    assert len(routes) == len(app.routes) > 0
    for method, path in [(method, route.path) for route in routes for method in route.methods]:
        asked = client.request(method, f"/cohort-exports{re.sub(r'{[^}]*}', SECRET.dag_id, path)}")
        assert asked.status_code == 401, path
        forged = client.request(method, f"/cohort-exports{path}", headers={"Cookie": "_token=forged"})
        assert forged.status_code == 403, path


def test_no_route_shows_an_export_whose_dag_the_user_may_not_see(client: TestClient, store: Store) -> None:
    """Neither in the table, nor as a field without an export, nor by its address; the others are there."""
    declare([SECRET, PERMITTED])
    for export in (SECRET, PERMITTED):
        keep(store, export, add_runs(export, ["success"])[0])
    gone = an_export("secret_gone", 4)
    write_summary(store, folder_of(gone), summary_of(gone, settled(gone, "run")))

    for route in app.routes:
        assert isinstance(route, APIRoute)
        for dag_id in (SECRET.dag_id, gone.dag_id, ALLOWED):
            path = f"/cohort-exports{re.sub(r'{[^}]*}', dag_id, route.path)}"
            assert "secret" not in client.get(path, headers=cookie_of(LIMITED)).text
    assert client.get(f"/cohort-exports/dags/{SECRET.dag_id}", headers=cookie_of(LIMITED)).status_code == 403
    assert "allowed" in text_of(client, "", LIMITED)
    everything = text_of(client, "")
    assert "secret_launch" in everything
    assert gone.marketo_field in everything


def test_a_running_airflow_has_it_in_its_navigation(client: TestClient) -> None:
    """Below the menu Browse, by the provider's own description, and with a relative address."""
    plugins = client.get("/api/v2/plugins", headers=cookie_of("somebody", "ADMIN")).json()["plugins"]

    (view,) = [view for plugin in plugins for view in plugin["external_views"]]
    assert (view["name"], view["href"], view["destination"]) == ("Cohort exports", "cohort-exports/", "nav")


def test_no_exports(client: TestClient) -> None:
    """The page says how to begin."""
    declare([])

    assert "There are no exports yet" in text_of(client, "")


def test_each_state(client: TestClient, store: Store) -> None:
    """Up to date, partly, running, stopped with its reason, failed without one, never run."""
    names = ("good", "halfway", "at_work", "halted", "broken", "new")
    exports = {name: an_export(name, number) for number, name in enumerate(names)}
    declare(list(exports.values()))
    for name, states in (
        ("good", ["success"]),
        ("halfway", ["success"]),
        ("at_work", ["success", "running"]),
        ("broken", ["success", "failed"]),
    ):
        keep(store, exports[name], add_runs(exports[name], states)[0], left_over=5 if name == "halfway" else 0)
    stopped = exports["halted"]
    first, second = add_runs(stopped, ["success", "failed"])
    stops = {stopped.dag_id: stop_of(stopped, second, message="Trigger the DAG with allow_exits = 12600.")}
    write_summary(store, folder_of(stopped), summary_of(stopped, settled(stopped, first), stops=stops))

    text = text_of(client, "")

    assert "up to date" in row_of(text, "good")[:120]
    assert "partly up to date" in row_of(text, "halfway")
    assert "running" in row_of(text, "at_work")[:120]
    assert "failed" in row_of(text, "broken")[:120]
    assert "The newest run failed" in row_of(text, "broken")
    assert "stopped" in row_of(text, "halted")[:120]
    assert "Trigger the DAG with allow_exits = 12600." in row_of(text, "halted")
    assert "never run" in row_of(text, "new")


def test_what_ran_since_the_instance_s_file_was_written_is_seen(client: TestClient, store: Store) -> None:
    """Another run may have undone an export's part of it; the export's own file is right, and is read."""
    declare([TRIALS])
    first, second = add_runs(TRIALS, ["success", "success"])
    keep(store, TRIALS, second, members=2222)
    behind = summary_of(TRIALS, settled(TRIALS, first, members=1111))
    own = store.read(f"{folder_of(TRIALS)}/summary.json")
    write_summary(store, folder_of(TRIALS), behind)
    store.write(f"{folder_of(TRIALS)}/summary.json", own)

    assert "2,222" in row_of(text_of(client, ""), "trial_users")


def test_a_field_that_no_export_declares_is_listed_with_what_to_do(client: TestClient, store: Store) -> None:
    """A removed export's, and the old field of one that has a new one; not a retired nor a renamed one's."""
    old = an_export("trial_users", 1, marketo_field="oldField")
    renamed = an_export("other_name", 5, marketo_field="sameField")
    retired = an_export("retired", 6)
    declare([TRIALS, an_export("new_name", 5, marketo_field="sameField")])
    run = add_runs(TRIALS, ["success"])[0]
    for export in (TRIALS, old, renamed):
        write_summary(store, folder_of(export), summary_of(export, settled(export, run)))
    claim = claim_of(retired, retired_at=NOW)
    write_summary(store, folder_of(retired), summary_of(retired, settled(retired, run), claim=claim))

    _, _, orphans = text_of(client, "").partition("Fields that no export declares any more")

    assert f"state retire {HOST}/oldfield" in orphans
    assert orphans.count("state retire") == 1
    assert "38,512" in row_of(text_of(client, ""), "new_name")


def test_a_field_without_an_export_has_a_view(client: TestClient, store: Store) -> None:
    """With what it was left at, its members in time, and the command or the YAML for each way on."""
    declare([])
    keep(store, TRIALS, "run")

    text = text_of(client, f"fields/{HOST}/mixpaneltrialusers")

    assert f"state retire {HOST}/mixpaneltrialusers" in text
    assert f"state release {HOST}/mixpaneltrialusers" in text
    assert "name: trial_users cohort_id: 1001 marketo_field: mixpanelTrialUsers sync_type: dynamic" in text
    assert "True in Marketo 38,412" in text
    assert "Members over time" in text
    page = client.get("/cohort-exports/", headers=cookie_of("somebody")).text
    assert f'href="fields/{HOST}/mixpaneltrialusers"' in page


def test_the_view_of_a_field_is_for_those_who_may_see_its_dag(client: TestClient, store: Store) -> None:
    """To others it is not there, and neither is one that an export declares, or that nobody claims."""
    declare([PERMITTED])
    for export in (SECRET, PERMITTED):
        write_summary(store, folder_of(export), summary_of(export, settled(export, "run")))

    for field, user in (
        (SECRET.marketo_field, LIMITED),
        (PERMITTED.marketo_field, "somebody"),
        ("other", "somebody"),
    ):
        answer = client.get(f"/cohort-exports/fields/{HOST}/{field.lower()}", headers=cookie_of(user))
        assert answer.status_code == 404, field
        assert "secret" not in answer.text


def test_a_finished_one_time_export_may_be_left_as_it_is(client: TestClient, store: Store) -> None:
    """Its leads are meant to stay True; its old field is not declared again."""
    once = an_export("launch", 7, sync_type="one_time")
    declare([])
    claim = claim_of(once, finished_at=NOW)
    write_summary(store, folder_of(once), summary_of(once, settled(once, "run"), claim=claim))

    text = text_of(client, f"fields/{HOST}/mixpanellaunch")

    assert "If its leads are to stay True, there is nothing to do" in text
    assert "name a new field" in text


def test_a_retired_field_shows_no_figures_of_before(client: TestClient, store: Store) -> None:
    """Nobody is True any more, whatever the last run had left; its export is to be removed."""
    declare([TRIALS])
    run = add_runs(TRIALS, ["success"])[0]
    claim = claim_of(TRIALS, retired_at=NOW)
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, settled(TRIALS, run), claim=claim))

    text = text_of(client, f"dags/{TRIALS.dag_id}")

    assert "1 export: 1 retired" in text_of(client, "")
    assert f"was retired on {NOW:%Y-%m-%d %H:%M} UTC" in text
    assert "True in Marketo" not in text
    assert "Begin a run" not in text
    assert "Run now" not in text
    assert "Nothing has been exported yet" not in text


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 2}', b"[]"])
def test_damaged_files_cost_figures_only(client: TestClient, store: Store, damage: bytes) -> None:
    """The page says what it knows all the same."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])
    for path in ("summary.json", "history.json", "../summaries.json"):
        store.write(f"{folder_of(TRIALS)}/{path}", damage)

    assert "trial_users" in text_of(client, "")
    assert "trial_users" in text_of(client, f"dags/{TRIALS.dag_id}")


def test_a_store_that_cannot_be_read_is_named(client: TestClient, tmp_path: Path) -> None:
    """The exports are listed, and the page says why it knows no more."""
    declare([TRIALS])
    (tmp_path / "marketo").write_text("no folder")

    assert "The state store could not be read" in text_of(client, "")
    assert "trial_users" in text_of(client, "")


def test_why_the_cohort_is_larger_in_mixpanel(client: TestClient, store: Store) -> None:
    """Each step with its number, from 50,000 to 38,412, and when that was; the refusals with what to do."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])

    text = text_of(client, f"dags/{TRIALS.dag_id}")

    read = f"{NOW - timedelta(minutes=4):%Y-%m-%d %H:%M} UTC"
    assert f"As of {read}, when the last export that was delivered read the cohort" in text
    assert "Mixpanel showed 50,000 profiles; after it Marketo had 38,412 addresses that are True" in text
    steps = ("50,000", "-9,800", "-412", "-1,276", "38,512", "-60", "-40", "38,412")
    _, _, table = text.replace("\N{MINUS SIGN}", "-").partition("What it means, and what to do")
    for step in steps:
        before, found, table = table.partition(f" {step} ")
        assert found, f"{step} after {before[-80:]}"
    assert "correct the address in Mixpanel" in text
    assert "108 by this export in 24 hours; all exports share 40,000 a day" in text
    assert ".md" not in text


def test_a_year_of_runs_is_drawn(client: TestClient, store: Store) -> None:
    """The members in time, and the last runs one by one."""
    declare([TRIALS])
    keep(store, TRIALS, add_runs(TRIALS, ["success"])[0])
    year = a_year(settled(TRIALS, "run"), TRIALS.dag_id)

    page = client.get(f"/cohort-exports/dags/{TRIALS.dag_id}", headers=cookie_of("somebody")).text

    points = re.findall(r'points="([^"]*)"', page)[-1].split()
    assert len(points) == len(year.runs)
    assert page.count('class="in"') == 84
    assert f"{NOW - timedelta(days=365):%Y-%m-%d}" in page


@pytest.mark.parametrize(("runs", "told"), [(1, "The last run in figures"), (84, "The last 84 runs in figures")])
def test_the_last_runs_are_counted(client: TestClient, store: Store, runs: int, told: str) -> None:
    """One is no plural."""
    declare([TRIALS])
    last = settled(TRIALS, add_runs(TRIALS, ["success"])[0])
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, last))
    write_history(store, folder_of(TRIALS), History(runs=a_year(last, TRIALS.dag_id).runs[-runs:]))

    assert told in text_of(client, f"dags/{TRIALS.dag_id}")


def test_a_one_time_export_shows_each_of_its_fields(client: TestClient, store: Store) -> None:
    """The declared one, and one that a run was given; none of them is without an export."""
    once = an_export("launch", 7, sync_type="one_time")
    again = once.model_copy(update={"marketo_field": "secondField"})
    declare([once])
    run = add_runs(once, ["success"])[0]
    for export, members in ((once, 1234), (again, 4321)):
        claim = claim_of(export, finished_at=NOW)
        last = settled(export, run, members=members)
        write_summary(store, folder_of(export), summary_of(export, last, claim=claim))

    text = text_of(client, "")

    assert "2 exports: 2 finished" in text
    assert text.count(" finished ") == 3
    assert "Fields that no export" not in text
    assert "4,321" in text_of(client, f"dags/{once.dag_id}?field=secondField")


def test_what_a_user_has_written_is_no_markup(client: TestClient, store: Store) -> None:
    """Names and messages are escaped."""
    declare([TRIALS])
    first, second = add_runs(TRIALS, ["success", "failed"])
    stops = {TRIALS.dag_id: stop_of(TRIALS, second, message="<script>alert(1)</script>")}
    write_summary(store, folder_of(TRIALS), summary_of(TRIALS, settled(TRIALS, first), stops=stops))

    for path in ("", f"dags/{TRIALS.dag_id}"):
        page = client.get(f"/cohort-exports/{path}", headers=cookie_of("somebody")).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_an_export_that_never_ran_says_how_to_begin(client: TestClient) -> None:
    """Unpausing a dynamic one sends at once, so that a dry run comes before that."""
    once = an_export("once", 2, sync_type="one_time")
    declare([TRIALS, once])

    dynamic, one_time = (text_of(client, f"dags/{export.dag_id}") for export in (TRIALS, once))

    assert "a run comes at once, and sends" in dynamic
    assert f"airflow dags test {TRIALS.dag_id} --conf" in dynamic
    assert "press Trigger there; with dry_run ticked nothing is sent" in one_time


def test_an_export_that_is_not_there(client: TestClient) -> None:
    """A DAG that is none of ours has no page."""
    declare([])

    answer = client.get("/cohort-exports/dags/something", headers=cookie_of("somebody"))

    assert answer.status_code == 404
