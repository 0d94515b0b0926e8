"""The folder of exports: every good one, and everything that is wrong with the others.

A wrong export is left out and named; it never takes a good one down. Of two exports that collide neither is
loaded, since nobody but their author can say which of them is meant.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from marketo_provider import wording
from marketo_provider.export_problems import ExportProblem
from marketo_provider.export_yaml import LocatedYaml, read_yaml
from marketo_provider.exports import CohortExport, ExportFile
from marketo_provider.notify import Notifier

_LAYOUT: Final = "Begin the file with exports: and, below it, a list of exports."
_RENAME: Final = "Give each export its own name."
_NEW_FIELD: Final = "Create a Boolean field in Marketo for each: they would overwrite each other's flags."


@dataclass(frozen=True, slots=True)
class LoadedExports:
    """What a folder declares."""

    exports: tuple[CohortExport, ...]
    problems: tuple[ExportProblem, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """One item of a file's list, right or wrong."""

    file: str
    located: LocatedYaml
    path: wording.Path
    raw: object
    export: CohortExport | None

    def text(self, key: str) -> str | None:
        """Return the value or the default of a key, where that is a text."""
        default = CohortExport.model_fields[key].default
        value = self.raw.get(key, default) if isinstance(self.raw, dict) else None
        return value if isinstance(value, str) else None

    def line(self, key: str) -> int:
        """Return the line of a key."""
        return self.located.line((*self.path, key))

    def label(self) -> str:
        """Return what a message calls the export."""
        name = self.text("name")
        return wording.shown(name) if name else f"number {int(self.path[1]) + 1}"


@dataclass(frozen=True, slots=True)
class _Collision:
    """Two exports that cannot both be meant."""

    first: _Item
    second: _Item
    problem: ExportProblem


Look = Callable[[CohortExport], Iterable[wording.Fault]]


def load_exports(folder: Path, *, also: Mapping[str, bytes] = {}, look: Look | None = None) -> LoadedExports:
    """Read every `.yaml` and `.yml` file below a folder.

    Args:
        folder: usually `include/exports`. Files and folders whose name begins with a dot are passed over.
        also: files that are not there yet, by their names, each with its content; they come last.
        look: says what else is wrong with an export that can run all the same.

    Returns:
        The exports that can run, in the order of their files, and every problem of these and the others.
    """
    there = _is_folder(folder)
    found = _files(folder) if there else []
    files: dict[str, Callable[[], bytes]] = {
        path.relative_to(folder).as_posix(): path.read_bytes for path in found
    }
    files |= {name: partial(bytes, content) for name, content in also.items()}
    loaded = read_exports({f"{folder.name}/{name}": read for name, read in files.items()}, look=look)
    if there:
        return loaded
    remedy = "Create it, with a YAML file in it."
    missing = ExportProblem(folder.name, 1, "", "", "there is no such folder", remedy)
    return LoadedExports(loaded.exports, tuple(sorted([missing, *loaded.problems])))


def read_exports(files: Mapping[str, Callable[[], bytes]], *, look: Look | None = None) -> LoadedExports:
    """Read the files of a folder, each of which is given by its name and what returns its content."""
    items: list[_Item] = []
    problems: list[ExportProblem] = []
    for file, read in files.items():
        try:
            located = read_yaml(read())
        except OSError:
            remedy = "Look at its permissions."
            problems.append(ExportProblem(file, 1, "", "", "the file cannot be read", remedy))
            continue
        faults = [*located.faults, *_check(located.data)]
        found = _items(file, located, wrong={fault.path[:2] for fault in faults})
        for item in found:
            extra = look(item.export) if look and item.export else ()
            faults += [replace(fault, path=(*item.path, *fault.path)) for fault in extra]
        problems += [_problem(file, located, fault, found) for fault in faults]
        items += found
    collisions = list(_collisions(items))
    problems += [collision.problem for collision in collisions]
    unclear = {id(item) for collision in collisions for item in (collision.first, collision.second)}
    good = tuple(item.export for item in items if item.export and id(item) not in unclear)
    return LoadedExports(good, tuple(sorted(problems)))


def _is_folder(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # a name that is too long, or below a folder that one may not enter
        return False


def _files(folder: Path) -> list[Path]:
    """Return the files in a fixed order, without hidden ones.

    A folder mounted from a ConfigMap holds each file twice, once below a folder that begins with a dot.
    """
    found = [path for pattern in ("*.yaml", "*.yml") for path in folder.rglob(pattern)]
    return sorted(
        path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _check(data: object) -> list[wording.Fault]:
    """Return what the model finds wrong in a file; one that holds nothing declares nothing."""
    if data is None:
        return []
    try:
        ExportFile.model_validate(data)
    except ValidationError as error:
        return [
            wording.explain(details, _declaring(details["loc"]))
            for details in error.errors(include_url=False, include_input=False)
        ]
    return []


def _declaring(path: wording.Path) -> type[BaseModel]:
    """Return the model that declares the key at `path`."""
    if path[2:3] == ("notify",) and len(path) > len(("exports", 0, "notify", 0)):
        return Notifier
    return CohortExport if len(path) > len(("exports", 0)) else ExportFile


def _items(file: str, located: LocatedYaml, *, wrong: set[wording.Path]) -> list[_Item]:
    """Return the items of a file's list; those with a fault have no export."""
    listed = located.data.get("exports") if isinstance(located.data, dict) else None
    items = []
    for index, raw in enumerate(listed if isinstance(listed, list) else []):
        path = ("exports", index)
        export = None if path in wrong else CohortExport.model_validate(raw)
        items.append(_Item(file, located, path, raw, export))
    return items


def _problem(file: str, located: LocatedYaml, fault: wording.Fault, items: list[_Item]) -> ExportProblem:
    label = next((item.label() for item in items if item.path == fault.path[:2]), "")
    inside = fault.path[2:] if label else fault.path
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{wording.shown(part)}" for part in inside)
    line = located.line(fault.path)
    return ExportProblem(file, line, label, key.removeprefix("."), fault.message, fault.remedy or _LAYOUT)


def _collisions(items: list[_Item]) -> Iterator[_Collision]:
    """Yield the pairs of exports that share a name, or a field of one Connection."""
    names: dict[str, _Item] = {}
    targets: dict[tuple[str, str], _Item] = {}
    for item in items:
        name, field, connection = (item.text(key) for key in ("name", "marketo_field", "marketo_conn_id"))
        if name and (first := names.setdefault(name, item)) is not item:
            yield _collision(first, item, "name", remedy=_RENAME)
        if field and connection:
            # Marketo tells no two fields apart by case.
            first = targets.setdefault((connection, field.lower()), item)
            if first is not item:
                yield _collision(first, item, "marketo_field", remedy=_NEW_FIELD)


def _collision(first: _Item, second: _Item, key: str, *, remedy: str) -> _Collision:
    message = f"is also that of export {first.label()} ({first.file}, line {first.line(key)})"
    return _Collision(
        first, second, ExportProblem(second.file, second.line(key), second.label(), key, message, remedy)
    )
