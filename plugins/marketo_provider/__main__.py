"""The command line: `python -m marketo_provider <command>`. All but `new` and `state` work without Airflow."""

import argparse
import io
import sys
from collections.abc import Callable, Sequence

from marketo_provider.cli import new, schema, state, validate
from marketo_provider.errors import MarketoProviderError

COMMANDS = (new, validate, schema, state)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m marketo_provider", description="Mixpanel cohorts to Marketo.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold what no encoding has
    parsed = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = parsed.run
    try:
        return run(parsed)
    except MarketoProviderError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command says what went wrong
        return 1


if __name__ == "__main__":
    sys.exit(main())
