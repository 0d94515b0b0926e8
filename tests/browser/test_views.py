"""Each view of the page as it meets the eye and the keyboard, in Chromium, on made-up exports."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import scenes
from tests.browser.chromium import DESK, SCHEMES, Scheme, Screen, grave_faults, new_page
from tests.browser.serving import Deployment, served_deployment
from tests.web.scenery import folder_of

pytestmark = [pytest.mark.airflow, pytest.mark.browser]

VIEWS = {
    "all": "",
    "one": f"dags/{scenes.TYPICAL.dag_id}",
    "stopped": f"dags/{scenes.STOPPED.dag_id}",
    "never run": f"dags/{scenes.NEW.dag_id}",
    "one time": f"dags/{scenes.FINISHED.dag_id}",
    "gone": f"fields/{folder_of(scenes.GONE).removeprefix('marketo/')}",
}
FRAMED = "plugin/cohort-exports"
# All that the Tab key is to stop at, that is shown.
STOPS = "a[href], button, input, select, summary, textarea, [tabindex='0']"
FOCUSED = """(names) => {
  const here = document.activeElement;
  const stops = [...document.querySelectorAll(names)].filter((one) => one.checkVisibility());
  return [stops.indexOf(here), getComputedStyle(here).outlineStyle !== "none", stops.length];
}"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Return a deployment with a hundred exports."""
    with served_deployment(tmp_path_factory.mktemp("stores")) as served:
        served.show(scenes.hundred)
        yield served


def open_page(browser: Browser, deployment: Deployment, path: str, screen: Screen = DESK) -> Page:
    """Return a page of Airflow, opened by an admin."""
    page = new_page(browser, deployment.url, token=deployment.token("ADMIN"), screen=screen)
    page.goto(path)
    return page


def look(browser: Browser, deployment: Deployment, view: str, screen: Screen = DESK) -> Page:
    """Return a view of the page, without Airflow around it, all that folds unfolded."""
    page = open_page(browser, deployment, f"cohort-exports/{VIEWS[view]}", screen)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    return page


def test_grave_faults_are_seen(browser: Browser) -> None:
    """What the next test must not find: pale words, and a picture without any."""
    page = browser.new_page()
    page.set_content("<html lang='en'><title>T</title><main><p style='color: #ccc'>pale</p><img src='/x'></main>")

    assert [fault.partition(":")[0] for fault in grave_faults(page)] == ["color-contrast", "image-alt"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_grave_fault(browser: Browser, deployment: Deployment, view: str, scheme: Scheme) -> None:
    """None that is serious or critical, contrast included."""
    page = look(browser, deployment, view, Screen(scheme=scheme))

    assert grave_faults(page) == []


@pytest.mark.parametrize("width", [360, 1920])
@pytest.mark.parametrize("view", VIEWS)
def test_a_window_is_wide_enough(browser: Browser, deployment: Deployment, view: str, width: int) -> None:
    """Nobody has to scroll sideways, on a phone either."""
    page = look(browser, deployment, view, Screen(width=width))

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_list_is_not_cut_on_a_common_screen(browser: Browser, deployment: Deployment) -> None:
    """In Airflow, whose menu takes its part of 1,280 pixels, each row is seen to its last column."""
    page = open_page(browser, deployment, FRAMED, Screen(width=1280))
    exports = page.frame_locator("iframe").get_by_role("region", name="Exports", exact=True)

    exports.wait_for()

    assert exports.evaluate("(one) => one.scrollWidth - one.clientWidth") == 0


@pytest.mark.parametrize("width", [360, 840, 1280])
def test_what_is_wider_than_the_screen_says_so(browser: Browser, deployment: Deployment, width: int) -> None:
    """The table of runs has more columns than a phone is wide."""
    page = look(browser, deployment, "one", Screen(width=width))
    runs = page.get_by_role("region", name="Runs in figures")

    wider = runs.evaluate("(one) => one.scrollWidth > one.clientWidth")

    assert wider is (width < 1280)
    assert page.get_by_text("The table is wider than this screen").is_visible() is wider


@pytest.mark.parametrize("view", VIEWS)
def test_the_tab_key_gets_everywhere(browser: Browser, deployment: Deployment, view: str) -> None:
    """It stops at all that can be used, in the order of the page, and the place can be seen."""
    page = look(browser, deployment, view)
    stops = page.evaluate(FOCUSED, STOPS)[2]

    seen = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED, STOPS)[:2])

    assert stops
    assert seen == [[stop, True] for stop in range(stops)]


def test_an_export_is_opened_by_keyboard_in_airflow(browser: Browser, deployment: Deployment) -> None:
    """From the table to an export's view, on to its DAG, which Airflow shows in the frame's place."""
    page = open_page(browser, deployment, FRAMED)
    frame = page.frame_locator("iframe")

    frame.get_by_role("link", name=scenes.TYPICAL.name).focus()
    page.keyboard.press("Enter")
    frame.get_by_role("heading", name=scenes.TYPICAL.name).wait_for()
    frame.get_by_role("link", name="DAG, and its Trigger button").focus()
    page.keyboard.press("Enter")

    page.wait_for_url(f"{deployment.url}/dags/{scenes.TYPICAL.dag_id}**")


@pytest.mark.parametrize(("chosen", "background"), [("dark", "rgb(17, 17, 19)"), ("light", "rgb(255, 255, 255)")])
def test_the_page_is_as_dark_as_airflow(
    browser: Browser, deployment: Deployment, chosen: Scheme, background: str
) -> None:
    """In Airflow it is the user's choice there that counts, not the browser's."""
    preferred: Scheme = "light" if chosen == "dark" else "dark"
    page = open_page(browser, deployment, FRAMED, Screen(scheme=preferred))

    page.evaluate(f"localStorage.setItem('theme', '{chosen}')")
    page.reload()

    expect(page.frame_locator("iframe").locator("body")).to_have_css("background-color", background)
