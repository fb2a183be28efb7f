"""The walks of CONTRIBUTING.md, applied to a copy of the sources and tried as their last lines say."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tasks.simulation.simulate import simulate_release
from tests.made_datasets import tiny_dataset

pytestmark = pytest.mark.long

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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One place for all copies: what numba compiled of one serves the next, which has the same path."""
    return tmp_path_factory.mktemp("walks")


@pytest.fixture
def sources(home: Path) -> Iterator[Path]:
    """A copy of the three packages, in a folder in which a walk may work."""
    work = home / "work"
    for name in ("modeling", "tasks", "cluster"):
        shutil.copytree(ROOT / name, work / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
    yield work / "src"
    shutil.rmtree(work)


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
    home = sources.parent.parent
    path = f"{sources}{os.pathsep}{home / 'tests-only'}"
    environment = os.environ | {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(home / "compiled")}
    (home / "tests-only").mkdir(exist_ok=True)
    link = home / "tests-only" / "tests"
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


def knockcast(sources: Path, *commands: Sequence[str]) -> list[str]:
    """Run commands one after another, in one process; returns the output of each."""
    ended = json.loads(python(sources, "-m", "tests.commands", json.dumps(commands)))
    assert all(code == 0 for code, _, _ in ended), ended
    return [printed for _, printed, _ in ended]


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


def query(store: Path | str, sql: str) -> tuple[str, ...]:
    return ("query", str(store), sql, "--format", "csv")


def rows(answer: str) -> list[str]:
    """Of a query, as lines of CSV without the header and quotes."""
    return [line.replace('"', "") for line in answer.splitlines()[1:]]


def in_process(dataset: Path, store: str = "store") -> tuple[str, ...]:
    return ("run", str(dataset), "--store", store, "--workers", "0", "--folds", "2", "--no-final")


@pytest.mark.timeout(400)
def test_a_candidate_is_one_file(sources: Path, dataset: Path) -> None:
    assert apply(walk("A candidate"), sources) == ["modeling/candidates/median.py"]
    asked = (*in_process(dataset), "--method", "modifiers", "--preset", "median,ols")
    tried = query("store", "SELECT DISTINCT candidate FROM candidates")
    assert "median" in rows(knockcast(sources, asked, tried)[-1])
    contract(sources, "tests/modeling/candidates/test_registry.py", "contract and median")


@pytest.mark.timeout(400)
def test_a_method_is_one_file(sources: Path, dataset: Path) -> None:
    text = walk("A method").partition("\n### ")[0]
    assert apply(text, sources) == ["tasks/methods/nearest_line.py"]
    asked = ("--method", "nearest_line")
    told, planned, _, scored = knockcast(
        sources,
        ("run", "--help"),
        ("plan", str(dataset), *asked),
        (*in_process(dataset), *asked),
        query("store", "SELECT DISTINCT model, status FROM scores"),
    )
    assert "nearest_line" in told
    assert "about" in planned
    assert "nearest_line,ok" in rows(scored)
    contract(sources, "tests/tasks/methods/test_contract.py", "nearest_line")


@pytest.mark.timeout(400)
def test_a_column_reads_as_null_in_older_stores(sources: Path, dataset: Path, released: Path) -> None:
    """New runs have it; a released store reads with nulls, and is whole."""
    apply(walk("A column"), sources)
    described, older, verified, _, newer = knockcast(
        sources,
        ("query", str(released), "DESCRIBE scores"),
        query(released, "SELECT count(*) > 0, count(train_sd) FROM scores"),
        ("verify", str(released), "--repair"),
        (*in_process(dataset), "--method", "ridge"),
        query("store", "SELECT count(*) = count(train_sd), count(*) FROM scores"),
    )
    assert "train_sd" in described
    assert rows(older) == ["true,0"]
    assert "all is well" in verified
    assert not (released / "aside").exists()
    assert rows(newer) == ["true,12"]
    assert "train_sd" in python(sources, "-m", "tasks.tables")


@pytest.mark.timeout(400)
def test_a_table_is_a_definition_a_function_and_an_entry(sources: Path, released: Path) -> None:
    apply(walk("A table"), sources)
    sql = "SELECT method, count(*), min(mean_error) > 0 FROM line_errors GROUP BY 1"
    shown, found = knockcast(sources, ("query", str(released), "SHOW TABLES"), query(released, sql))
    assert "line_errors" in shown
    assert any(row.startswith("modifiers,") and row.endswith(",true") for row in rows(found))


@pytest.mark.timeout(400)
def test_a_release_layout_is_one_entry(sources: Path, tmp_path: Path) -> None:
    simulate_release(tmp_path / "release", cell_lines=40, genes=60, layout="24Q4", seed=1)
    names = {
        "CRISPRGeneEffect.csv": "ScreenGeneEffect.csv",
        "OmicsExpressionProteinCodingGenesTPMLogp1.csv": "RNASeqLogTPM.csv",
        "Model.csv": "CellLines.csv",
    }
    (tmp_path / "new").mkdir()
    for old, new in names.items():
        shutil.copy(tmp_path / "release" / old, tmp_path / "new" / new)
    apply(walk("A release layout"), sources)
    (imported,) = knockcast(sources, ("import", str(tmp_path / "new"), "--out", "dataset"))
    assert "40 cell lines" in imported


@pytest.mark.timeout(400)
def test_a_storage_backend_is_one_file_and_one_line(sources: Path, dataset: Path, tmp_path: Path) -> None:
    apply(walk("A storage backend"), sources)
    url = f"file://{tmp_path}/by-url"
    asked = (*in_process(dataset, url), "--method", "ridge")
    assert rows(knockcast(sources, asked, query(url, "SELECT count(*) FROM scores"))[-1]) == ["12"]
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
def test_a_figure_is_one_file_and_an_entry(sources: Path, dataset: Path) -> None:
    apply(walk("A figure"), sources)
    asked = (*in_process(dataset), "--method", "ridge")
    knockcast(sources, asked, ("figures", "store", "lines", "--out", "figures"))
    figures = sources.parent / "figures"
    assert (figures / "lines.csv").read_text().startswith('"n_train","targets"')
    assert b"Training lines" in (figures / "lines.html").read_bytes()
