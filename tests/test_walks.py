"""The walks of CONTRIBUTING.md, applied to a copy of the sources and tried as their last lines say."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.made_datasets import tiny_dataset

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEP = re.compile(
    r"^(?:(New file|In) `(?P<path>[^`]+)`:\n\n)?```(?P<kind>python|diff)\n(?P<block>.*?)^```$", re.M | re.S
)


def walk(title: str) -> str:
    """The text of one section of the page."""
    _, _, rest = PAGE.partition(f"\n## {title}\n")
    assert rest, f"CONTRIBUTING.md has no section {title!r}"
    return rest.partition("\n## ")[0]


def apply(text: str, sources: Path) -> list[str]:
    """Do what a walk says; a block without a path belongs to the file named before it. Returns the paths."""
    path, touched = "", []
    for step in STEP.finditer(text):
        path = step["path"] or path
        touched.append(path)
        if step["kind"] == "python":
            assert not (sources / path).exists(), f"{path} exists already"
            (sources / path).write_text(step["block"], encoding="utf-8")
        else:
            patch(sources / path, step["block"])
    return touched


def patch(path: Path, block: str) -> None:
    """Replace the lines marked `-` (and blank) by those marked `+` (and blank), at their one place."""
    lines = block.splitlines()
    assert {line[:1] for line in lines} <= {" ", "+", "-", ""}, block
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path}: {text.count(before)} places for\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the three packages."""
    for name in ("modeling", "tasks", "cluster"):
        shutil.copytree(ROOT / name, tmp_path / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_dataset(tmp_path_factory.mktemp("walks") / "dataset")


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A store that an earlier release wrote."""
    with tarfile.open(ROOT / "tests" / "fixtures" / "0.1" / "finished.tar.gz") as archive:
        archive.extractall(tmp_path / "released", filter="data")
    return tmp_path / "released" / "finished"


def python(sources: Path, *arguments: str) -> str:
    """Run Python on the changed copy; returns its output. Tests are importable, for the contracts."""
    environment = os.environ | {"PYTHONPATH": f"{sources}{os.pathsep}{sources.parent / 'tests-only'}"}
    (sources.parent / "tests-only").mkdir(exist_ok=True)
    link = sources.parent / "tests-only" / "tests"
    if not link.exists():
        link.symlink_to(ROOT / "tests")
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=sources.parent,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def knockcast(sources: Path, *arguments: str) -> str:
    return python(sources, "-m", "cluster", *arguments)


def contract(sources: Path, tests: str, name: str) -> None:
    """Run a contract suite on the changed copy, for one candidate or method."""
    options = [
        "-q",
        "-c",
        os.devnull,
        f"--rootdir={sources}",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
    ]
    assert " passed" in python(sources, "-m", "pytest", *options, "-k", name, str(ROOT / tests))


def count(sources: Path, store: str, sql: str) -> list[str]:
    """The rows of a query, as lines of CSV without the header and quotes."""
    answer = knockcast(sources, "query", store, sql, "--format", "csv")
    return [line.replace('"', "") for line in answer.splitlines()[1:]]


def in_process(dataset: Path, store: str = "store") -> tuple[str, ...]:
    return ("run", str(dataset), "--store", store, "--workers", "0", "--folds", "2", "--no-final")


@pytest.mark.timeout(400)
def test_a_candidate_is_one_file(sources: Path, dataset: Path) -> None:
    assert apply(walk("A candidate"), sources) == ["modeling/candidates/median.py"]
    knockcast(sources, *in_process(dataset), "--method", "modifiers", "--preset", "median,ols")
    tried = knockcast(
        sources, "query", "store", "SELECT DISTINCT candidate FROM candidates", "--format", "csv"
    )
    assert '"median"' in tried or "median" in tried.split()
    contract(sources, "tests/modeling/candidates/test_registry.py", "contract and median")


@pytest.mark.timeout(400)
def test_a_method_is_one_file(sources: Path, dataset: Path) -> None:
    text = walk("A method").partition("\n### ")[0]
    assert apply(text, sources) == ["tasks/methods/nearest_line.py"]
    assert "nearest_line" in knockcast(sources, "run", "--help")
    assert "about" in knockcast(sources, "plan", str(dataset), "--method", "nearest_line")
    knockcast(sources, *in_process(dataset), "--method", "nearest_line")
    assert "nearest_line,ok" in count(sources, "store", "SELECT DISTINCT model, status FROM scores")
    contract(sources, "tests/tasks/methods/test_contract.py", "nearest_line")


@pytest.mark.timeout(400)
def test_a_column_reads_as_null_in_older_stores(sources: Path, dataset: Path, released: Path) -> None:
    """New runs have it; a released store reads with nulls, and is whole."""
    apply(walk("A column"), sources)
    assert "train_sd" in knockcast(sources, "query", str(released), "DESCRIBE scores")
    sql = "SELECT count(*) > 0, count(train_sd) FROM scores"
    assert count(sources, str(released), sql) == ["true,0"]
    assert "all is well" in knockcast(sources, "verify", str(released), "--repair")
    assert not (released / "aside").exists()
    knockcast(sources, *in_process(dataset), "--method", "ridge")
    assert count(sources, "store", "SELECT count(*) = count(train_sd), count(*) FROM scores") == ["true,12"]
    assert "train_sd" in python(sources, "-m", "tasks.tables")


@pytest.mark.timeout(400)
def test_a_table_is_a_definition_a_function_and_an_entry(sources: Path, released: Path) -> None:
    apply(walk("A table"), sources)
    assert "line_errors" in knockcast(sources, "query", str(released), "SHOW TABLES")
    rows = count(
        sources, str(released), "SELECT method, count(*), min(mean_error) > 0 FROM line_errors GROUP BY 1"
    )
    assert any(row.startswith("modifiers,") and row.endswith(",true") for row in rows)


@pytest.mark.timeout(400)
def test_a_release_layout_is_one_entry(sources: Path, tmp_path: Path) -> None:
    knockcast(sources, "simulate", "--out", "release", "--cell-lines", "40", "--genes", "60")
    names = {
        "CRISPRGeneEffect.csv": "ScreenGeneEffect.csv",
        "OmicsExpressionProteinCodingGenesTPMLogp1.csv": "RNASeqLogTPM.csv",
        "Model.csv": "CellLines.csv",
    }
    (tmp_path / "new").mkdir()
    for old, new in names.items():
        shutil.copy(tmp_path / "release" / old, tmp_path / "new" / new)
    apply(walk("A release layout"), sources)
    assert "40 cell lines" in knockcast(sources, "import", "new", "--out", "dataset")


@pytest.mark.timeout(400)
def test_a_storage_backend_is_one_file_and_one_line(sources: Path, dataset: Path, tmp_path: Path) -> None:
    apply(walk("A storage backend"), sources)
    url = f"file://{tmp_path}/by-url"
    knockcast(sources, *in_process(dataset, url), "--method", "ridge")
    assert (
        knockcast(sources, "query", url, "SELECT count(*) FROM scores", "--format", "csv").split()[1] == "12"
    )
    check = (
        "from pathlib import Path\n"
        "from cluster.store.filesystem import open_filesystem\n"
        "from tests.contracts.storage import STORAGE_CONTRACT\n"
        "for check in STORAGE_CONTRACT:\n"
        "    place = (Path.cwd() / check.__name__).as_uri()\n"
        "    check(lambda: open_filesystem(place))\n"
    )
    python(sources, "-c", check)


@pytest.mark.timeout(400)
def test_a_figure_is_one_file_and_an_entry(sources: Path, dataset: Path, tmp_path: Path) -> None:
    apply(walk("A figure"), sources)
    knockcast(sources, *in_process(dataset), "--method", "ridge")
    knockcast(sources, "figures", "store", "lines", "--out", "figures")
    assert (tmp_path / "figures" / "lines.csv").read_text().startswith('"n_train","targets"')
    assert b"Training lines" in (tmp_path / "figures" / "lines.html").read_bytes()
