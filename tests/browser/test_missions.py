"""What people do with a real Airflow in a real browser, from the log-in to leads in the sandbox's Marketo."""

import re
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from include.demo.truth import read_cohort
from marketo_provider.export_files import load_exports
from tests.browser.chromium import DESK, SCHEMES, grave_faults
from tests.browser.office import LAUNCH, OTHER_FIELD, PAGE, SHRUNKEN, Office, open_office
from tests.browser.steps import choose_connection_type, open_trigger_form

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

A_RUN = 180_000
TYPED_FIELD = "mixpanelTyped"
TOO_WIDE = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? [`${scrollWidth} pixels in ${clientWidth}`] : [];
}"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Office]:
    """Return an office in which one export has stopped, and the other has not run yet."""
    with open_office(tmp_path_factory.mktemp("office"), browser) as furnished:
        yield furnished


def waterfall(page: Page) -> dict[str, int]:
    """Return the numbers of the waterfall, by step."""
    rows = page.frame_locator("iframe").get_by_role("region", name="From profiles to members").locator("tbody tr")
    rows.first.wait_for()
    read = [(row.locator("th").inner_text(), row.locator("td").first.inner_text()) for row in rows.all()]
    return {step: int(re.sub(r"\D", "", number)) for step, number in read}


def faults_of(page: Page) -> list[str]:
    """Return what is wrong with the look of the page's document in Airflow: light, dark, and on a phone."""
    (frame,) = page.main_frame.child_frames
    frame.wait_for_load_state()
    faults = []
    for scheme in SCHEMES:
        frame.evaluate("(scheme) => { document.documentElement.dataset.theme = scheme; }", scheme)
        faults += [f"{scheme}: {fault}" for fault in grave_faults(frame)]
    page.set_viewport_size({"width": 360, "height": 780})
    faults += frame.evaluate(TOO_WIDE)
    page.set_viewport_size({"width": DESK.width, "height": DESK.height})
    return faults


@pytest.mark.parametrize("conn_type", ["marketo", "mixpanel"])
def test_a_connection_is_made_by_the_form_and_tested(office: Office, conn_type: str) -> None:
    """With nothing but what an account's owner knows; *Test* reaches the vendor."""
    (known,) = (one for one in office.sandbox.connections() if one.conn_type == conn_type)
    page = office.log_in("admin", "connections")

    form = choose_connection_type(page, conn_type.capitalize())
    form.locator("[name=connection_id]").fill(f"{conn_type}_typed")
    for name, value in {"host": known.host, "login": known.login, "password": known.password, "port": "0"}.items():
        form.locator(f"[name={name}]").fill(value)
    if known.extra:
        form.get_by_role("button", name="Extra Fields", exact=True).click()
    for name, extra in known.extra.items():
        form.locator(f"[name=element_{name}]").fill(str(extra))
    form.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text=f"{conn_type}_typed")
    row.get_by_role("button", name="Test Connection").click()

    expect(page.get_by_text("Test Connection Successful")).to_be_visible()


def test_a_one_time_export_from_the_trigger_form_to_the_waterfall(office: Office) -> None:
    """It is sent to the field that was typed, and the page's numbers are those of the sandbox."""
    page = office.log_in("admin", f"dags/{LAUNCH.dag_id}")

    form = open_trigger_form(page)
    form.locator("[name=element_marketo_field]").fill(OTHER_FIELD)
    form.get_by_test_id("trigger-dag-submit").click()
    page.goto(f"dags/{LAUNCH.dag_id}/runs")
    expect(page.get_by_role("row").filter(has_text="Success")).to_be_visible(timeout=A_RUN)
    page.goto(PAGE)
    page.frame_locator("iframe").get_by_role("link", name=LAUNCH.name).click()

    cohort = read_cohort(office.sandbox.emails(LAUNCH.cohort_id))
    true = {lead.key for lead in office.sandbox.leads() if lead.values.get(OTHER_FIELD)}
    shown = waterfall(page)
    assert true == cohort.members
    assert shown["Profiles in Mixpanel"] == cohort.profiles
    assert shown["Without e-mail"] == cohort.without_email
    assert shown["Members"] == len(cohort.members)
    assert shown["True in Marketo"] == len(true)


