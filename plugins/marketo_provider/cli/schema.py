"""`schema`: prints what an exports file may hold, as a JSON Schema for editors or as a page for people."""

import argparse

from marketo_provider.cli.subcommands import Subparsers
from marketo_provider.export_reference import reference
from marketo_provider.exports import json_schema


def add_parser(subparsers: Subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("schema", help="print the JSON Schema of an exports file")
    parser.add_argument("--markdown", action="store_true", help="print the reference for people instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the schema; return the exit status."""
    print(reference() if arguments.markdown else json_schema(), end="")  # noqa: T201 - a command's result
    return 0
