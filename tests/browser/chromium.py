"""Debian's Chromium, driven by Playwright, whose own browsers are never fetched; and axe, run on a document."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, ViewportSize, expect, sync_playwright

from include.demo.progress import narrator
from include.distributed.packages import install_missing, program

Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
_CHROMIUM: Final = "chromium"
_GRAVE: Final = frozenset({"serious", "critical"})
_PATIENCE_MS: Final = 120_000  # for a machine that runs an Airflow beside the browser


@contextmanager
def running_chromium(log: Path) -> Iterator[Browser]:
    """Run a browser while the context lasts; its package is installed if it is missing.

    Args:
        log: of an installation.

    Raises:
        DemoFailed: it is missing, and cannot be installed.
    """
    install_missing({_CHROMIUM: _CHROMIUM}, log, narrator())
    with sync_playwright() as playwright:
        expect.set_options(timeout=_PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=program(_CHROMIUM))
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True)
class Screen:
    """What somebody sits before: the window in pixels, and the colours that he prefers."""

    width: int = 1440
    height: int = 900
    scheme: Scheme = "light"


DESK: Final = Screen()


def new_page(browser: Browser, url: str, *, token: str | None = None, screen: Screen = DESK) -> Page:
    """Return an empty page of somebody's own, with nobody else's cookies.

    Args:
        browser: to open it in.
        url: of Airflow.
        token: of Airflow, for somebody who is logged in.
        screen: what he sits before.
    """
    size: ViewportSize = {"width": screen.width, "height": screen.height}
    context = browser.new_context(base_url=f"{url}/", viewport=size, color_scheme=screen.scheme, locale="en-GB")
    context.set_default_timeout(_PATIENCE_MS)
    if token:
        context.add_cookies([{"name": "_token", "value": token, "url": url}])
    return context.new_page()


def grave_faults(document: Page | Frame) -> list[str]:
    """Return what axe finds serious or critical in a document, frames in it not included."""
    found = Axe().run(document, options={"resultTypes": ["violations"], "iframes": False}).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {[node['html'] for node in fault['nodes']]}"
        for fault in found
        if fault["impact"] in _GRAVE
    ]
