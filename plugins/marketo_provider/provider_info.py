"""What the installed distribution tells Airflow: the connection types with their forms, and the settings.

Everything a person reads there comes from the models' own fields. Airflow reads this in each of its processes, so
it imports neither Airflow nor a vendor's client.
"""

from typing import Final

from pydantic import BaseModel, JsonValue

from marketo_provider.form_fields import FormField, form_fields
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.connection import MixpanelConnection
from marketo_provider.settings import SECTION, ProviderSettings

PACKAGE: Final = "airflow-provider-mixpanel-cohorts-to-marketo"
VERSION: Final = "0.1.0"

# Airflow's names for the kinds of values that its configuration knows.
_OPTION_TYPES: Final = {"boolean": "boolean", "integer": "integer", "number": "float", "string": "string"}


def get_provider_info() -> dict[str, JsonValue]:
    """Return the provider's description, the entry point `apache_airflow_provider`."""
    return {
        "package-name": PACKAGE,
        "name": "Mixpanel cohorts to Marketo",
        "description": "Keeps a Boolean field of Marketo leads true to a Mixpanel cohort.",
        "versions": [VERSION],
        "integrations": [
            {
                "integration-name": "Marketo",
                "external-doc-url": "https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/rest-api",
                "tags": ["service"],
            },
            {
                "integration-name": "Mixpanel",
                "external-doc-url": "https://developer.mixpanel.com/reference/query-api",
                "tags": ["service"],
            },
        ],
        "connection-types": [
            _connection_type(
                "marketo",
                hook_class="marketo_provider.hooks.marketo.MarketoHook",
                model=MarketoConnection,
                parts={"host": "rest_url", "login": "client_id", "password": "client_secret"},
                placeholders={"host": "https://123-ABC-456.mktorest.com/rest"},
            ),
            _connection_type(
                "mixpanel",
                hook_class="marketo_provider.hooks.mixpanel.MixpanelHook",
                model=MixpanelConnection,
                parts={"host": "base_url", "login": "username", "password": "secret"},
                placeholders={
                    "host": "leave empty for the region's own",
                    "login": "name.abc123.mp-service-account",
                },
            ),
        ],
        "extra-links": ["marketo_provider.operators.links.CohortExportLink"],
        "config": {
            SECTION: {
                "description": "Settings of the exports of Mixpanel cohorts to Marketo.",
                "options": {name: _option(field) for name, field in form_fields(ProviderSettings).items()},
            }
        },
    }


def _connection_type(
    name: str,
    *,
    hook_class: str,
    model: type[BaseModel],
    parts: dict[str, str],
    placeholders: dict[str, JsonValue],
) -> dict[str, JsonValue]:
    """Describe a connection form: the model's fields in the Connection's own parts, all others as extras."""
    fields = form_fields(model)
    return {
        "connection-type": name,
        "hook-class-name": hook_class,
        "hook-name": name.capitalize(),
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {part: fields[field].label for part, field in parts.items()},
            # Airflow's own *Test* refuses a Connection that has no port (apache/airflow pull request 73298).
            "placeholders": {"port": "0, for Test to work in Airflow 3.3.2", **placeholders},
        },
        "conn-fields": {
            key: _connection_field(field) for key, field in fields.items() if key not in parts.values()
        },
    }


def _connection_field(field: FormField) -> dict[str, JsonValue]:
    """Describe an extra; one that may be left empty is sent as null by the form."""
    schema = dict(field.schema)
    if not field.required and isinstance(schema["type"], str):
        schema["type"] = [schema["type"], "null"]
    return {"label": field.label, "description": field.description, "schema": schema}


def _option(field: FormField) -> dict[str, JsonValue]:
    """Describe a setting; the defaults of Airflow's configuration are texts."""
    kind, default, examples = (field.schema.get(key) for key in ("type", "default", "examples"))
    return {
        "description": field.description,
        "version_added": VERSION,
        "type": _OPTION_TYPES[str(kind[0] if isinstance(kind, list) else kind)],
        "example": str(examples[0]) if isinstance(examples, list) else None,
        "default": None if default is None else str(default),
    }
