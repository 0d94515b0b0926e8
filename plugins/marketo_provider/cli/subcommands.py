"""What the modules of the command line share: each adds one command to argparse's collection of them."""

import argparse
from typing import Protocol


class Subparsers(Protocol):
    """What `add_subparsers` returns; argparse has no public name for it."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:  # noqa: A002 - argparse's own name
        """Add a command."""