def test_a_stopped_run_is_let_through_from_the_page_by_keyboard(office: Office) -> None:
    """A dry run tells there what would be sent; the number is confirmed, and the page shows what came of it."""
    page = office.log_in("admin", PAGE)
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name=SHRUNKEN.name).click()
    members = read_cohort(office.sandbox.emails(SHRUNKEN.cohort_id)).members
    true = {lead.key for lead in office.sandbox.leads() if lead.values.get(SHRUNKEN.field)}

    guard = frame.get_by_role("region", name="What the guard stopped")
    expect(guard).to_contain_text(f"Left the cohort{len(true - members)}")
    frame.get_by_role("button", name="Dry run").press("Enter")
    told = frame.get_by_role("status")
    dry_run = f"0 would enter, {len(true - members)} leave; {ceil(len(true - members) / 300)} call"
    expect(told).to_contain_text(dry_run, timeout=A_RUN)
    guard.get_by_role("button", name="Run again").focus()
    page.keyboard.press("Enter")
    question = frame.get_by_role("dialog")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(told).to_contain_text("the run is")
    expect(guard.get_by_role("button", name="Run again")).to_be_disabled()
    expect(frame.get_by_text("up to date", exact=True)).to_be_visible(timeout=A_RUN)
    expect(guard).to_have_count(0)
    frame.get_by_role("link", name="Newest run", exact=True).press("Enter")
    page.wait_for_url(f"**/dags/{SHRUNKEN.dag_id}/runs/**")

    left = {lead.key: lead.values.get(SHRUNKEN.field) for lead in office.sandbox.leads()}
    assert {left[key] for key in true - members} == {False}
    assert {left[key] for key in members} == {True}


def test_an_export_is_set_up_by_keyboard(office: Office, tmp_path: Path) -> None:
    """From the first question to YAML that loads, and a new field in Marketo; each step looks well on the way."""
    page = office.log_in("admin", PAGE)
    frame = page.frame_locator("iframe")

    frame.get_by_role("link", name="Set up an export").press("Enter")
    frame.get_by_role("heading", name="Which Mixpanel project").wait_for()
    assert faults_of(page) == []
    frame.get_by_label("Connection of the type").press("m")
    frame.get_by_role("button", name="Next").press("Enter")
    first = frame.get_by_role("radio").first
    first.press("Space")
    cohort = int(first.input_value().partition(" ")[0])
    assert faults_of(page) == []
    frame.get_by_role("button", name="Next").press("Enter")
    frame.get_by_label("Name of the export").fill("typed")
    assert faults_of(page) == []
    frame.get_by_role("button", name="Next").press("Enter")
    frame.get_by_label("A new field").press("Space")
    frame.get_by_label("Its REST API name").fill(TYPED_FIELD)
    frame.get_by_label("Dynamic").press("Space")
    assert faults_of(page) == []
    frame.get_by_role("button", name="Next").press("Enter")
    frame.get_by_label("Create it all the same").press("Space")
    assert faults_of(page) == []
    frame.get_by_role("button", name="Create the field").press("Enter")
    yaml = frame.get_by_role("region", name="YAML of the export").inner_text()
    assert faults_of(page) == []

    (tmp_path / "typed.yaml").write_text(yaml)
    (export,) = load_exports(tmp_path).exports
    assert (export.name, export.cohort_id, export.marketo_field) == ("typed", cohort, TYPED_FIELD)
    assert TYPED_FIELD in {field["name"] for field in office.sandbox.marketo("GET", "fields")["fields"]}


def test_without_a_log_in_there_is_nothing(office: Office) -> None:
    """The page's own address is refused, and Airflow's asks who it is."""
    page = office.visit(PAGE)

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for path in ("", f"dags/{SHRUNKEN.dag_id}", "new/project"):
        assert page.request.get(f"cohort-exports/{path}").status == 401


def test_a_viewer_sees_how_exports_stand(office: Office) -> None:
    """He may look, as in Airflow, and begins nothing: there is no button, and Airflow would refuse."""
    page = office.log_in("viewer", PAGE)

    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name=SHRUNKEN.name).click()
    expect(frame.get_by_role("heading", name=SHRUNKEN.name)).to_be_visible()
    expect(frame.get_by_role("button")).to_have_count(0)
    asked = page.request.post(f"api/v2/dags/{SHRUNKEN.dag_id}/dagRuns", data={"logical_date": None})
    assert asked.status == 403
    assert page.request.get("cohort-exports/new/project").status == 403
