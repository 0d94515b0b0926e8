"""The runs of the demo as a table."""

from collections.abc import Iterable

from include.demo.runs import Chapter

_HEADINGS = (
    "export",
    "sync type",
    "profiles",
    "without e-mail",
    "invalid",
    "duplicate",
    "members",
    "entered",
    "exited",
    "set True",
    "set False",
    "created",
    "refused",
    "API calls",
    "seconds",
)
_TEXTS = 2


def table(chapters: Iterable[Chapter]) -> str:
    """Return one line a run, under headings."""
    rows = [_HEADINGS, *(row for chapter in chapters for row in _rows(chapter))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number < _TEXTS else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _rows(chapter: Chapter) -> Iterable[tuple[str, ...]]:
    for report in chapter.reports:
        numbers = (
            report.profiles,
            report.without_email,
            report.invalid_email,
            report.duplicate_email,
            report.members,
            report.entered,
            report.exited,
            report.set_true,
            report.set_false,
            report.created,
            report.refused,
            report.api_calls,
        )
        counts = (f"{number:,}" for number in numbers)
        yield (chapter.export.name, chapter.export.sync_type, *counts, f"{report.seconds:.1f}")
