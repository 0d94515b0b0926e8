"""The YAML reference for people, as Markdown: made from the same JSON Schema that editors read.

So no key, limit or default can be documented otherwise than it is checked.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from marketo_provider.exports import LARGEST, ExportFile

_INTRO: Final = """\
<!-- Made by `make reference` from plugins/marketo_provider/exports.py: change it there. -->
# The YAML of an export

Each `.yaml` file below `include/exports/` holds a list `exports`, of one export or several. Each becomes a DAG.

```yaml
# yaml-language-server: $schema=exports.schema.json
exports:
  - name: trial_users
    cohort_id: 1001
    marketo_field: mixpanelTrialUsers
    sync_type: dynamic
  - name: newsletter_launch
    cohort_id: 1002
    marketo_field: mixpanelNewsletterLaunch
    sync_type: one_time
    create_leads: false
    tags: [mixpanel, marketo]
```

The first line lets an editor complete the keys, from `include/exports/exports.schema.json`. Keys that are not
listed here are refused, and so are two exports of one name, or of one field through the same Connection. Before
Airflow reads the files, `python -m marketo_provider validate` names every problem with file, line, key and remedy.
"""
_WORDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def reference() -> str:
    """Return the page: the keys of an export, then those of each mapping within."""
    schema = ExportFile.model_json_schema()
    definitions: Mapping[str, Any] = schema["$defs"]
    order = sorted(definitions, key=lambda name: name != "CohortExport")
    return "\n".join([_INTRO, *(line for name in order for line in _section(name, definitions[name]))]) + "\n"


def _section(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield a mapping's heading and its table."""
    yield f"## {_title(name)}"
    yield ""
    yield _plain(schema["description"])
    yield ""
    yield "| key | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for key, declared in schema.get("properties", {}).items():
        cells = (f"`{key}`", _value(declared), _default(declared), _plain(declared["description"]))
        yield f"| {' | '.join(cells)} |"


def _value(schema: Mapping[str, Any]) -> str:
    """Say in words what may be written."""
    if "anyOf" in schema:
        return " or ".join(_value(choice) for choice in schema["anyOf"] if choice.get("type") != "null")
    if "$ref" in schema:
        title = _title(schema["$ref"].rpartition("/")[2])
        return f"[{title}](#{title.lower().replace(' ', '-')})"
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list: {_value(schema['items'])}"
    if schema.get("type") == "object":
        return "mapping"
    words = "date" if schema.get("format") == "date" else _WORDS.get(schema.get("type", ""), "anything")
    return f"{words}{_limits(schema)}"


def _limits(schema: Mapping[str, Any]) -> str:
    least, most, longest = schema.get("minimum"), schema.get("maximum"), schema.get("maxLength")
    if longest is not None:
        return f", at most {longest} characters"
    if most is not None and most < LARGEST:
        return f", {least:,} to {most:,}"
    return "" if least is None else f", at least {least:,}"


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema:
        return "required"
    default = schema["default"]
    return "none" if default is None else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _title(name: str) -> str:
    """Return a model's name in words: `CohortExport` is a cohort export."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _plain(text: str) -> str:
    """Keep what Markdown would take for its own signs."""
    return re.sub(r"[*<|]", r"\\\g<0>", " ".join(text.split()))
