"""What the loader makes of a folder: the good exports, and every problem of the others."""

from pathlib import Path

import pytest

from marketo_provider.export_files import load_exports
from marketo_provider.export_problems import ExportProblem, problems_text
from marketo_provider.wording import Fault

GOOD = """\
  - name: {name}
    cohort_id: 1
    marketo_field: {name}Field
    sync_type: dynamic
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty exports folder."""
    (tmp_path / "exports").mkdir()
    return tmp_path / "exports"


def write(folder: Path, name: str, text: str) -> None:
    """Write one file of the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def exports_text(*names: str) -> str:
    """Return a file of good exports."""
    return "exports:\n" + "".join(GOOD.format(name=name) for name in names)


def names(folder: Path) -> list[str]:
    """Return the names of the exports that load."""
    return [export.name for export in load_exports(folder).exports]


def only_problem(folder: Path) -> ExportProblem:
    """Return the one problem of the folder."""
    (problem,) = load_exports(folder).problems
    return problem


def test_every_file_below_the_folder_is_read(folder: Path) -> None:
    """Both endings count, in subfolders too, in the order of the files' names."""
    write(folder, "b.yml", exports_text("b"))
    write(folder, "a.yaml", exports_text("a2", "a1"))
    write(folder, "team/c.yaml", exports_text("c"))
    write(folder, "readme.md", "no YAML")

    assert names(folder) == ["a2", "a1", "b", "c"]
    assert load_exports(folder).problems == ()


def test_hidden_files_are_passed_over(folder: Path) -> None:
    """A mounted ConfigMap's second copy of each file is not a duplicate."""
    write(folder, "a.yaml", exports_text("a"))
    write(folder, "..2026_01_01/a.yaml", exports_text("a"))

    assert names(folder) == ["a"]
    assert load_exports(folder).problems == ()


def test_a_file_of_comments_declares_nothing(folder: Path) -> None:
    """A file that is commented out is no mistake."""
    write(folder, "a.yaml", "# later\n")

    assert load_exports(folder).exports == ()
    assert load_exports(folder).problems == ()


def test_a_good_export_beside_a_bad_one_loads(folder: Path) -> None:
    """A mistake costs the export it is in, and no other."""
    write(folder, "a.yaml", exports_text("good") + "  - name: bad\n" + exports_text("other").split("\n", 1)[1])

    assert names(folder) == ["good", "other"]


def test_all_problems_are_found_at_once(folder: Path) -> None:
    """Nobody has to run it again to learn of the next mistake."""
    bad = GOOD.format(name="bad").replace("1", "x").replace("badField", "A Name").replace("dynamic", "one_time")
    write(folder, "a.yaml", f"exports:\n{bad}    schedule: '@daily'\nextra: 1\n")
    write(folder, "b.yaml", "export: []\n")

    found = [(problem.file, problem.line, problem.key) for problem in load_exports(folder).problems]

    assert found == [
        ("exports/a.yaml", 3, "cohort_id"),
        ("exports/a.yaml", 4, "marketo_field"),
        ("exports/a.yaml", 6, "schedule"),
        ("exports/a.yaml", 7, "extra"),
        ("exports/b.yaml", 1, "export"),
        ("exports/b.yaml", 1, "exports"),
    ]


def test_a_problem_names_file_line_export_key_and_remedy(folder: Path) -> None:
    """A message says where, what, and what to do."""
    write(folder, "a.yaml", exports_text("a") + "    tag: x\n")

    assert str(only_problem(folder)) == (
        "exports/a.yaml, line 6: export a: tag: is not a known key. Did you mean tags?"
    )


def test_the_remedy_of_a_wrong_value_is_the_key_s_description(folder: Path) -> None:
    """What a key is for is written once, in the model."""
    write(folder, "a.yaml", exports_text("a").replace("sync_type: dynamic", "sync_type: always"))

    problem = only_problem(folder)

    assert problem.message == "must be 'one_time' or 'dynamic'"
    assert problem.remedy.startswith("one_time sets the field to true once")


def test_a_notifier_s_key_is_looked_for_among_its_own(folder: Path) -> None:
    """Its place in the list is named, and the key that was meant."""
    write(
        folder,
        "a.yaml",
        exports_text("a") + "    notify:\n      - notifier: some.Notifier\n        argument: {}\n",
    )

    assert str(only_problem(folder)) == (
        "exports/a.yaml, line 8: export a: notify[0].argument: is not a known key. Did you mean arguments?"
    )


