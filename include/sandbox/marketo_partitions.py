"""Lead partitions, and which of them the API user may reach.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database/leads
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel


class Partition(BaseModel, frozen=True, extra="forbid"):
    """One lead partition; `accessible` says whether the API user's workspaces see it."""

    id: int
    name: str
    description: str = ""
    accessible: bool = True


class Partitions:
    """All partitions of an instance; the first is the default one."""

    def __init__(self, partitions: Iterable[Partition]) -> None:
        self._partitions = {partition.name: partition for partition in partitions}
        if not self._partitions:
            raise ValueError("an instance has at least one partition")

    @property
    def default(self) -> Partition:
        """The partition of a lead for which none is named."""
        return next(iter(self._partitions.values()))

    def id_of(self, name: str) -> int | None:
        """Return the id of a partition."""
        partition = self._partitions.get(name)
        return partition.id if partition else None

    def accessible(self, name: str) -> bool:
        """Say whether there is such a partition and the API user may reach it."""
        partition = self._partitions.get(name)
        return partition is not None and partition.accessible

    def result(self) -> list[dict[str, Any]]:
        """Return the result of Get Lead Partitions."""
        return [
            {"id": one.id, "name": one.name, "description": one.description}
            for one in self._partitions.values()
            if one.accessible
        ]

    def all(self) -> list[Partition]:
        """Return all partitions, the default one first."""
        return list(self._partitions.values())
