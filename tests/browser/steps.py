"""Steps in Airflow's own UI."""

from playwright.sync_api import Locator, Page


def log_in(page: Page, user: str, password: str) -> None:
    """Log in by the form, which leads to the page that was asked for."""
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/auth/login" not in url)


def choose_connection_type(page: Page, name: str) -> Locator:
    """Open the form for a new Connection of a type, and return it."""
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox").fill(name)
    page.get_by_role("option", name=name, exact=True).click()
    form.locator("[name=host]").wait_for()
    return form


def open_trigger_form(page: Page) -> Locator:
    """Open the form that triggers a run of the DAG in view, and return it."""
    page.get_by_role("button", name="Trigger Dag").click()
    form = page.get_by_role("dialog")
    form.locator("[name=element_dry_run]").wait_for(state="attached")
    return form
