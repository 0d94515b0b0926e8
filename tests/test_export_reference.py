"""The YAML reference, docs/exports.md, is what the model of an export says."""

from pathlib import Path

from marketo_provider.export_files import load_exports
from marketo_provider.export_reference import reference
from marketo_provider.exports import CohortExport
from marketo_provider.notify import Notifier

PAGE = Path(__file__).parents[1] / "docs" / "exports.md"


def test_the_page_is_fresh() -> None:
    """If this fails: `make reference`."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_key_has_a_row_with_its_default() -> None:
    """In the order of the model; a key without a default must be given."""
    rows = {cells[1].strip(" `"): cells[3].strip() for cells in _rows(reference())}

    assert list(rows)[: len(CohortExport.model_fields)] == list(CohortExport.model_fields)
    assert {key for key, default in rows.items() if default == "required"} == {
        name
        for model in (CohortExport, Notifier)
        for name, field in model.model_fields.items()
        if field.is_required()
    }
    assert rows["schedule"] == "`0 */2 * * *`"
    assert rows["create_leads"] == "`true`"
    assert rows["partition"] == "none"


def test_its_example_loads(tmp_path: Path) -> None:
    """What the page shows can be pasted."""
    example = reference().partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")

    loaded = load_exports(tmp_path)

    assert [export.name for export in loaded.exports] == ["trial_users", "newsletter_launch"]
    assert loaded.problems == ()


def _rows(page: str) -> list[list[str]]:
    return [line.split("|") for line in page.splitlines() if line.startswith("| `")]
