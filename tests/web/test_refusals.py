"""What the page says of a refusal is what README says."""

from pathlib import Path

from marketo_provider.web.refusals import REFUSALS, refusal

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def table() -> dict[str, tuple[str, str]]:
    """Return README's table of refused records, by code."""
    _, _, after = README.partition("### Refused records")
    rows = [line.strip("|").split("|") for line in after.partition("###")[0].splitlines() if line.startswith("|")]
    return {
        code.strip(" `"): (meaning.strip(), remedy.strip().replace("`", ""))
        for codes, meaning, remedy in rows[2:]
        for code in codes.split(",")
    }


def test_each_code_of_the_readme_is_explained_on_the_page() -> None:
    """Those of imports point at the code of the same cause there, and at the cause itself here."""
    explained = {code: row for code, row in table().items() if not code.startswith("import_") and code != "1004"}

    assert set(explained) == {code for code in REFUSALS if not code.startswith("import_")}
    for code, (meaning, remedy) in explained.items():
        assert meaning == refusal(code).meaning or meaning.startswith(refusal(code).meaning), code
        assert "as 1008" in remedy or remedy == refusal(code).remedy, code


def test_an_import_s_code_is_explained() -> None:
    """All that README lists have words, and so has one that nobody knows."""
    for code in (*(code for code in table() if code.startswith("import_")), "9999"):
        assert refusal(code).meaning
        assert refusal(code).remedy
