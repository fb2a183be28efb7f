"""A candidate and a method of another installed package: used, recorded, and missed by name."""

import json
import shutil
import textwrap
from pathlib import Path

import pytest

from cluster.store.body import read_json
from tests.made_datasets import tiny_dataset
from tests.packaging.wheels import empty_environment, our_wheel, pip, run, wheel_of

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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plugins")


@pytest.fixture(scope="module")
def knockcast(folder: Path) -> Path:
    """The python of an environment with Knockcast and the plug-in's package."""
    wheels = [our_wheel(folder / "ours"), toy_wheel(folder, "1.0")]
    return empty_environment(folder / "environment", *wheels)


def toy_wheel(folder: Path, version: str) -> Path:
    source = folder / f"toy-{version}"
    source.mkdir()
    (source / "pyproject.toml").write_text(textwrap.dedent(PROJECT).format(version=version))
    shutil.copy(Path(__file__).with_name("toy_models.py"), source)
    return wheel_of(source, folder / f"wheels-{version}")


def change(python: Path, *arguments: str) -> None:
    pip("--python", str(python), *arguments)


@pytest.mark.timeout(900)
def test_plugins_are_used_recorded_and_missed_by_name(folder: Path, knockcast: Path) -> None:
    tiny_dataset(folder / "dataset")

    def command(*arguments: str) -> tuple[int, str]:
        done = run(knockcast, *arguments, folder=folder)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    assert "toy_mean: each target's training mean" in " ".join(command("run", "--help")[1].split()).replace(
        "│ │ ", ""
    )
    asked = ("dataset", "--store", "store", "--workers", "0", "--folds", "2")
    code, text = command("run", *asked, "--preset", "median,ols", "--method", "modifiers")
    assert code == 0, text
    body = read_json((folder / "store" / "run.json").read_bytes(), "run.json")
    assert body["plugins"] == {"candidate median": {"distribution": "toy-models", "version": "1.0"}}
    # A method of the same package comes later, and its plan says so.
    code, text = command("run", *asked, "--preset", "median,ols", "--method", "toy_mean")
    assert code == 0, text
    plans = [read_json(p.read_bytes(), p.name) for p in (folder / "store" / "plans").glob("*.json")]
    assert any("method toy_mean" in plan.get("plugins", {}) for plan in plans)
    code, text = command(
        "query", "store", "SELECT DISTINCT method, candidate FROM candidates", "--format", "json"
    )
    assert {"method": "modifiers", "candidate": "median"} in json.loads(text)
    assert command("verify", "store")[0] == 0
    # Another version, then none: work is refused by name, what is there can still be read.
    change(knockcast, "install", "--no-deps", str(toy_wheel(folder, "2.0")))
    code, text = command("resume", "store", "--workers", "0")
    assert code == 2
    assert "method 'toy_mean' (toy-models 1.0)" in text
    assert "toy-models 2.0 is installed" in text
    change(knockcast, "uninstall", "--yes", "toy-models")
    code, text = command("resume", "store", "--workers", "0")
    assert code == 2
    assert "candidate 'median' (toy-models 1.0) is not installed here" in text
    code, text = command("run", *asked, "--preset", "median,ols", "--method", "toy_mean")
    assert code == 2
    assert "toy_mean: unknown" in text
    assert command("verify", "store")[0] == 0
    assert command("query", "store", "SELECT count(*) FROM genes WHERE method = 'toy_mean'")[0] == 0
