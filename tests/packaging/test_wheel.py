"""The wheel holds every room, and works outside the checkout: alone, and with a plug-in's package."""

import ast
import json
import re
import shutil
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from cluster.store.body import read_json
from tests.made_datasets import tiny_dataset
from tests.packaging.wheels import (
    ROOT,
    commands,
    console_script,
    empty_environment,
    give_compiled_code,
    our_wheel,
    pip,
    wheel_of,
)

pytestmark = pytest.mark.long

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "toy-models"
version = "{version}"

[project.entry-points."knockcast.candidates"]
median = "toy_models:Median"

[project.entry-points."knockcast.methods"]
toy_mean = "toy_models:ToyMean"

[tool.setuptools]
py-modules = ["toy_models"]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return our_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_module_and_nothing_else_of_the_checkout(wheel: Path) -> None:
    here = {
        path.relative_to(ROOT).as_posix()
        for floor in ("modeling", "tasks", "cluster")
        for path in (ROOT / floor).rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {name for name in held if name.endswith(".py")} == here
    assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == {
        "modeling",
        "tasks",
        "cluster",
    }


def test_every_library_that_the_code_imports_is_declared_by_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        required = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []
    for_developers = re.compile(r"extra == .(test|bench|docs|browser)\b")
    declared = {
        re.split(r"[\[ ;<>=!~]", one)[0].lower() for one in required if not for_developers.search(one)
    }
    known = packages_distributions()
    ours = {"modeling", "tasks", "cluster"} | sys.stdlib_module_names
    missing = {
        name
        for floor in ("modeling", "tasks", "cluster")
        for path in (ROOT / floor).rglob("*.py")
        for name in _imported(path)
        if name not in ours and not declared & {one.lower().replace("_", "-") for one in known.get(name, [])}
    }
    assert missing == set()


def _imported(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment that holds Knockcast alone."""
    python = empty_environment(tmp_path_factory.mktemp("installed") / "environment", wheel)
    give_compiled_code(python)
    return python


# Less than other files, which begin earlier then and have compiled what the environments are given.
@pytest.mark.timeout(290)
def test_an_empty_environment_runs_the_demo_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    asked = ("--small", "--workers", "0", "--out", "demo")
    done = console_script(environment, "demo", *asked, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "best-predicted targets" in done.stdout
    sql = "SELECT count(*) AS n FROM genes"
    where = console_script(environment, "query", "demo/store", sql, "--format", "csv", folder=tmp_path)
    assert where.stdout.splitlines()[1].isdecimal()


def toy_wheel(folder: Path, version: str) -> Path:
    source = folder / f"toy-{version}"
    source.mkdir()
    (source / "pyproject.toml").write_text(textwrap.dedent(PROJECT).format(version=version))
    shutil.copy(Path(__file__).with_name("toy_models.py"), source)
    return wheel_of(source, folder / f"wheels-{version}")


@pytest.mark.timeout(290)
def test_plugins_are_used_recorded_and_missed_by_name(environment: Path, tmp_path: Path) -> None:
    """A candidate and a method of another installed package, which is changed and taken away again."""
    tiny_dataset(tmp_path / "dataset")
    run = ("run", "dataset", "--store", "store", "--workers", "0", "--folds", "2", "--preset", "median,ols")
    verify, resume = ("verify", "store"), ("resume", "store", "--workers", "0")
    asked = ("query", "store", "SELECT DISTINCT method, candidate FROM candidates", "--format", "json")

    def change(*arguments: str) -> None:
        pip("--python", str(environment), *arguments)

    change("install", "--no-deps", str(toy_wheel(tmp_path, "1.0")))
    helped, first, second, found, whole = commands(
        environment,
        ("run", "--help"),
        (*run, "--method", "modifiers"),
        (*run, "--method", "toy_mean"),  # comes later than the store, and its plan says so
        asked,
        verify,
        folder=tmp_path,
    )
    assert "toy_mean: each target's training mean" in " ".join(helped[1].split()).replace("│ │ ", "")
    assert first[0] == second[0] == whole[0] == 0, first[1] + second[1] + whole[1]
    body = read_json((tmp_path / "store" / "run.json").read_bytes(), "run.json")
    assert body["plugins"] == {"candidate median": {"distribution": "toy-models", "version": "1.0"}}
    plans = [read_json(p.read_bytes(), p.name) for p in (tmp_path / "store" / "plans").glob("*.json")]
    assert any("method toy_mean" in plan.get("plugins", {}) for plan in plans)
    assert {"method": "modifiers", "candidate": "median"} in json.loads(found[1])
    # Another version, then none: work is refused by name, what is there can still be read.
    change("install", "--no-deps", str(toy_wheel(tmp_path, "2.0")))
    ((code, text),) = commands(environment, resume, folder=tmp_path)
    assert code == 2
    assert "method 'toy_mean' (toy-models 1.0)" in text
    assert "toy-models 2.0 is installed" in text
    change("uninstall", "--yes", "toy-models")
    resumed, again, whole, counted = commands(
        environment,
        resume,
        (*run, "--method", "toy_mean"),
        verify,
        ("query", "store", "SELECT count(*) FROM genes WHERE method = 'toy_mean'"),
        folder=tmp_path,
    )
    assert (resumed[0], again[0], whole[0], counted[0]) == (2, 2, 0, 0)
    assert "candidate 'median' (toy-models 1.0) is not installed here" in resumed[1]
    assert "toy_mean: unknown" in again[1]
