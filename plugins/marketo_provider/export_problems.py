"""One thing that is wrong in an exports file, and the text in which all of them are shown together."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class ExportProblem:
    """What is wrong, where, and what to do about it."""

    file: str
    """Relative to the folder above the exports folder, such as `exports/trial_users.yaml`."""
    line: int
    export: str
    """Its name, or its place in the list where it has none; empty where the file as a whole is meant."""
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """Return the problem in one line."""
        where = [f"{self.file}, line {self.line}", self.export and f"export {self.export}", self.key]
        return f"{': '.join(part for part in where if part)}: {self.message}. {self.remedy}"


def problems_text(problems: Iterable[ExportProblem]) -> str:
    """Return all problems in one text, as Airflow's import error and the command line show them."""
    lines = [f"- {problem}" for problem in problems]
    counted = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
    return "\n".join([f"{counted} in the cohort exports:", *lines])
