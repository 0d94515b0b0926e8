"""An export that is being declared: its YAML is what the loader takes, beside the others."""

from pathlib import Path

import pytest

from marketo_provider.errors import InvalidExport
from marketo_provider.new_export import (
    OtherExport,
    add_file,
    check_key,
    check_name,
    check_yaml,
    propose_name,
    to_yaml,
)

KEYS = {"name": "123", "cohort_id": 7, "marketo_field": "on", "sync_type": "one_time", "create_leads": True}


def test_what_looks_like_something_else_is_quoted(tmp_path: Path) -> None:
    """And comes back as it was; defaults are left out."""
    text = to_yaml(KEYS)

    export = check_yaml(text, file="new.yaml", folder=tmp_path)

    assert (export.name, export.marketo_field, export.schedule) == ("123", "on", None)
    assert "create_leads" not in text


@pytest.mark.parametrize(
    ("change", "why"),
    [({}, "name: is also that of export 123"), ({"name": "other"}, "marketo_field: is also that of export 123")],
)
def test_a_collision_is_found(tmp_path: Path, change: dict[str, object], why: str) -> None:
    """Of the name, or of the field."""
    (tmp_path / "zz.yaml").write_text(to_yaml(KEYS))

    with pytest.raises(InvalidExport, match=why):
        check_yaml(to_yaml(KEYS | change), file="new.yaml", folder=tmp_path)


def test_what_is_wrong_with_others_does_not_matter(tmp_path: Path) -> None:
    """Nor that there is no folder yet."""
    (tmp_path / "zz.yaml").write_text("exports: [{}]")

    assert check_yaml(to_yaml(KEYS), file="new.yaml", folder=tmp_path).name == "123"
    assert check_yaml(to_yaml(KEYS), file="new.yaml", folder=tmp_path / "none").name == "123"


def test_where_the_others_cannot_be_read_it_is_judged_alone() -> None:
    """As on a page, whose server need not have the folder."""
    assert check_yaml(to_yaml(KEYS), file="new.yaml").name == "123"
    with pytest.raises(InvalidExport, match=r"new\.yaml, line 4: export 123: cohort_id: must be at least 1"):
        check_yaml(to_yaml(KEYS | {"cohort_id": 0}), file="new.yaml")


def test_a_name_that_another_one_has_is_refused() -> None:
    """And so is one that is none."""
    check_name("others", [OtherExport("123", "on", "marketo_default")])

    with pytest.raises(InvalidExport, match="There is an export '123' already"):
        check_name("123", [OtherExport("123", "on", "marketo_default")])
    with pytest.raises(InvalidExport, match=r"^name: "):
        check_name("A b", [])


@pytest.mark.parametrize(("key", "value"), [("name", "A b"), ("sync_type", "daily"), ("cohort_id", 0)])
def test_a_key_is_judged_alone(key: str, value: object) -> None:
    """By the model's own rules."""
    with pytest.raises(InvalidExport, match=f"^{key}: "):
        check_key(key, value)

    check_key("name", "trial_users")


@pytest.mark.parametrize(
    ("cohort", "name"), [("Trial users (EU)!", "trial_users_eu"), ("Ü", "cohort"), ("x" * 99, "x" * 60)]
)
def test_a_name_is_proposed_that_is_one(cohort: str, name: str) -> None:
    """Made of the cohort's letters and digits."""
    assert propose_name(cohort) == name
    check_key("name", name)


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    """Not even one that came while the questions were asked."""
    add_file(tmp_path / "new.yaml", "one")

    with pytest.raises(InvalidExport, match=r"new\.yaml is there already"):
        add_file(tmp_path / "new.yaml", "two")
    with pytest.raises(InvalidExport, match=r"could not be written \(No such file"):
        add_file(tmp_path / "none" / "new.yaml", "two")
    assert (tmp_path / "new.yaml").read_text() == "one"
