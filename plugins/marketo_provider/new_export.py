"""An export that is being declared: its keys, the YAML to commit, and whether that would load beside the others.

Whoever asks a person for the keys, at a terminal or on a page, comes here. Nothing is judged but by the model and
the loader that Airflow reads the file with.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from pydantic import ValidationError

from marketo_provider.errors import InvalidExport
from marketo_provider.export_files import load_exports, read_exports
from marketo_provider.export_problems import problems_text
from marketo_provider.exports import CohortExport
from marketo_provider.wording import explain

_LONGEST_NAME = 60
_FOR_EDITORS = "# yaml-language-server: $schema=exports.schema.json\n"


@dataclass(frozen=True, slots=True)
class OtherExport:
    """An export that is declared already, as far as a new one must not collide with it."""

    name: str
    marketo_field: str
    marketo_conn_id: str


def check_key(key: str, value: object) -> None:
    """Refuse a value that a key may not have.

    Raises:
        InvalidExport: says what is wrong, and the remedy.
    """
    try:
        CohortExport.model_validate({key: value})
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            if details["loc"][:1] == (key,):
                fault = explain(details, CohortExport)
                raise InvalidExport(f"{key}: {fault.message}. {fault.remedy}") from None


def check_name(name: str, others: Iterable[OtherExport]) -> None:
    """Refuse a name that no export may have, or that another one has.

    Raises:
        InvalidExport: says which.
    """
    check_key("name", name)
    if any(other.name == name for other in others):
        raise InvalidExport(f"There is an export {name!r} already. Give each export its own name.")


def propose_name(cohort_name: str) -> str:
    """Return a name for the export of a cohort."""
    words = re.findall(r"[a-z0-9]+", cohort_name.lower())
    return "_".join(words)[:_LONGEST_NAME].strip("_") or "cohort"


def to_yaml(keys: Mapping[str, object]) -> str:
    """Return the file that declares one export; keys with their default's value are left out."""
    fields = CohortExport.model_fields
    told = {
        key: keys[key]
        for key in fields
        if key in keys and (fields[key].is_required() or keys[key] != fields[key].default)
    }
    return _FOR_EDITORS + yaml.safe_dump({"exports": [told]}, sort_keys=False, allow_unicode=True)


def check_yaml(text: str, *, file: str, folder: Path | None = None) -> CohortExport:
    """Return the export of a file that is to be added to a folder.

    Args:
        text: what the file is to hold.
        file: its path below the folder.
        folder: of the other exports, where it can be read.

    Raises:
        InvalidExport: it is wrong, or has the name or the field of another one.
    """
    content = text.encode()
    own = f"{folder.name}/{file}" if folder else file
    loaded = load_exports(folder, also={file: content}) if folder else read_exports({own: partial(bytes, content)})
    if problems := [problem for problem in loaded.problems if problem.file == own]:
        raise InvalidExport(problems_text(problems))
    return loaded.exports[-1]


def add_file(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        InvalidExport: it is there, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidExport(f"{path.name} is there already, and is not written over. Name a new file.") from None
    except OSError as error:
        raise InvalidExport(f"{path.name} could not be written ({error.strerror}). Write it by hand.") from None
