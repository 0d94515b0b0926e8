"""`validate`: says about the exports folder what Airflow would say, before it is deployed."""

import argparse
from pathlib import Path

from marketo_provider.cli.subcommands import Subparsers
from marketo_provider.export_files import load_exports
from marketo_provider.export_problems import problems_text


def add_parser(subparsers: Subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("validate", help="check the YAML files of the cohort exports")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("include/exports"), metavar="FOLDER")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the exports, or every problem; return the exit status."""
    folder: Path = arguments.folder
    loaded = load_exports(folder.resolve())
    if loaded.problems:
        print(problems_text(loaded.problems))  # noqa: T201 - what a command prints is its result
        return 1
    for export in loaded.exports:
        print(  # noqa: T201 - as above
            f"{export.dag_id}: cohort {export.cohort_id} -> {export.marketo_field} "
            f"({export.sync_type}, {export.schedule or 'triggered by hand'})"
        )
    print(f"exports: {len(loaded.exports)}, problems: 0")  # noqa: T201 - as above
    return 0
