"""What one run may be asked to do differently."""

import pytest

from marketo_provider.errors import InvalidSetting
from marketo_provider.run_parameters import RunParameters, parameter_fields

EVERYTHING: dict[str, object] = {
    "dry_run": True,
    "full_refresh": True,
    "allow_exits": 12_000,
    "allow_entries": 50_000,
    "retry_refused": True,
    "adopt": True,
    "marketo_field": "mixpanelSecondLaunch",
}


def test_nothing_asked_changes_nothing() -> None:
    """Every parameter is off or empty by default."""
    parameters = RunParameters.parse({}, sync_type="dynamic")

    assert parameters.model_dump() == {
        "dry_run": False,
        "full_refresh": False,
        "allow_exits": None,
        "allow_entries": None,
        "retry_refused": False,
        "adopt": False,
        "marketo_field": None,
    }


def test_all_can_be_asked_at_once() -> None:
    """What the form sends arrives."""
    parameters = RunParameters.parse(EVERYTHING, sync_type="one_time")

    assert parameters.model_dump() == EVERYTHING


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dry_run", "false", "must be true or false"),
        ("dry_run", 1, "must be true or false"),
        ("dry_run", None, "must be true or false"),
        ("allow_exits", "12000", "must be a whole number"),
        ("allow_exits", True, "must be a whole number"),
        ("allow_entries", 0, "must be at least 1"),
        ("allow_entries", -5, "must be at least 1"),
        ("adopt", "yes", "must be true or false"),
        ("marketo_field", "A Display Name", "is not written as it has to be"),
        ("marketo_field", "", "is not written as it has to be"),
        ("allow_exit", 5, "is not a known key. Did you mean allow_exits?"),
    ],
)
def test_nonsense_is_refused_by_name(key: str, value: object, message: str) -> None:
    """A run's conf is written by hand: a near miss must not be taken for "no"."""
    with pytest.raises(InvalidSetting) as caught:
        RunParameters.parse({key: value}, sync_type="one_time")

    assert str(caught.value).startswith(f"Run parameter {key}: {message}")


def test_all_mistakes_are_named_at_once() -> None:
    """One try is enough to learn of all of them."""
    with pytest.raises(InvalidSetting) as caught:
        RunParameters.parse({"dry_run": 3, "allow_exits": 0}, sync_type="dynamic")

    assert "dry_run: must be" in str(caught.value)
    assert "allow_exits: must be" in str(caught.value)


def test_no_message_quotes_what_was_written() -> None:
    """A value or a key may hold an address."""
    with pytest.raises(InvalidSetting) as caught:
        RunParameters.parse({"jane@example.com": 1, "adopt": "jane@example.com"}, sync_type="dynamic")

    assert "jane" not in str(caught.value)


def test_a_dynamic_export_is_not_sent_to_another_field() -> None:
    """Its field belongs to it; another field is another export."""
    with pytest.raises(InvalidSetting, match="marketo_field: is for one-time exports only"):
        RunParameters.parse({"marketo_field": "other"}, sync_type="dynamic")


def test_a_dynamic_export_takes_the_empty_field_of_a_form() -> None:
    """A field that was left empty asks nothing."""
    assert not RunParameters.parse({"marketo_field": None}, sync_type="dynamic").dry_run


def test_the_form_of_a_one_time_export_asks_everything() -> None:
    """The form has the model's fields, flat as Airflow takes them, with words for each."""
    fields = parameter_fields("one_time")

    assert {name: field.schema["type"] for name, field in fields.items()} == {
        "dry_run": "boolean",
        "full_refresh": "boolean",
        "allow_exits": ["integer", "null"],
        "allow_entries": ["integer", "null"],
        "retry_refused": "boolean",
        "adopt": "boolean",
        "marketo_field": ["string", "null"],
    }
    assert fields["allow_exits"].schema["minimum"] == 1
    assert fields["dry_run"].schema["default"] is False
    assert all(field.label and field.description and not field.required for field in fields.values())


def test_the_form_of_a_dynamic_export_leaves_the_field_out() -> None:
    """What is refused is not asked."""
    assert set(parameter_fields("one_time")) - set(parameter_fields("dynamic")) == {"marketo_field"}
