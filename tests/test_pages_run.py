"""The tutorials, run as a reader would; and the comparison that judges them."""

import shutil
from pathlib import Path

import pytest

from tests.pages_run import agrees, examples_of, run

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
TUTORIALS = (ROOT / "docs" / "tutorial.md", ROOT / "docs" / "own-samples.md")  # the second goes on
TOLERANCE = 0.02  # of what is printed: another CPU may round a last digit otherwise


def test_examples_are_found_with_their_output(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text('Text\n\n    $ echo "a\n      b" c\n    a b c\n    $ true\n\nMore\n\n    not a command\n')
    found = [(each.command, each.printed, each.line) for each in examples_of(page)]
    assert found == [('echo "a b" c', "a b c", 3), ("true", "", 6)]


@pytest.mark.parametrize(
    ("printed", "expected", "alike"),
    [
        ("r is 0.512, n 10", "r is 0.51, n 10", True),
        ("r is 0.56, n 10", "r is 0.51, n 10", False),
        ("one two three", "one ... three", True),
        ("one two", "one ... three", False),
        ("a  b\nc", "a b c", True),
        ("x −0.5", "x −0.49", True),
        ("more than the page says", "more than", False),
    ],
)
def test_numbers_may_differ_a_little_and_words_may_not(printed: str, expected: str, alike: bool):
    assert agrees(printed, expected, TOLERANCE) is alike


@pytest.mark.ray
@pytest.mark.timeout(900)
@pytest.mark.skipif(not DATA.is_dir(), reason=f"real data is not at {DATA}: the tutorials were not run")
def test_the_tutorials_print_what_they_say(tmp_path: Path):
    (tmp_path / "shared").symlink_to(DATA.parent)
    folder = tmp_path / "work"
    folder.mkdir()
    for page in TUTORIALS:
        for example in examples_of(page):
            done = run(example.command, folder)
            where = f"{page.name}:{example.line}: {example.command}\n"
            assert done.returncode == 0, where + done.stderr
            assert agrees(done.stdout, example.printed, TOLERANCE), f"{where}{done.stdout}"
    shutil.rmtree(folder)
