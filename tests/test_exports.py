"""What an export may say, and what the loader makes of a folder of them."""

import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from marketo_provider.exports import CohortExport, json_schema

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "include" / "exports"
GOOD: dict[str, object] = {
    "name": "trial_users",
    "cohort_id": 1001,
    "marketo_field": "mixpanelTrialUsers",
    "sync_type": "dynamic",
}
ONE_TIME = {**GOOD, "sync_type": "one_time"}

REFUSED = [
    {**GOOD, "name": "Trial users"},
    {**GOOD, "name": ""},
    {**GOOD, "name": "a" * 201},
    {**GOOD, "name": "trial_users\n"},
    {**GOOD, "cohort_id": "1001"},
    {**GOOD, "cohort_id": True},
    {**GOOD, "cohort_id": 10.5},
    {**GOOD, "cohort_id": 0},
    {**GOOD, "marketo_field": "Trial Users"},
    {**GOOD, "marketo_field": "1st"},
    {**GOOD, "marketo_field": "a" * 256},
    {**GOOD, "sync_type": "hourly"},
    {**GOOD, "schedule": "every two hours"},
    {**GOOD, "schedule": "0 */2 * *"},
    {**GOOD, "schedule": "0 0 */2 * * *"},
    {**GOOD, "schedule": "R * * * *"},
    {**GOOD, "schedule": "@once"},
    {**ONE_TIME, "schedule": "0 */2 * * *"},
    {**GOOD, "create_leads": "yes"},
    {**GOOD, "partition": ""},
    {**GOOD, "max_exit_share": 1.1},
    {**GOOD, "max_exit_share": -0.1},
    {**GOOD, "max_entry_share": -1},
    {**GOOD, "max_reject_share": 2},
    {**GOOD, "max_drift_share": True},
    {**GOOD, "max_changes_per_run": 0},
    {**GOOD, "retries": -1},
    {**GOOD, "retry_delay_seconds": 0},
    {**GOOD, "pool": ""},
    {**GOOD, "mixpanel_conn_id": "two words"},
    {**GOOD, "marketo_conn_id": ""},
    {**GOOD, "start_date": 2026},
    {**GOOD, "start_date": "31.01.2026"},
    {**GOOD, "owner": ""},
    {**GOOD, "tags": "marketo"},
    {**GOOD, "tags": ["a" * 101]},
    {**GOOD, "description": ["text"]},
    {**GOOD, "notify": "somebody"},
    {**GOOD, "notify": [{"arguments": {}}]},
    {**GOOD, "notify": [{"notifier": "SmtpNotifier"}]},
    {**GOOD, "notify": [{"notifier": "some.Notifier", "arguments": ["to"]}]},
    {**GOOD, "notify": [{"notifier": "some.Notifier", "tell_of": []}]},
    {**GOOD, "notify": [{"notifier": "some.Notifier", "tell_of": ["everything"]}]},
    {**GOOD, "notify_refused_share": 1.5},
    {**GOOD, "stale_after": 6},
    {**GOOD, "stale_after": "6 hours"},
    {**GOOD, "stale_after": "0h"},
    {**ONE_TIME, "stale_after": "6h"},
    {key: value for key, value in GOOD.items() if key != "cohort_id"},
]
ACCEPTED = [
    GOOD,
    ONE_TIME,
    {**GOOD, "name": "2_trials"},
    {**GOOD, "schedule": "@hourly"},
    {**GOOD, "schedule": "0,30 8-18/2 * jan-jun mon,fri"},
    {**GOOD, "max_entry_share": 3},
    {**GOOD, "max_exit_share": 0},
    {**GOOD, "max_changes_per_run": 10_000},
    {**GOOD, "retries": 0},
    {**GOOD, "start_date": "2026-01-31"},
    {**GOOD, "tags": []},
    {**GOOD, "notify": [{"notifier": "some.Notifier", "arguments": {"to": ["a", 1]}, "tell_of": ["stale"]}]},
    {**GOOD, "stale_after": "90m"},
]


@pytest.mark.parametrize("raw", REFUSED, ids=str)
def test_a_wrong_value_is_refused(raw: dict[str, object]) -> None:
    """Every key has its type and its bounds, and there are no other keys."""
    with pytest.raises(ValidationError):
        CohortExport.model_validate(raw)


@pytest.mark.parametrize("raw", ACCEPTED, ids=str)
def test_a_good_value_is_accepted(raw: dict[str, object]) -> None:
    """What the design allows is taken."""
    export = CohortExport.model_validate(raw)

    assert export.cohort_id == 1001


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "61 * * * *", "0 0 * xyz *"])
def test_a_schedule_that_never_comes_is_refused(schedule: str) -> None:
    """Five fields of the right shape are not enough: the moment must exist."""
    with pytest.raises(ValidationError, match="never comes"):
        CohortExport.model_validate({**GOOD, "schedule": schedule})


def test_defaults_are_those_of_the_design() -> None:
    """An export that says only what it must gets the documented rest."""
    export = CohortExport.model_validate(GOOD)

    assert export.model_dump(exclude=set(GOOD)) == {
        "schedule": "0 */2 * * *",
        "create_leads": True,
        "partition": None,
        "max_exit_share": 0.5,
        "max_entry_share": 1.0,
        "max_reject_share": 0.5,
        "max_drift_share": 0.05,
        "max_changes_per_run": None,
        "retries": 2,
        "retry_delay_seconds": 300,
        "pool": "default_pool",
        "mixpanel_conn_id": "mixpanel_default",
        "marketo_conn_id": "marketo_default",
        "start_date": date(2025, 1, 1),
        "owner": None,
        "tags": (),
        "description": None,
        "notify": (),
        "notify_refused_share": 0.01,
        "stale_after": None,
    }


def test_a_one_time_export_has_no_schedule() -> None:
    """Nothing starts it but a person."""
    assert CohortExport.model_validate(ONE_TIME).schedule is None


def test_the_dag_is_named_after_the_export() -> None:
    """The name becomes part of the DAG's id."""
    assert CohortExport.model_validate(GOOD).dag_id == "cohort_export__trial_users"


def test_every_key_is_explained() -> None:
    """Forms, files and messages take their words from the descriptions."""
    assert [name for name, field in CohortExport.model_fields.items() if not field.description] == []


def test_the_committed_schema_is_fresh() -> None:
    """If this fails: `make reference`."""
    assert (EXAMPLES / "exports.schema.json").read_text(encoding="utf-8") == json_schema()


@pytest.mark.parametrize("raw", ACCEPTED, ids=str)
def test_the_schema_accepts_what_the_model_accepts(raw: dict[str, object]) -> None:
    """An editor does not mark what will load."""
    jsonschema.validate({"exports": [raw]}, json.loads(json_schema()))


@pytest.mark.parametrize("raw", [raw for raw in REFUSED if raw["name"] != "trial_users\n"], ids=str)
def test_the_schema_refuses_what_the_model_refuses(raw: dict[str, object]) -> None:
    """An editor marks what will not load."""
    validator = jsonschema.Draft202012Validator(
        json.loads(json_schema()), format_checker=jsonschema.FormatChecker()
    )

    assert not validator.is_valid({"exports": [raw]})


@pytest.mark.parametrize("name", ["trial_users.yaml", "newsletter_launch.yaml"])
def test_an_example_points_editors_to_the_schema_and_keeps_to_it(name: str) -> None:
    """The first line of each example names the schema, which the example satisfies."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")

    assert text.startswith("# yaml-language-server: $schema=exports.schema.json\n")
    jsonschema.validate(yaml.safe_load(text), json.loads(json_schema()))
