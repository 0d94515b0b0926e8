"""README and docs/ are held to the code: what they name exists, what they quote is said, no key is missing."""

import ast
import importlib.util
import inspect
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from include.sandbox.clock import SystemClock
from include.sandbox.marketo import MarketoSandbox
from include.sandbox.mixpanel import MixpanelSandbox
from include.sandbox.wire import FaultKind, Request
from marketo_provider import errors
from marketo_provider.__main__ import main
from marketo_provider.export_files import load_exports
from marketo_provider.marketo.codes import Kind, http_meaning, meaning
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.notify import NOTICE_KINDS
from marketo_provider.run_parameters import RunParameters
from marketo_provider.settings import ProviderSettings
from marketo_provider.sync.report import Report
from tests.pages import PAGES, ROOT, blocks, everything, read, rows_under

ERRORS = read("docs/errors.md")
SHORT = 40  # what a message says around another's words, which are quoted where they stand
PARTS_OF_CONNECTIONS = {"rest_url", "client_id", "client_secret", "username", "secret", "base_url"}


def declared(model: type[BaseModel]) -> dict[str, Mapping[str, Any]]:
    """Return the properties of a model that a table shows; one without a default must be given."""
    properties = model.model_json_schema()["properties"]
    return {name: schema for name, schema in properties.items() if name not in PARTS_OF_CONNECTIONS}


def shown_default(schema: Mapping[str, Any], *, airflow_config: bool) -> str:
    """Return a default as a table shows it; Airflow's configuration writes True, YAML and JSON write true."""
    if "default" not in schema:
        return "required"
    default = schema["default"]
    if default is None:
        return "none"
    plain = isinstance(default, str) or (airflow_config and isinstance(default, bool))
    return f"`{default if plain else json.dumps(default)}`"


@cache
def modules_of_the_code() -> tuple[ast.Module, ...]:
    """Return the package's modules."""
    return tuple(
        ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "plugins" / "marketo_provider").rglob("*.py"))
    )


def text_of(node: ast.AST) -> str:
    """Return a text in the source, with `…` where a value is put in; empty if it is none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def texts_of_the_code() -> tuple[str, ...]:
    """Return every text in the package's source."""
    return tuple(text for tree in modules_of_the_code() for node in ast.walk(tree) if (text := text_of(node)))


TABLES = [
    ("docs/settings.md", "### Connection of type marketo", "extra", MarketoConnection),
    ("docs/settings.md", "### Connection of type mixpanel", "extra", MixpanelConnection),
    ("docs/settings.md", "## Settings", "setting", ProviderSettings),
    ("docs/using.md", "## Run an export", "parameter", RunParameters),
]


@pytest.mark.parametrize(("page", "heading", "column", "model"), TABLES)
def test_a_table_has_every_key_and_no_other(page: str, heading: str, column: str, model: type[BaseModel]) -> None:
    """What a user may write is there, in the order of the model."""
    assert list(rows_under(page, heading, column)) == list(declared(model))


@pytest.mark.parametrize(("page", "heading", "column", "model"), TABLES)
def test_a_table_has_the_defaults_and_the_descriptions(
    page: str, heading: str, column: str, model: type[BaseModel]
) -> None:
    """Each row says what the model says; the page may add to it."""
    rows = rows_under(page, heading, column)

    for name, schema in declared(model).items():
        default, meaning_of_it = rows[name]
        assert default == shown_default(schema, airflow_config=model is ProviderSettings), name
        assert meaning_of_it.replace("`", "").startswith(schema["description"]), name


@pytest.mark.airflow
def test_the_network_extras_are_those_that_the_hooks_take() -> None:
    """The keys that go to Airflow's HTTP hook are in the table, and no other."""
    from marketo_provider.hooks.http_session import NETWORK_KEYS  # noqa: PLC0415 - needs Airflow

    assert set(rows_under("docs/settings.md", "### Network extras of both types", "extra")) == NETWORK_KEYS


def test_every_kind_of_notice_is_explained() -> None:
    """The table has each that `tell_of` takes."""
    assert list(rows_under("docs/being-told.md", "# Be told", "`tell_of`")) == list(NOTICE_KINDS)


def test_every_figure_of_a_report_is_explained() -> None:
    """The table of the report has each of its keys."""
    figures = rows_under("docs/report.md", "# Read a report", "figure")

    assert set(re.findall(r"\w+", " ".join(figures))) == set(Report.model_fields)


def test_the_environment_variables_make_connections() -> None:
    """The examples for both Connections can be pasted."""
    examples = dict(re.findall(r"export AIRFLOW_CONN_(\w+)_DEFAULT='(.*)'", read("README.md")))
    marketo, mixpanel = json.loads(examples["MARKETO"]), json.loads(examples["MIXPANEL"])

    for parts in (marketo, mixpanel):
        model = MarketoConnection if parts.pop("conn_type") == "marketo" else MixpanelConnection
        model.from_parts("example", **{"host": None, **parts})


@pytest.mark.parametrize("page", ["README.md", "docs/being-told.md"])
def test_the_yaml_example_is_valid(page: str, tmp_path: Path) -> None:
    """A page's example of an exports file loads."""
    (example,) = blocks(page, "yaml")
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")

    loaded = load_exports(tmp_path)

    assert [export.name for export in loaded.exports] == ["trial_users"]
    assert loaded.problems == ()


