"""The command line: `python -m marketo_provider <command>`. It works without Airflow."""

import argparse
import sys
from collections.abc import Callable, Sequence

from marketo_provider.cli import schema, validate

COMMANDS = (validate, schema)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m marketo_provider", description="Mixpanel cohorts to Marketo.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    parsed = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = parsed.run
    return run(parsed)


if __name__ == "__main__":
    sys.exit(main())
