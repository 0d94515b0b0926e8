"""README, CONTRIBUTING and docs/, as the tests that hold them to the code read them."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def read(page: str) -> str:
    """Return the text of a page, by its path in the project."""
    return (ROOT / page).read_text(encoding="utf-8")


def everything() -> str:
    """Return the text of all pages."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language, in order; one in a list is moved to the left."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", read(page), re.DOTALL | re.MULTILINE)
    return [dedent(block) for block in found]


def rows_under(page: str, heading: str, column: str) -> dict[str, list[str]]:
    """Return the rows of the first table after `heading` that begins with `column`, by their first cell."""
    _, _, after = read(page).partition(f"{heading}\n")
    _, _, table = after.partition(f"\n| {column} |")
    lines = table.split("\n\n")[0].split("\n")[2:]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line]
    return {row[0].strip("`"): row[1:] for row in cells}


def commands() -> list[str]:
    """Return every command of the shell blocks of all pages, without comments."""
    found = []
    for page in PAGES:
        for block in blocks(str(page.relative_to(ROOT)), "sh"):
            lines = (re.sub(r"\s+#.*", "", line) for line in block.splitlines())
            found += [line for line in lines if line]
    return found
