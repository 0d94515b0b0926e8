"""What people do with a real Airflow in a real browser, from the log-in to leads in the sandbox's Marketo."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from include.demo.truth import read_cohort
from tests.browser.office import LAUNCH, OTHER_FIELD, PAGE, SHRUNKEN, Office, open_office
from tests.browser.steps import choose_connection_type, open_trigger_form

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

A_RUN = 180_000


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Office]:
    """Return an office in which one export has stopped, and the other has not run yet."""
    with open_office(tmp_path_factory.mktemp("office"), browser) as furnished:
        yield furnished


def waterfall(page: Page) -> dict[str, int]:
    """Return the numbers of the waterfall, by step."""
    rows = page.frame_locator("iframe").get_by_role("region", name="From profiles to members").locator("tbody tr")
    read = [(row.locator("th").inner_text(), row.locator("td").first.inner_text()) for row in rows.all()]
    return {step: int(re.sub(r"\D", "", number)) for step, number in read}


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


def test_without_a_log_in_there_is_nothing(office: Office) -> None:
    """The page's own address is refused, and Airflow's asks who it is."""
    page = office.visit(PAGE)

    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for path in ("", f"dags/{SHRUNKEN.dag_id}"):
        assert page.request.get(f"cohort-exports/{path}").status == 401


def test_a_viewer_sees_how_exports_stand(office: Office) -> None:
    """He may look, as in Airflow."""
    page = office.log_in("viewer", PAGE)

    row = page.frame_locator("iframe").get_by_role("row").filter(has_text=SHRUNKEN.name)
    expect(row.get_by_text("stopped", exact=True)).to_be_visible()
