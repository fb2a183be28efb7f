"""The tutorials, run as a reader would; and the comparison that judges them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages_run import agrees, examples_of, run

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
TUTORIALS = (ROOT / "docs" / "tutorial.md", ROOT / "docs" / "own-samples.md")  # the second goes on
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"real data is not at {DATA}: the tutorials were not run"
)
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


class Folder:
    """Where the tutorials' commands are run, each once: the notebook goes on with the store they make."""

    def __init__(self, path: Path) -> None:
        (path / "shared").symlink_to(DATA.parent)
        self.path = path / "work"
        self.path.mkdir()
        self._done: dict[str, subprocess.CompletedProcess[str]] = {}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """What the command printed when it was first asked for."""
        if command not in self._done:
            self._done[command] = run(command, self.path)
        return self._done[command]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """Emptied in the end: it holds a Dataset."""
    path = tmp_path_factory.mktemp("tutorials")
    yield Folder(path)
    shutil.rmtree(path / "work")


@needs_data
@pytest.mark.timeout(2400)
def test_the_tutorials_print_what_they_say(folder: Folder):
    for page in TUTORIALS:
        for example in examples_of(page):
            done = folder.run(example.command)
            where = f"{page.name}:{example.line}: {example.command}\n"
            assert done.returncode == 0, where + done.stderr
            assert agrees(done.stdout, example.printed, TOLERANCE), f"{where}{done.stdout}"


@needs_data
@pytest.mark.timeout(2400)
def test_the_notebook_shows_what_it_holds(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("nbclient", reason="nbclient is not installed: the notebook was not executed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed: the notebook was not executed")
    from tests.notebook_run import NOTEBOOK, executed, outputs

    for example in list(examples_of(TUTORIALS[0]))[:2]:
        assert folder.run(example.command).returncode == 0
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    held = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    for cell, made in zip(held, executed(folder.path).cells, strict=True):
        shown = [{kind: "".join(text) for kind, text in out.items()} for out in outputs(cell)]
        for old, new in zip(shown, outputs(made), strict=True):
            assert old.keys() == new.keys()
            assert agrees(new["text/plain"], old["text/plain"], TOLERANCE), f"{cell['source']}{new}"


def test_the_notebook_was_executed_and_is_small():
    notebook = ROOT / "docs" / "notebook.ipynb"
    code = [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert all(cell["outputs"] for cell in code)
    assert notebook.stat().st_size < 100_000
