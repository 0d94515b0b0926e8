"""What the page says after a press of a button, in Chromium: Airflow's own API answers, the runs are made up."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import scenes
from tests.browser.chromium import grave_faults, new_page
from tests.browser.serving import Deployment, served_deployment
from tests.web.scenery import move_on, newest_run, settled

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

EXPORT = scenes.TYPICAL


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Return a deployment with one export."""
    with served_deployment(tmp_path_factory.mktemp("stores")) as served:
        served.show(scenes.one)
        yield served


@pytest.fixture
def page(browser: Browser, deployment: Deployment) -> Page:
    """Return the export's view, which is not to be loaded anew unnoticed."""
    page = new_page(browser, deployment.url, token=deployment.token("USER"))
    page.goto(f"cohort-exports/dags/{EXPORT.dag_id}")
    page.evaluate("window.loaded = 'before'")
    return page


def press(page: Page, label: str) -> str:
    """Press a button, wait until the page says that the run is queued, and return the run's id."""
    page.get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_role("status")).to_contain_text(f"{label}: the run is queued, look at it in Airflow")
    return newest_run(EXPORT)


def test_a_dry_run_s_figures_are_shown(page: Page) -> None:
    """The buttons rest meanwhile, the page says how the run stands, and then what it would send."""
    run, told = press(page, "Dry run"), page.get_by_role("status")
    buttons = page.get_by_role("region", name="Begin a run").get_by_role("button")

    assert [button.is_disabled() for button in buttons.all()] == [True, True, True]
    assert grave_faults(page) == []
    told.get_by_role("link").focus()
    move_on(run, "running")
    expect(told).to_contain_text("Dry run: the run is running")
    expect(told.get_by_role("link")).to_be_focused()
    figures = {"entered": 1_204, "exited": 3, "planned_calls": 1, "new_leads_estimate": 4}
    report = settled(EXPORT, run, dry_run=True, **figures).report
    move_on(run, "success", report)

    expect(told).to_contain_text(
        f"Dry run of {report.started_at:%H:%M} UTC: 1,204 would enter, 3 leave; 1 call; about 4 new leads."
    )
    assert [button.is_disabled() for button in buttons.all()] == [False, False, False]
    expect(page.get_by_role("button", name="Dry run")).to_be_focused()
    assert page.evaluate("window.loaded") == "before"


def test_a_dry_run_whose_figures_cannot_be_had_is_told(page: Page) -> None:
    """XComs may be kept elsewhere, or be hidden from the user."""
    move_on(press(page, "Dry run"), "success")

    expect(page.get_by_role("status")).to_contain_text("The dry run has ended. Its log has the figures, look at")


@pytest.mark.parametrize(("label", "end"), [("Run now", "success"), ("Run now", "failed"), ("Dry run", "failed")])
def test_the_page_is_loaded_anew_when_a_run_has_ended(page: Page, label: str, end: str) -> None:
    """So that its figures and its state are those of after the run."""
    run = press(page, label)
    assert page.evaluate("window.loaded") == "before"

    move_on(run, end)
    page.wait_for_function("window.loaded === undefined")

    expect(page.get_by_text("failed" if end == "failed" else "up to date", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=label)).to_be_enabled()


def test_an_airflow_that_goes_away_for_a_while_is_asked_again(page: Page) -> None:
    """The page says so, and goes on when it is back."""
    run, told = press(page, "Run now"), page.get_by_role("status")

    page.context.set_offline(True)
    expect(told).to_contain_text("Airflow does not answer, and is asked again")
    page.context.set_offline(False)
    expect(told).to_contain_text("the run is queued")

    move_on(run, "success")
    page.wait_for_function("window.loaded === undefined")


def test_a_run_that_airflow_refuses_to_show_is_told(page: Page) -> None:
    """Such as one that was deleted: it is asked for no longer, and nothing invites to a second press."""
    press(page, "Run now")

    page.context.clear_cookies()

    expect(page.get_by_role("status")).to_contain_text("Airflow refuses to tell how the run stands (401)")
    expect(page.get_by_role("button", name="Run now")).to_be_disabled()


def test_a_refused_press_gives_the_buttons_back(page: Page) -> None:
    """Nothing has begun: the next press is as good as the first."""
    page.context.clear_cookies()

    page.get_by_role("button", name="Run now").click()

    expect(page.get_by_role("status")).to_contain_text("You are no longer signed in to Airflow. Nothing has begun")
    expect(page.get_by_role("button", name="Run now")).to_be_enabled()
