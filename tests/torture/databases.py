"""DuckDB for each task of a seed: an empty database of one instance, since to open one is a fifth of a seed."""

from itertools import count
from typing import Any

import duckdb

from marketo_provider.state import workspace

_open = duckdb.connect


class _Connection:
    """A connection to one database, and to no other."""

    def __init__(self, instance: duckdb.DuckDBPyConnection, name: str) -> None:
        self._instance = instance
        self._name = name
        self._own = self.cursor()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return another connection to the same database."""
        cursor = self._instance.cursor()
        cursor.execute(f"USE {self._name}")
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def install() -> None:
    """Have each workspace, from now on, work in a database of its own in a new instance."""
    opened: list[duckdb.DuckDBPyConnection] = []
    numbers = count()

    def connect(config: dict[str, Any]) -> _Connection:
        if not opened:
            opened.append(_open(config=config | {"threads": "1"}))
        (instance,) = opened
        name = f"task_{next(numbers)}"
        instance.execute(f"ATTACH ':memory:' AS {name}")
        return _Connection(instance, name)

    workspace.duckdb.connect = connect  # type: ignore[attr-defined]
