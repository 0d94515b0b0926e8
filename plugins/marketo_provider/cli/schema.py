"""`schema`: prints the JSON Schema of an exports file, which lies beside the YAML for editors."""

import argparse

from marketo_provider.cli.subcommands import Subparsers
from marketo_provider.exports import json_schema


def add_parser(subparsers: Subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("schema", help="print the JSON Schema of an exports file")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Print the schema; return the exit status."""
    print(json_schema(), end="")  # noqa: T201 - what a command prints is its result
    return 0
