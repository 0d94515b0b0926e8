"""What the page says of a refusal is what docs/errors.md says."""

from marketo_provider.web.refusals import REFUSALS, refusal
from tests.pages import rows_under


def table() -> dict[str, tuple[str, str]]:
    """Return the table of refused records, by code."""
    return {
        code.strip(" `"): (meaning, remedy.replace("`", ""))
        for codes, (meaning, remedy) in rows_under("docs/errors.md", "## Refused records", "code").items()
        for code in codes.split(",")
    }


def test_each_code_of_the_table_is_explained_on_the_page() -> None:
    """Those of imports point at the code of the same cause there, and at the cause itself here."""
    explained = {code: row for code, row in table().items() if not code.startswith("import_") and code != "1004"}

    assert set(explained) == {code for code in REFUSALS if not code.startswith("import_")}
    for code, (meaning, remedy) in explained.items():
        assert meaning == refusal(code).meaning or meaning.startswith(refusal(code).meaning), code
        assert "as 1008" in remedy or remedy == refusal(code).remedy, code


def test_an_import_s_code_is_explained() -> None:
    """All that it lists have words, and so has one that nobody knows."""
    for code in (*(code for code in table() if code.startswith("import_")), "9999"):
        assert refusal(code).meaning
        assert refusal(code).remedy
