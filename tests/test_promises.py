"""docs/reliability.md: each row names tests that exist, and shows what they measured."""

import ast
from pathlib import Path

from tests.promises import PAGE, ROOT, Case, Named, cases_of, figure, is_proved, named_in, with_figures

ROWS = [line for line in PAGE.read_text(encoding="utf-8").split("\n") if named_in(line)]


def test_most_of_the_page_is_rows_with_tests() -> None:
    assert len(ROWS) > 40
    assert all("tests/" not in line for line in _tables() if not named_in(line))


def _tables() -> list[str]:
    return [line for line in PAGE.read_text(encoding="utf-8").split("\n") if line.startswith("| ")]


def test_rows_name_tests_that_exist_and_show_what_they_measured() -> None:
    for line in ROWS:
        for named in named_in(line):
            names = names_in(ROOT / named.file)
            missing = [word for word in named.words if not any(word in name for name in names)]
            assert not missing, f"{named.file} has no test with {missing} in its name"
        assert is_proved(line), f"`make promises` writes the figures; missing: {line}"


def names_in(path: Path) -> list[str]:
    """The tests of a file, and its names that may be classes of tests made elsewhere."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [
        node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else node.id.replace("Test", "test")
        for node in nodes
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Name))
    ]


XML = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_one[1]"><properties>
  <property name="kills" value="3"/><property name="seconds at most" value="1.5"/></properties></testcase>
<testcase classname="tests.a" name="test_one[2]"><properties>
  <property name="kills" value="4"/><property name="seconds at most" value="0.25"/></properties></testcase>
<testcase classname="tests.a" name="test_two"><skipped/></testcase>
<testcase classname="tests.b.TestClass" name="test_one"><failure/></testcase>
</testsuite></testsuites>"""


def test_whole_numbers_are_added_and_of_others_the_largest_stands(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text(XML)
    cases = list(cases_of(tmp_path / "x.xml"))
    assert cases[2] == Case("tests.a", "test_two", "skipped", ())
    page = "| a | b | - | `tests/a.py -k one` |\n| c | d | - | `tests/a.py -k two`, `tests/b.py` |\nend\n"
    lines = with_figures(page, cases).split("\n")
    assert lines[0] == "| a | b | kills: 7, seconds at most: 1.5, tests passed: 2 | `tests/a.py -k one` |"
    assert lines[1].startswith("| c | d | tests skipped: 1, tests failed: 1 | ")
    assert lines[2:] == ["end", ""]
    assert figure([]) == "no test ran"


def test_words_are_read_as_pytest_reads_them() -> None:
    line = '| a | b | c | `tests/x/test_y.py -k "one or two"`, `tests/z.py` |'
    assert named_in(line) == (Named("tests/x/test_y.py", ("one", "two")), Named("tests/z.py", ("",)))
    assert named_in("| a | b | `tests/z.py` |") == ()