@pytest.mark.airflow
def test_the_dag_of_ones_own_is_built() -> None:
    """The first Python example runs and makes a DAG with one task."""
    example, *_ = blocks("docs/using.md", "python")
    names: dict[str, Any] = {}

    exec(example, names)  # noqa: S102 - our own page

    assert names["dag"].task_ids == ["export_trial_users"]


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"python -m marketo_provider ([a-z]+(?: [a-z]+)?)", everything())))
)
def test_a_command_exists(command: str) -> None:
    """Every command of the provider that a page mentions is one."""
    words = command.split()
    known = words if words[0] == "state" else words[:1]

    with pytest.raises(SystemExit) as ended:
        main([*known, "--help"])

    assert ended.value.code == 0


def test_every_state_command_is_mentioned() -> None:
    """None is left out of docs/state.md."""
    page = read("docs/state.md")
    source = (ROOT / "plugins" / "marketo_provider" / "cli" / "state.py").read_text(encoding="utf-8")

    for action in re.findall(r'actions\.add_parser\("(\w+)"', source):
        assert f"python -m marketo_provider state {action}" in page


def test_every_make_target_exists() -> None:
    """Every `make` target that a page mentions is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    targets |= {
        f"bench-{module.stem.replace('_', '-')}" for module in (ROOT / "tests" / "benchmarks").glob("*.py")
    }
    mentioned = set(re.findall(r"(?:^|`)make ([a-z-]+)", everything(), re.MULTILINE))

    assert mentioned
    assert mentioned <= targets


def test_every_module_that_is_run_exists() -> None:
    """So is every other module that a page runs by `python -m`."""
    modules = set(re.findall(r"python -m ([\w.]+)", everything()))

    assert all(importlib.util.find_spec(module) for module in modules)


def test_every_admin_route_and_fault_of_the_sandbox_is_listed() -> None:
    """docs/sandbox.md has each route of both admin APIs and each kind of fault."""
    page = read("docs/sandbox.md")
    clock = SystemClock()
    vendors = MarketoSandbox(clock), MixpanelSandbox(clock, username="user", secret="secret", project_id=1)
    unknown = Request("GET", "/_sandbox/nothing", {}, {}, b"")

    routes = {route for vendor in vendors for route in json.loads(vendor.admin(unknown).body)["routes"]}

    assert {name for name in routes if f"`{name}`" not in page} == set()
    assert {kind for kind in get_args(FaultKind) if f"| `{kind}` |" not in page} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and its anchor a heading."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9_ -]", "", one.lower()).replace(" ", "-") for one in headings}


KINDS = {
    errors.StopAndAsk: "a person",
    errors.TryAgain: "it may pass",
    errors.WaitUntil: "a known time",
    errors.NothingToDo: "nothing to do",
}


def test_every_kind_of_error_is_listed() -> None:
    """The classes that a caller meets are in docs/errors.md, each under what Airflow does about it."""
    classes = [
        each for _, each in inspect.getmembers(errors, inspect.isclass) if each.__module__ == errors.__name__
    ]
    leaves = {
        each.__name__: KINDS[each.__mro__[1]]
        for each in classes
        if issubclass(each, errors.MarketoProviderError) and not each.__subclasses__()
    }

    listed = {name: row[0] for name, row in rows_under("docs/errors.md", "## How a task ends", "class").items()}

    assert listed == leaves | {"VendorUnavailable": "a vendor is down"}


def test_every_marketo_code_is_listed() -> None:
    """A code that the client knows can be looked up; those of a row are of one kind, so that one advice fits."""
    rows = rows_under("docs/errors.md", "## Marketo's codes", "code")
    listed = [re.findall(r"\d{3,4}", codes) for codes in rows if codes != "any other"]
    known = {str(code) for code in range(400, 1100) if meaning(str(code)).kind is not Kind.UNKNOWN}

    assert sorted(code for codes in listed for code in codes) == sorted(known)
    assert [codes for codes in listed if len({meaning(code).kind for code in codes}) > 1] == []


def test_every_status_of_http_is_listed() -> None:
    """Each that the client tells from others of its hundred is named."""
    rows = rows_under("docs/errors.md", "## Marketo's codes", "status")
    usual = {hundred: http_meaning(hundred * 100 + 99) for hundred in (3, 4, 5)}
    own = {str(status) for status in range(300, 600) if http_meaning(status) != usual[status // 100]}

    assert own == set(re.findall(r"\b\d{3}\b", " ".join(rows)))
    assert {"3xx", "other 4xx"} <= set(rows)
    assert any("5xx" in status for status in rows)


def quoted_messages() -> list[str]:
    """Return what docs/errors.md quotes, each as a pattern for texts of the code."""
    quoted = re.findall(r'"([^"]+)"', "\n".join(re.findall(r'^\| (".*?) \|', ERRORS, re.MULTILINE)))
    return [".*".join(re.escape(part.strip()) for part in quote.split("…")) for quote in quoted]


def test_quoted_messages_are_those_of_the_code() -> None:
    """What docs/errors.md quotes is a part of a text in the source, with … for values."""
    quoted = quoted_messages()

    strange = [
        quote for quote in quoted if not any(re.search(quote, text, re.DOTALL) for text in texts_of_the_code())
    ]

    assert len(quoted) > 100
    assert strange == []


def test_every_message_is_quoted() -> None:
    """An error that is raised with words of its own can be looked up; its kind alone would not tell what to do."""
    classes = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    raised = [
        text_of(call.args[0])
        for tree in modules_of_the_code()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in classes and call.args
    ]
    own_words = [text for text in raised if len(text.replace("…", "")) > SHORT]

    assert len(own_words) > 70
    assert [
        text for text in own_words if not any(re.search(row, text, re.DOTALL) for row in quoted_messages())
    ] == []
