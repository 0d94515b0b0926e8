"""What is on a worker's disk: nothing that anybody would miss, and nobody's address.

State is found by its names and by the first bytes of Parquet files, which hold addresses in a packed form.
Addresses and secrets are looked for in all other files as they are.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

_ADDRESS = re.compile(rb"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PARQUET = b"PAR1"
_STATE = "marketo_state"
_SCRATCH = "marketo-provider-task-"


@dataclass(frozen=True, slots=True)
class Disk:
    """What was found.

    Attributes:
        files: how many there are.
        state: of them, those that hold what the state store holds.
        scratch: of them, those that a task keeps while it works.
        addresses: of the others, those with an address of a cohort's.
        secrets: of the others, those with a secret of a Connection's.
    """

    files: int
    state: int
    scratch: int
    addresses: int
    secrets: int

    def faults(self, name: str, *, died: bool = False) -> list[str]:
        """Return what should not be there; one that died could not tidy up after its tasks."""
        found = {
            "with state": self.state,
            "with addresses": self.addresses,
            "with secrets": self.secrets,
            "of tasks that are no more": 0 if died else self.scratch,
        }
        return [f"On the disk of {name} are {count} files {what}." for what, count in found.items() if count]


def look_at(disk: Path, *, addresses: Collection[bytes], secrets: Iterable[bytes]) -> Disk:
    """Look at every file of a disk.

    Args:
        disk: the folder that stands for it.
        addresses: of everybody, in lower case.
        secrets: of the Connections.
    """
    found = Counter[str]()
    wanted = frozenset(addresses)
    for path in disk.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        found["files"] += 1
        content, parts = path.read_bytes(), path.relative_to(disk).parts
        if any(part.startswith(_SCRATCH) for part in parts):
            found["scratch"] += 1
        elif content.startswith(_PARQUET) or _STATE in parts:
            found["state"] += 1
        else:
            found["addresses"] += not wanted.isdisjoint(one.lower() for one in _ADDRESS.findall(content))
            found["secrets"] += any(secret in content for secret in secrets)
    return Disk(**{name: found[name] for name in Disk.__slots__})
