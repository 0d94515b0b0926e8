"""What one process has to do, and a write of its that is on its way."""

from dataclasses import dataclass
from dataclasses import field as default

from tests.torture.process import Process

Keys = frozenset[str]


@dataclass(eq=False, slots=True)
class Work:
    """What one process has to do: to make `field` true to snapshot `number`, which holds `members`.

    `intended` are the values that its acknowledged intents name, by address; `announced` how many files are in
    both logs and not yet uploaded.
    """

    field: str
    number: int
    members: Keys
    intended: dict[str, set[bool]] = default(default_factory=dict)
    announced: list[str] = default(default_factory=list)
    sent_true: bool = False
    acknowledged: dict[int, bool] = default(default_factory=dict)


@dataclass(eq=False, slots=True)
class Write:
    """A write on its way: `keys` are addresses, or ids of leads."""

    process: Process
    field: str
    keys: list[str | int]
    value: bool
    creates: bool
    is_file: bool = False
