"""What Airflow learns of the provider, held to Airflow's own schemas and its own readers."""

import json
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from subprocess import run
from typing import Any

import jsonschema
import pytest

from marketo_provider.provider_info import get_provider_info
from marketo_provider.settings import ProviderSettings

pytestmark = pytest.mark.airflow

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def airflow_schema(name: str) -> dict[str, Any]:
    """Return one of the JSON Schemas that Airflow ships."""
    schema: dict[str, Any] = json.loads((files("airflow") / name).read_text(encoding="utf-8"))
    return schema


def info() -> Any:
    """Return the provider's description, as Airflow gets it."""
    return json.loads(json.dumps(get_provider_info()))


def connection_type(name: str) -> Any:
    """Return one connection type's description."""
    (found,) = [each for each in info()["connection-types"] if each["connection-type"] == name]
    return found


def test_airflow_accepts_the_description() -> None:
    """What Airflow checks when it starts holds, and so does the stricter schema of its own providers' forms."""
    forms = airflow_schema("provider.yaml.schema.json")["properties"]["connection-types"]

    jsonschema.validate(info(), airflow_schema("provider_info.schema.json"))
    jsonschema.validate(info()["connection-types"], forms)


def test_the_description_is_that_of_the_distribution() -> None:
    """Airflow refuses a provider that calls itself otherwise than its distribution."""
    assert info()["package-name"] == PROJECT["name"]
    assert info()["versions"] == [PROJECT["version"]]


def test_the_marketo_form_asks_for_what_marketo_shows() -> None:
    """The standard parts carry Marketo's own names, and what has no meaning is hidden."""
    form = connection_type("marketo")

    assert form["hook-class-name"] == "marketo_provider.hooks.marketo.MarketoHook"
    assert form["ui-field-behaviour"]["relabeling"] == {
        "host": "REST URL",
        "login": "Client ID",
        "password": "Client Secret",
    }
    assert form["ui-field-behaviour"]["hidden-fields"] == ["schema"]
    assert set(form["conn-fields"]) == {
        "calls_per_20_seconds",
        "concurrent_calls",
        "daily_quota",
        "quota_share",
        "replay_after_seconds",
        "bulk_jobs_queued",
        "partition",
    }


def test_the_mixpanel_form_asks_for_what_mixpanel_shows() -> None:
    """The service account stands in the standard parts, the project among the extras."""
    form = connection_type("mixpanel")

    assert form["hook-class-name"] == "marketo_provider.hooks.mixpanel.MixpanelHook"
    assert set(form["ui-field-behaviour"]["relabeling"]) == {"host", "login", "password"}
    assert form["ui-field-behaviour"]["hidden-fields"] == ["schema"]
    assert set(form["conn-fields"]) == {
        "project_id",
        "region",
        "workspace_id",
        "page_size",
        "concurrent_pages",
        "allowed_missing_profiles",
    }


def test_extras_show_the_model_s_defaults_and_choices() -> None:
    """The form offers what the connection would take without it, and may be left empty but for the project."""
    marketo, mixpanel = connection_type("marketo")["conn-fields"], connection_type("mixpanel")["conn-fields"]

    assert marketo["calls_per_20_seconds"]["schema"]["default"] == 50
    assert mixpanel["region"]["schema"]["enum"] == ["us", "eu", "in"]
    assert mixpanel["project_id"]["schema"]["type"] == "integer"
    assert [
        key
        for key, field in (marketo | mixpanel).items()
        if "null" not in field["schema"]["type"] and key != "project_id"
    ] == []


def test_every_setting_is_declared() -> None:
    """`airflow config list` shows each, with words and an example."""
    options = info()["config"]["marketo_provider"]["options"]

    assert {key: option["type"] for key, option in options.items()} == {
        "state_url": "string",
        "state_conn_id": "string",
        "state_is_shared": "boolean",
        "lease_seconds": "integer",
        "max_profiles": "integer",
        "memory_limit": "string",
        "keep_runs_days": "integer",
        "dry_run": "boolean",
    }
    assert all(option["description"] and option["example"] for option in options.values())


def test_airflow_s_defaults_make_good_settings(tmp_path: Path) -> None:
    """What Airflow's configuration gives when nothing is set is what the settings' own defaults are."""
    from airflow.configuration import create_default_config_parser  # noqa: PLC0415 - slow, and for this test only

    parser = create_default_config_parser(info()["config"])

    settings = ProviderSettings.parse(dict(parser.items("marketo_provider", raw=True)))

    assert settings.state_url.endswith("/marketo_state")
    assert settings == ProviderSettings(state_url=settings.state_url)


def test_every_setting_s_example_is_a_good_one() -> None:
    """An example can be copied."""
    options = info()["config"]["marketo_provider"]["options"]

    settings = ProviderSettings.parse({key: option["example"] for key, option in options.items()})

    assert settings.state_url == "s3://my-bucket/marketo_state"


def test_describing_the_provider_does_not_import_airflow() -> None:
    """Each of Airflow's processes asks for the description while it starts."""
    code = (
        "import sys; from marketo_provider.provider_info import get_provider_info as g; g();"
        "sys.exit('airflow' in sys.modules)"
    )

    done = run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own interpreter and text

    assert done.returncode == 0
