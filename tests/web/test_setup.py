"""Setting an export up on the page: steps by forms, a preview, YAML that loads and runs, and nothing else."""

import html
import os
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from include.sandbox.marketo_fields import Field
from include.sandbox.wire import Fault
from marketo_provider.export_files import load_exports
from marketo_provider.exports import CohortExport
from tests.connected_world import ANN, SECRET, connected_world, created
from tests.sync.world import FIELD, OTHER_FIELD, World
from tests.web.forms import Form, send
from tests.web.rights import LIMITED, LOCKED
from tests.web.scenery import an_export, cookie_of, declare

pytestmark = pytest.mark.airflow

SCHEMA = "/rest/v1/leads/schema/fields.json"
COHORT = "1001 Trial users"
ANSWERS = {
    "mixpanel_conn_id": "mixpanel_default",
    "cohort": COHORT,
    "name": "trial_users",
    "marketo_conn_id": "marketo_default",
    "field": FIELD,
    "sync_type": "dynamic",
}
CREATING = ANSWERS | {"field": "+", "display_name": "Mixpanel Launch", "new_name": "mixpanelLaunch"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world that the page finds by Airflow's Connections."""
    declare([])
    world = connected_world(tmp_path / "state", monkeypatch)
    monkeypatch.setattr("marketo_provider.web.setup_dialogue.SystemClock", lambda: world.clock)
    return world


@pytest.fixture
def editor() -> dict[str, str]:
    """Return the cookie of a user who may edit Connections."""
    return cookie_of("somebody", "OP")


def step(client: TestClient, which: str, cookie: dict[str, str], /, **answers: str) -> Response:
    """Return a step's page."""
    page: Response = client.get(f"/cohort-exports/new/{which}", params=ANSWERS | answers, headers=cookie)
    return page


def told(page: Response) -> str:
    """Return what a page says was refused."""
    found = re.search(r'<p class="notice told"[^>]*>(.*?)</p>', page.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def title(page: Response) -> str:
    """Return the page's title."""
    (found,) = re.findall(r"<title>(.*?)</title>", page.text)
    return str(found)


def yaml_of(page: Response, folder: Path) -> CohortExport:
    """Return the export of the YAML that a page shows."""
    assert page.status_code == 200, told(page)
    (text,) = re.findall(r"<pre[^>]*>(.*?)</pre>", page.text, re.DOTALL)
    folder.mkdir()
    (folder / "new.yaml").write_text(html.unescape(text))
    loaded = load_exports(folder)
    assert loaded.problems == ()
    (export,) = loaded.exports
    return export


def walk(client: TestClient, cookie: dict[str, str]) -> list[Response]:
    """Go through all steps by their forms, and return the pages."""
    pages = [client.get("/cohort-exports/new/project", headers=cookie)]
    for answers in (
        {"mixpanel_conn_id": "mixpanel_default"},
        {"cohort": COHORT},
        {"marketo_conn_id": "marketo_default"},
        {"field": FIELD, "sync_type": "dynamic"},
        {},
    ):
        pages.append(send(client, pages[-1], cookie, **answers))
    return pages


def test_the_steps_end_in_yaml_that_runs(
    airflow: TestClient, world: World, editor: dict[str, str], tmp_path: Path
) -> None:
    """By forms alone: the cohort from the live list with its size, the figures of a first run, the file's name."""
    pages = walk(airflow, editor)

    assert [page.status_code for page in pages] == [200] * 6
    assert "4 profiles, number 1001" in pages[1].text
    assert Form(pages[1].text).choices["cohort"] == [COHORT]
    assert Form(pages[2].text).values["name"] == "trial_users"
    assert Form(pages[3].text).choices["field"] == [FIELD, OTHER_FIELD, "+"]
    assert "4 profiles now, about 2 members with an address" in pages[4].text
    assert "of 2 members looked up 1 are in Marketo; about 1 lead would be new" in pages[4].text
    assert "by sync_leads: needs 1 of the calls left" in pages[4].text
    assert "include/exports/trial_users.yaml" in pages[5].text
    world.export = yaml_of(pages[5], tmp_path / "printed")
    assert world.sync().set_true == 2


def test_each_field_has_a_label(airflow: TestClient, world: World, editor: dict[str, str]) -> None:
    """Of every step, also of the one that creates a field."""
    pages = [*walk(airflow, editor), step(airflow, "preview", editor, **CREATING)]

    asked = 0
    for page in pages:
        form = Form(page.text)
        assert form.labelled == set(form.ids), title(page)
        asked += len(form.ids)
    assert asked == 16


def test_without_a_connection_it_says_how_to_make_one(
    airflow: TestClient, world: World, editor: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And takes the id of one that cannot be listed."""
    monkeypatch.delenv("AIRFLOW_CONN_MIXPANEL_DEFAULT")

    page = step(airflow, "project", editor)

    assert "Airflow lists no Connection of the type mixpanel" in page.text
    assert 'href="../../connections"' in page.text
    assert list(Form(page.text).ids) == ["other_mixpanel"]


def test_nothing_is_written_and_no_address_or_secret_is_shown(
    airflow: TestClient, world: World, editor: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither to the browser nor to a log; Marketo is only asked."""
    pages = [*walk(airflow, editor), step(airflow, "preview", editor, **CREATING)]

    shown = caplog.text + "".join(f"{page.text}{page.headers}{page.url}" for page in pages)
    for hidden in ("example.com", SECRET, world.marketo.credentials.client_secret):
        assert hidden not in shown
    assert (world.writes(), created(world)) == ([], [])
    assert not Path(world.settings.state_url.removeprefix("file://"), "marketo").exists()


def test_who_may_not_edit_connections_is_refused(airflow: TestClient, world: World) -> None:
    """Whatever he asks for, and without a call to a vendor; nor is he shown the link."""
    for role in ("VIEWER", "USER"):
        cookie = cookie_of("somebody", role)
        for name in ("project", "cohort", "instance", "field", "preview", "yaml"):
            assert step(airflow, name, cookie).status_code == 403
        assert airflow.post("/cohort-exports/new/field", data={}, headers=cookie).status_code == 403
        assert "new/project" not in airflow.get("/cohort-exports/", headers=cookie).text

    assert (world.marketo.wire.log, world.mixpanel.wire.log) == ([], [])
    assert "new/project" in airflow.get("/cohort-exports/", headers=cookie_of("somebody", "OP")).text


def test_a_connection_that_one_may_not_edit_is_neither_listed_nor_used(
    airflow: TestClient, world: World, editor: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its secrets are not a reader's; whether it is there is not said."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{LOCKED.upper()}", os.environ["AIRFLOW_CONN_MIXPANEL_DEFAULT"])

    first = step(airflow, "project", editor)
    page = step(airflow, "cohort", editor, other_mixpanel=LOCKED)

    assert LOCKED not in first.text
    assert (page.status_code, title(page)) == (422, "Refused: Set up an export: Mixpanel")
    assert "You may not edit the Connection `locked`" in told(page)
    assert world.mixpanel.wire.log == []


def test_a_connection_of_a_secrets_backend_is_used_by_its_id(
    airflow: TestClient, world: World, editor: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Airflow cannot list it."""
    vault = tmp_path / "connections.json"
    vault.write_text(f'{{"vaulted": {os.environ["AIRFLOW_CONN_MIXPANEL_DEFAULT"]}}}')
    backend = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", f'{{"connections_file_path": "{vault}"}}')
    monkeypatch.setattr("airflow.sdk.configuration._secrets_backend_cache", {})

    assert "vaulted" not in step(airflow, "project", editor).text
    assert "4 profiles" in step(airflow, "cohort", editor, other_mixpanel="vaulted").text
    assert yaml_of(
        step(airflow, "yaml", editor, other_mixpanel="vaulted"), tmp_path / "yaml"
    ).mixpanel_conn_id == ("vaulted")


@pytest.mark.parametrize(
    "case",
    [
        ("cohort", {"mixpanel_conn_id": "nowhere"}, "Mixpanel", "Airflow knows no Connection `nowhere`"),
        ("cohort", {"mixpanel_conn_id": "marketo_default"}, "Mixpanel", "of the type marketo, not mixpanel"),
        ("instance", {"cohort": "Trial users"}, "Cohort", "cohort_id: must be at least 1"),
        ("field", {"name": "Trial Users"}, "Name and Marketo", "name: is not written as it has to be"),
        ("field", {"name": "there"}, "Name and Marketo", "There is an export 'there' already"),
        ("field", {"marketo_conn_id": "nowhere"}, "Name and Marketo", "Airflow knows no Connection `nowhere`"),
        ("preview", {"field": "unsubscribed"}, "Field", "is one of Marketo's standard fields"),
        ("preview", {"field": OTHER_FIELD}, "Field", "is taken by export 'there', which is declared"),
        ("preview", {"sync_type": ""}, "Field", "sync_type: must be 'one_time' or 'dynamic'"),
        ("preview", {"cohort": "999 Gone"}, "Field", "There is no cohort 999 in Mixpanel's"),
        ("yaml", {"name": "there"}, "Name and Marketo", "There is an export 'there' already"),
        ("preview", CREATING | {"display_name": "A & B"}, "Field", "no special characters"),
        ("preview", CREATING | {"new_name": FIELD.upper()}, "Field", "Marketo has a field"),
        ("preview", CREATING | {"new_name": "1field"}, "Field", "a letter, then letters"),
    ],
)
def test_a_wrong_answer_is_told_where_it_was_given(
    airflow: TestClient, world: World, editor: dict[str, str], case: tuple[str, dict[str, str], str, str]
) -> None:
    """In words, with all other answers kept."""
    name, answers, back_at, why = case
    declare([an_export("there", 1, marketo_field=OTHER_FIELD)])

    page = step(airflow, name, editor, **answers)

    assert (page.status_code, title(page)) == (422, f"Refused: Set up an export: {back_at}")
    assert why in told(page)
    kept = Form(page.text).values
    given = ANSWERS | answers
    assert {key: value for key, value in kept.items() if key in given} == {
        key: value for key, value in given.items() if key in kept
    }
    assert created(world) == []


def test_a_field_of_an_export_that_the_user_may_not_see_is_taken_by_nobody_named(
    airflow: TestClient, world: World, editor: dict[str, str]
) -> None:
    """Whether it has run or not; who may see it is told whose it is."""
    world.sync([ANN])
    declare([an_export("secret_launch", 2, marketo_field=OTHER_FIELD)])
    limited = cookie_of(LIMITED, "OP")

    page = step(airflow, "field", limited, name="mine")
    refused = step(airflow, "preview", limited, name="mine")

    assert page.text.count(": another export</li>") == 2
    assert f"the field {FIELD} is taken by another export." in told(refused)
    assert "secret" not in page.text + refused.text
    assert "export &#39;secret_launch&#39;" in step(airflow, "field", editor, name="mine").text
    assert "is taken by export 'trial_users' (dynamic, cohort 1001" in told(
        step(airflow, "preview", editor, name="x")
    )


def test_a_cohort_that_is_exported_already_is_told(
    airflow: TestClient, world: World, editor: dict[str, str]
) -> None:
    """By the name of the export, for who may see its DAG."""
    declare([an_export("secret_trials", 1)])

    assert "<strong>already exported by secret_trials</strong>" in step(airflow, "cohort", editor).text
    assert "already exported" not in step(airflow, "cohort", cookie_of(LIMITED, "OP")).text


def test_where_no_field_is_free_a_new_one_is_chosen(
    airflow: TestClient, world: World, editor: dict[str, str]
) -> None:
    """There is nothing else to choose; where there is, nothing is chosen."""
    before = Form(step(airflow, "field", editor, name="x", field="").text)
    declare([an_export("a", 2, marketo_field=FIELD), an_export("b", 3, marketo_field=OTHER_FIELD)])
    page = step(airflow, "field", editor, name="x", field="")

    assert "field" not in before.values
    assert Form(page.text).values["field"] == "+"
    assert "Nothing is created yet" in page.text


def test_a_field_is_created_after_its_preview_and_an_explicit_yes(
    airflow: TestClient, world: World, editor: dict[str, str], tmp_path: Path
) -> None:
    """Names are proposed; the warning stands beside the question; the YAML's page can be loaded again."""
    proposed = Form(step(airflow, "field", editor).text).values
    assert (proposed["display_name"], proposed["new_name"]) == ("Mixpanel Trial users", "mixpanelTrialUsers")

    preview = step(airflow, "preview", editor, **CREATING)
    assert "can never be deleted, only hidden" in preview.text
    assert "about 2 members" in preview.text
    assert created(world) == []
    page = send(airflow, preview, editor, confirmed="yes")

    assert created(world) == ["mixpanelLaunch"]
    assert (page.request.method, page.url.path) == ("GET", "/cohort-exports/new/yaml")
    assert "Marketo has created the field mixpanelLaunch." in page.text
    world.export = yaml_of(page, tmp_path / "printed")
    assert world.sync().set_true == 2


def test_without_the_yes_no_field_is_created(airflow: TestClient, world: World, editor: dict[str, str]) -> None:
    """The preview is shown again."""
    page = send(airflow, step(airflow, "preview", editor, **CREATING), editor)

    assert (page.status_code, created(world)) == (422, [])
    assert "Nothing was created. Tick the box" in told(page)
    assert Form(page.text).method == "post"


@pytest.mark.parametrize("proof", ["", "forged", "of another", "changed"])
def test_without_the_preview_s_proof_no_field_is_created(
    airflow: TestClient, world: World, editor: dict[str, str], proof: str
) -> None:
    """Another site's form has none, whatever cookie the browser sends with it; nor is another user's taken."""
    preview = step(airflow, "preview", editor, **CREATING)
    own = Form(preview.text).values["proof"]
    sent = {"of another": own, "changed": "x" + own[1:]}.get(proof, proof)
    cookie = cookie_of("another", "OP") if proof == "of another" else editor

    page = airflow.post("/cohort-exports/new/field", data={"proof": sent, "confirmed": "yes"}, headers=cookie)

    assert (page.status_code, created(world)) == (422, [])
    assert "Nothing was created: a field is created within an hour of its preview only" in told(page)


def test_a_claimed_name_is_not_created_anew(airflow: TestClient, world: World, editor: dict[str, str]) -> None:
    """Its field may be hidden from the account; the claim is not."""
    world.sync([ANN])
    world.marketo.instance.catalog.put(
        Field(name=FIELD, display_name="Gone", data_type="boolean", custom=True, rest=False)
    )

    page = step(airflow, "preview", editor, **CREATING | {"name": "other", "new_name": FIELD})

    assert f"the field {FIELD} is taken by export 'trial_users'" in told(page)


def test_a_proof_is_good_for_one_field(airflow: TestClient, world: World, editor: dict[str, str]) -> None:
    """Sent again, it finds the field there."""
    preview = step(airflow, "preview", editor, **CREATING)
    send(airflow, preview, editor, confirmed="yes")

    page = send(airflow, preview, editor, confirmed="yes")

    assert "Marketo has a field with the display name Mixpanel Launch already" in told(page)
    assert created(world) == ["mixpanelLaunch"]


def test_an_answer_that_is_lost_is_told(airflow: TestClient, world: World, editor: dict[str, str]) -> None:
    """The field may be there, and it is not asked for a second time."""
    preview = step(airflow, "preview", editor, **CREATING)
    world.break_marketo("reset_after", path=SCHEMA, skip=1)

    page = send(airflow, preview, editor, confirmed="yes")

    assert page.status_code == 503
    assert "the field mixpanelLaunch may have been created, or not" in told(page)
    assert [logged.method for logged in world.marketo.wire.log if logged.path == SCHEMA].count("POST") == 1


@pytest.mark.parametrize("name", ["cohort", "field", "preview"])
def test_a_vendor_that_hangs_is_told_while_somebody_waits(
    airflow: TestClient, world: World, editor: dict[str, str], name: str
) -> None:
    """All calls of one page have one end, and what is wrong is said in words."""
    world.mixpanel.wire.faults += [Fault("hang_after", "/api/", times=99)]
    world.marketo.wire.faults += [Fault("hang_after", "/rest/", times=99)]

    page = step(airflow, name, editor)

    assert page.status_code == 503
    assert "No answer" in told(page) or "no answer" in told(page)
    assert world.clock.seconds <= 46


def test_what_a_vendor_or_a_user_has_written_is_no_markup(
    airflow: TestClient, world: World, editor: dict[str, str]
) -> None:
    """Names are escaped, and no other site may frame the page."""
    world.mixpanel.state.project.set_cohort(1002, "<script>alert(1)</script>", members=[])

    for page in (
        step(airflow, "cohort", editor),
        step(airflow, "field", editor, cohort="1002 <script>alert(1)</script>", display_name='"><script>alert(1)'),
    ):
        assert "<script>alert" not in page.text
        assert page.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
