"""The pictures in the docs are those that `make screenshots` makes, and each is shown somewhere."""

import re

from include.demo.processes import ROOT
from tests.browser.images import FOLDER, IMAGES

MADE = {f"{image.name}.png" for image in IMAGES}


def test_every_picture_is_made_by_the_command() -> None:
    """None was put there by hand, and none is missing."""
    assert {path.name for path in FOLDER.iterdir()} == MADE


def test_every_picture_is_shown() -> None:
    """README or a page of the docs shows it, with words for those who cannot see it."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {
        name
        for page in pages
        for name in re.findall(r"!\[[^\]]+\]\((?:docs/)?images/([^)]+)\)", page.read_text(encoding="utf-8"))
    }

    assert shown == MADE
