"""YAML with the line of each key, which the plain loader forgets and a message needs.

Anchors and aliases are refused: each export stands for itself, and a small file cannot grow when it is read.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import yaml

from marketo_provider.wording import Fault, Path, shown

_MAX_BYTES: Final = 1_000_000
_TEXT: Final = "tag:yaml.org,2002:str"
_COLLECTIONS: Final = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_NO_ALIASES: Final = ("aliases (*name) are not supported", "Write the value out.")
_NO_YAML: Final = (
    "this is not YAML",
    "Look here and a line above for a missing colon or space, a tab, an open quote or bracket, a second ---.",
)
# Numbers and dates are shorter. To make a number of a longer text may take minutes.
_LONGEST_NUMBER: Final = 100
_HALF_A_CHARACTER: Final = re.compile(r"[\ud800-\udfff]")
_UNREADABLE: Final = object()
"""Stands for a value that YAML itself cannot make sense of, for the model to refuse like any wrong type."""


@dataclass(slots=True)
class LocatedYaml:
    """What a file holds, and where; `data` is None where it holds nothing or cannot be read."""

    data: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of the key at `path`, or of the nearest one around it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(content: bytes) -> LocatedYaml:
    """Read one file; what is wrong with it is in the result's `faults`, in our own words."""
    if len(content) > _MAX_BYTES:
        return _unreadable(1, "the file is larger than 1 MB", "Split it into several files.")
    try:
        text = content.decode("utf-8-sig")
        return _compose(text)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _unreadable(line, "the file is not UTF-8", "Save it with the encoding UTF-8.")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _unreadable(line, "a control character stands in this line", "Delete it.")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = _NO_ALIASES if isinstance(error, _AliasRefusedError) else _NO_YAML
        return _unreadable(mark.line + 1 if mark else 1, *words)
    except RecursionError:
        return _unreadable(1, "the file is nested too deeply", "Write a list of exports with plain keys.")


class _AliasRefusedError(yaml.MarkedYAMLError):
    """The file uses an alias."""


class _Loader(yaml.SafeLoader):
    """Safe loader that refuses aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose the next node."""
        if self.check_event(yaml.AliasEvent):
            mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # its stub has no types
            raise _AliasRefusedError(problem_mark=mark)
        return super().compose_node(parent, index)


def _compose(text: str) -> LocatedYaml:
    located = LocatedYaml()
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is not None:
            located.data = _value(loader, node, (), located)
    finally:
        loader.dispose()
    return located


def _value(loader: _Loader, node: yaml.Node, path: Path, located: LocatedYaml) -> object:
    """Return the plain value of a node, noting the line of everything in it."""
    located.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(loader, node)
    if node.tag not in _COLLECTIONS:
        return _UNREADABLE
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, path, located)
    return [_value(loader, item, (*path, index), located) for index, item in enumerate(node.value)]


def _mapping(loader: _Loader, node: yaml.MappingNode, path: Path, located: LocatedYaml) -> dict[str, object]:
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        key = _scalar(loader, key_node) if isinstance(key_node, yaml.ScalarNode) else _UNREADABLE
        line = key_node.start_mark.line + 1
        # Half a character, such as \ud800, keeps pydantic from looking at anything beside the key.
        if not isinstance(key, str) or _HALF_A_CHARACTER.search(key):
            unnamed = (*path, f"(line {line})")
            located.lines[unnamed] = line
            located.faults.append(
                Fault(unnamed, "must be a plain word", "Put it in quotes, and write no escapes.")
            )
            continue
        if key in values:
            message = f"stands twice, first in line {located.lines[*path, key]}"
            located.faults.append(Fault((*path, key), message, f"Keep one {shown(key)}."))
        located.lines[*path, key] = line
        values[key] = _value(loader, value_node, (*path, key), located)
    return values


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> object:
    if node.tag != _TEXT and len(node.value) > _LONGEST_NUMBER:
        return _UNREADABLE
    # The last three are what PyYAML lets out for such as 2026-02-30, !!bool x and !!timestamp x.
    try:
        value: object = loader.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError):
        return _UNREADABLE
    return value


def _unreadable(line: int, message: str, remedy: str) -> LocatedYaml:
    return LocatedYaml(lines={(): line}, faults=[Fault((), message, remedy)])
