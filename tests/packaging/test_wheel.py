"""The wheel holds every room, and works outside the checkout."""

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT, empty_environment, our_wheel, run


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


@pytest.mark.timeout(900)
def test_an_empty_environment_runs_the_demo_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    python = empty_environment(tmp_path / "environment", wheel)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    done = run(python, "demo", "--small", "--workers", "0", "--out", "demo", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "best-predicted targets" in done.stdout
    where = run(
        python, "query", "demo/store", "SELECT count(*) AS n FROM genes", "--format", "csv", folder=folder
    )
    assert where.stdout.splitlines()[1].isdecimal()