def test_what_else_is_looked_for_costs_no_export(folder: Path) -> None:
    """It is told at its line, and the export loads."""
    write(folder, "a.yaml", exports_text("a", "b") + "    notify:\n      - notifier: some.Notifier\n")

    loaded = load_exports(
        folder,
        look=lambda export: [Fault(("notify", 0, "notifier"), "is odd", "Mend it.")] if export.notify else [],
    )

    assert [export.name for export in loaded.exports] == ["a", "b"]
    assert list(map(str, loaded.problems)) == [
        "exports/a.yaml, line 11: export b: notify[0].notifier: is odd. Mend it."
    ]


def test_a_missing_key_is_shown_at_the_export(folder: Path) -> None:
    """Where there is no line of the key, there is that of the export."""
    write(folder, "a.yaml", exports_text("a", "b").replace("    cohort_id: 1\n", "", 1))

    problem = only_problem(folder)

    assert (problem.line, problem.export, problem.key, problem.message) == (2, "a", "cohort_id", "is missing")


def test_an_export_without_a_name_is_shown_by_its_place(folder: Path) -> None:
    """An export that cannot be called by its name is counted."""
    write(folder, "a.yaml", exports_text("a") + "  - 17\n")

    problem = only_problem(folder)

    assert (problem.line, problem.export) == (6, "number 2")


def test_an_item_of_a_list_is_named(folder: Path) -> None:
    """The key of a problem inside a list says which item is meant."""
    write(folder, "a.yaml", exports_text("a") + "    tags:\n      - good\n      - 3\n")

    problem = only_problem(folder)

    assert (problem.line, problem.key) == (8, "tags[1]")


def test_a_key_that_stands_twice_is_refused(folder: Path) -> None:
    """YAML would silently keep the last one."""
    write(folder, "a.yaml", exports_text("a") + "    cohort_id: 2\n")

    problem = only_problem(folder)

    assert (problem.line, problem.key, problem.message) == (6, "cohort_id", "stands twice, first in line 3")
    assert names(folder) == []


def test_two_exports_of_one_name_are_both_left_out(folder: Path) -> None:
    """Nobody but the author can say which is meant."""
    write(folder, "a.yaml", exports_text("same", "a"))
    write(folder, "b.yaml", exports_text("same").replace("sameField", "otherField"))

    problem = only_problem(folder)

    assert names(folder) == ["a"]
    assert (problem.file, problem.line, problem.key) == ("exports/b.yaml", 2, "name")
    assert problem.message == "is also that of export same (exports/a.yaml, line 2)"


def test_two_exports_on_one_field_are_both_left_out(folder: Path) -> None:
    """Case does not make another field of it."""
    write(folder, "a.yaml", exports_text("a", "b", "c").replace("bField", "AFIELD"))

    problem = only_problem(folder)

    assert names(folder) == ["c"]
    assert (problem.line, problem.key, problem.export) == (8, "marketo_field", "b")
    assert problem.message == "is also that of export a (exports/a.yaml, line 4)"


def test_one_field_of_two_connections_is_no_collision(folder: Path) -> None:
    """Another Connection is another instance."""
    text = exports_text("a", "b").replace("bField", "aField")
    write(folder, "a.yaml", text + "    marketo_conn_id: marketo_other\n")

    assert names(folder) == ["a", "b"]


