"""The rules that hold the house up: who may import whom, what nothing imports, how long a file may be."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("modeling", "tasks", "cluster")
FORBIDDEN_ABOVE = {  # what importing the whole of a package must not pull in
    "modeling": {"ray", "tasks", "cluster"},
    "tasks": {"ray", "cluster"},
}
HEAVY = {"ray", "torch", "numba", "numpy", "pandas", "pyarrow", "duckdb", "xgboost", "sklearn", "plotly"}
UNSAFE = {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}
MOST_LINES = 300


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


UNSAFE_CALLS = {
    "eval",
    "exec",
    "compile",
    "torch.load",
    "np.load",
    "runpy.run_path",
    "runpy.run_module",
    "pd.read_pickle",
}
UNSAFE_ENDINGS = (".unpickle", "pickle.load", "pickle.loads", ".read_pickle")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module a file imports, wherever in it, with the line; relative imports as "." and their dots."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), node.lineno


def offences(paths: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for name, line in imports(path)
        if name.split(".")[0] in forbidden
    ]


@pytest.mark.parametrize("package", FORBIDDEN_ABOVE)
def test_a_lower_package_pulls_in_no_upper_one(package):
    """All its modules imported in a fresh process: catches what a library of ours drags along, too."""
    names = [module_name(path) for path in sources(package) if path.name != "__main__.py"]
    code = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert package in loaded
    assert loaded & FORBIDDEN_ABOVE[package] == set()


@pytest.mark.parametrize(
    ("module", "heavy"),
    [("cluster.cli.app", HEAVY), ("cluster.results.compare", {"ray", "torch", "plotly"})],
)
def test_a_command_starts_without_what_it_may_not_need(module: str, heavy: set[str]):
    """`knockcast --help` needs Typer alone, and a comparison that is not drawn no Plotly."""
    code = f"import {module}, json, sys; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert set(json.loads(done.stdout)) & heavy == set()


def test_only_what_draws_imports_plotly():
    drawing = {ROOT / "cluster" / "figures", ROOT / "cluster" / "explorer" / "charts.py"}
    others = [path for path in sources(*PACKAGES) if not drawing & {path, *path.parents}]
    assert offences(others, {"plotly"}) == []
    assert offences(sources("cluster/figures"), {"plotly"})


@pytest.mark.parametrize("package", FORBIDDEN_ABOVE)
def test_no_late_import_points_up(package):
    assert offences(sources(package), FORBIDDEN_ABOVE[package]) == []


def test_nothing_imports_a_module_that_runs_what_it_loads():
    assert offences(sources(*PACKAGES), UNSAFE) == []


def test_nothing_calls_what_runs_what_it_loads():
    found = [
        f"{path.relative_to(ROOT)}:{line} calls {name}"
        for path in sources(*PACKAGES)
        for name, line in calls(path)
        if name in UNSAFE_CALLS or name.endswith(UNSAFE_ENDINGS)
    ]
    assert found == []


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Every function a file calls, as written, with the line; `np.load` only where it may unpickle."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            never = any(k.arg == "allow_pickle" and ast.unparse(k.value) == "False" for k in node.keywords)
            if not (name == "np.load" and never):
                yield name, node.lineno


def test_references_import_nothing_of_ours():
    """They are the oracle: they must not share our mistakes."""
    assert offences(sources("tests/reference"), set(PACKAGES)) == []


def test_imports_are_absolute():
    assert offences(sources(*PACKAGES, "tests"), {""}) == []


def test_no_file_is_longer_than_a_reader_bears():
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*PACKAGES, "tests")
    }
    assert lengths
    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_the_checks_see_what_they_look_for(tmp_path):
    culprit = tmp_path / "culprit.py"
    culprit.write_text(
        "def late():\n    from ray.util import x\n    import pickle as p\n    from . import y\n"
    )
    assert list(imports(culprit)) == [("ray.util", 2), ("pickle", 3), (".", 4)]
