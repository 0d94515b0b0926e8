"""`make screenshots`: makes every picture of the docs anew, from the demo and from made-up exports."""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.sync_api import Browser, Page

from include.demo.airflow import running_airflow
from include.demo.airflow_home import USER
from include.demo.progress import Say, narrator
from include.demo.sandbox import running_sandbox
from include.demo.scenery import Scale
from include.demo.story import Story
from tests import airflow_home
from tests.browser.chromium import new_page, running_chromium
from tests.browser.images import FOLDER, IMAGES, Image
from tests.browser.steps import choose_connection_type, log_in, open_trigger_form

_SCALE: Final = Scale(dynamic=3_000, one_time=1_000, entered=200, exited=150)
_SEED: Final = 11
_PREPARE: Final[dict[str, Callable[[Page], object]]] = {
    "trigger-form": open_trigger_form,
    "connection-form": lambda page: choose_connection_type(page, "Marketo"),
}


def main() -> int:
    """Make them all."""
    say = narrator()
    with TemporaryDirectory() as name, running_chromium(Path(name) / "apt.log") as browser:
        _from_the_demo(browser, Path(name), say)
        _from_scenes(browser, Path(name), say)
    return 0


def _from_the_demo(browser: Browser, folder: Path, say: Say) -> None:
    with (
        running_sandbox(folder / "sandbox.log", seed=_SEED) as sandbox,
        running_airflow(folder / "airflow") as airflow,
    ):
        Story(airflow, sandbox, _SEED, say, scale=_SCALE).play()
        for image in _of("demo"):
            page = new_page(browser, airflow.api.url, screen=image.screen)
            page.goto("")
            log_in(page, USER, airflow.password)
            page.goto(image.path)
            _shoot(page, image, say)


def _from_scenes(browser: Browser, folder: Path, say: Say) -> None:
    airflow_home.set_up()
    from tests.browser import scenes  # noqa: PLC0415 - after Airflow's home is set
    from tests.browser.serving import served_deployment  # noqa: PLC0415 - as above

    with served_deployment(folder) as deployment:
        for scene in (scenes.empty, scenes.one, scenes.hundred):
            deployment.show(scene)
            for image in _of(scene.__name__):
                page = new_page(browser, deployment.url, token=deployment.token("ADMIN"), screen=image.screen)
                page.goto(image.path)
                _shoot(page, image, say)


def _of(scene: str) -> list[Image]:
    return [image for image in IMAGES if image.scene == scene]


def _shoot(page: Page, image: Image, say: Say) -> None:
    if image.name in _PREPARE:
        _PREPARE[image.name](page)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{image.name}.png", full_page=image.whole, animations="disabled")
    page.context.close()
    say(f"{image.name}.png")


if __name__ == "__main__":
    sys.exit(main())