def test_a_collision_with_a_wrong_export_is_found_too(folder: Path) -> None:
    """Else it would come up only when the first mistake is mended."""
    write(folder, "a.yaml", exports_text("a", "a").replace("cohort_id: 1", "cohort_id: x", 1))

    assert [problem.key for problem in load_exports(folder).problems] == ["cohort_id", "name", "marketo_field"]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"exports:\n\t- name: x\n", 2, "this is not YAML"),
        (b"exports:\n  - name: 'x\n", 3, "this is not YAML"),
        (b"exports: []\n---\nexports: []\n", 2, "this is not YAML"),
        (b"exports:\n  - &a {name: x}\n  - *a\n", 3, "aliases (*name) are not supported"),
        (b"exports:\n  - name: \xff\n", 2, "the file is not UTF-8"),
        (b"exports:\n  - name: \x07\n", 2, "a control character stands in this line"),
        (b"[" * 100_000, 1, "the file is nested too deeply"),
        (b"#" * 1_000_001, 1, "the file is larger than 1 MB"),
        (b"- name: x\n", 1, "must be a mapping of keys to values"),
        (b"exports:\n", 1, "must be a list"),
        (b"exports: !!python/object:os.system {}\n", 1, "must be a list"),
        (b"exports: []\n3: x\n", 2, "must be a plain word"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_problem(folder: Path, content: bytes, line: int, message: str) -> None:
    """A broken file is named with the line, in our own words, and takes no other file down."""
    (folder / "bad.yaml").write_bytes(content)
    write(folder, "good.yaml", exports_text("good"))

    problem = only_problem(folder)

    assert (problem.file, problem.line, problem.message) == ("exports/bad.yaml", line, message)
    assert problem.remedy
    assert names(folder) == ["good"]


def test_half_a_character_in_a_key_hides_no_other_fault(folder: Path) -> None:
    """What is beside such a key is looked at all the same."""
    write(folder, "a.yaml", exports_text("a") + '    unknown: 1\n"\\ud800": x\n')

    loaded = load_exports(folder)

    assert [(problem.line, problem.key) for problem in loaded.problems] == [(6, "unknown"), (7, "(a key)")]
    assert loaded.exports == ()


@pytest.mark.parametrize("value", ["2026-02-30", "!!timestamp x", "!custom 2026-01-31", "2026-01-01 10:00:00"])
def test_a_value_that_yaml_cannot_make_sense_of_is_a_wrong_value(folder: Path, value: str) -> None:
    """It is shown at its key like any other."""
    write(folder, "a.yaml", exports_text("a") + f"    start_date: {value}\n")

    problem = only_problem(folder)

    assert (problem.line, problem.key) == (6, "start_date")
    assert problem.message == "must be a date such as 2026-01-31"


@pytest.mark.parametrize("value", ["2026-01-31", '"2026-01-31"'])
def test_a_date_is_taken_with_and_without_quotes(folder: Path, value: str) -> None:
    """YAML makes a date of one and a text of the other."""
    write(folder, "a.yaml", exports_text("a") + f"    start_date: {value}\n")

    (export,) = load_exports(folder).exports

    assert export.start_date.isoformat() == "2026-01-31"


def test_no_message_quotes_what_may_be_an_address(folder: Path) -> None:
    """Neither a value nor a key that somebody wrote is repeated unless it is a plain word."""
    write(
        folder,
        "a.yaml",
        "exports:\n  - name: jane@example.com\n    jane@example.com: 1\n    pool: [jane@example.com]\n",
    )

    assert "jane" not in problems_text(load_exports(folder).problems)


def test_a_missing_folder_is_a_problem(tmp_path: Path) -> None:
    """A deployment that forgot the folder learns of it, without a path of the machine."""
    problem = only_problem(tmp_path / "exports")

    assert str(problem) == "exports, line 1: there is no such folder. Create it, with a YAML file in it."


def test_a_file_that_cannot_be_opened_is_a_problem(folder: Path) -> None:
    """A dangling link is named; the others load."""
    (folder / "a.yaml").symlink_to(folder / "nowhere")
    write(folder, "b.yaml", exports_text("b"))

    assert only_problem(folder).message == "the file cannot be read"
    assert names(folder) == ["b"]


def test_all_problems_make_one_text(folder: Path) -> None:
    """Airflow shows one error a DAG file, so that it has to hold them all."""
    write(folder, "a.yaml", "exports: 1\n")
    write(folder, "b.yaml", "exports: 2\n")

    text = problems_text(load_exports(folder).problems)

    assert text.splitlines()[0] == "2 problems in the cohort exports:"
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["- exports/a.yaml", "- exports/b.yaml"]


def test_the_shipped_examples_load() -> None:
    """The folder of this repository has one export of each sync type."""
    loaded = load_exports(Path(__file__).parents[1] / "include" / "exports")

    assert loaded.problems == ()
    assert {export.sync_type for export in loaded.exports} == {"one_time", "dynamic"}
