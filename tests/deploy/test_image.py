"""The Dockerfile: what a linter says, what goes into an image, and its steps as far as they run here."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.deploy.rendering import DEPLOY
from tests.packaging.wheels import ROOT

FILE = DEPLOY / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """The instructions and their words, lines that go on joined."""
    text = re.sub(r"^\s*#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def words_of(name: str) -> list[str]:
    return [words for instruction, words in instructions() if instruction == name]


def test_the_linter_finds_nothing() -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if linter is None:
        pytest.skip("no hadolint for this kind of machine: this test did not run")
    done = subprocess.run([linter, FILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_its_base_is_pinned_by_what_it_holds_and_what_runs_is_not_root() -> None:
    assert re.fullmatch(
        r"PYTHON_IMAGE=python:3\.11\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", words_of("ARG")[0]
    )
    assert words_of("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", words_of("USER")[-1])  # a number: Kubernetes looks at it


def test_what_it_copies_is_there_and_is_all_that_is_sent_to_the_builder() -> None:
    copied = {word for words in words_of("COPY") if "--from" not in words for word in words.split()[:-1]} - {
        "./"
    }
    assert all((ROOT / name).exists() for name in copied)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    assert "*" in ignored


def test_every_library_it_installs_is_pinned() -> None:
    """The dependencies, and theirs: pip's constraints hold only what they name."""
    listed = subprocess.run(
        [sys.executable, DEPLOY / "dependencies.py", ROOT / "pyproject.toml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert listed == project["dependencies"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {_plain(pin.split("==")[0]) for pin in pins}
    assert _closure([*listed, "setuptools"]) - pinned == set()


def _closure(requirements: list[str]) -> set[str]:
    """The names of what is installed with them, extras included."""
    todo, seen = [Requirement(each) for each in requirements], set[tuple[str, str]]()
    while todo:
        asked = todo.pop()
        for extra in ("", *asked.extras):
            if (_plain(asked.name), extra) in seen:
                continue
            seen.add((_plain(asked.name), extra))
            try:
                further = map(Requirement, requires(asked.name) or [])
            except PackageNotFoundError:  # for other machines than this one
                continue
            todo += [
                each for each in further if each.marker is None or each.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in seen}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.long
def test_its_entry_point_answers_in_an_environment_with_the_wheel(installed: Path, tmp_path: Path) -> None:
    (entry,) = words_of("ENTRYPOINT")
    program = re.fullmatch(r'\["(\w+)"\]', entry)
    assert program is not None
    bare = {"PATH": str(installed), "HOME": str(tmp_path)}
    command = [program[1], "--version"]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("knockcast ")


def test_it_has_what_ray_up_calls_inside_it() -> None:
    """Ray copies files into a node's container by rsync, and starts workers by ssh from within the head's."""
    last_stage = FILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert {"openssh-client", "rsync"} <= set(last_stage.split())
