"""Wheels built and installed as a user would, into folders that know nothing of the checkout."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from numba.core.caching import _CacheLocator

from modeling import numba_cache

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("modeling", "tasks", "cluster", "pyproject.toml", "README.md", "LICENSE")


def our_wheel(folder: Path) -> Path:
    """Knockcast's wheel, built from a copy of what a wheel is made of."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    return wheel_of(source, folder / "wheels")


def wheel_of(source: Path, out: Path) -> Path:
    """The wheel of a project, built with the setuptools that is installed: nothing is downloaded."""
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source))
    (wheel,) = out.glob("*.whl")
    return wheel


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def empty_environment(folder: Path, *wheels: Path) -> Path:
    """The python of a new environment that holds these wheels; their dependencies it takes from ours.

    Our own site-packages comes last on its path, as a plain folder, whose .pth files (the checkout's among
    them) nobody reads.
    """
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    libraries = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(libraries + "\n")
    pip("--python", str(python), "install", "--no-deps", "--no-compile", *map(str, wheels))
    return python


def give_compiled_code(python: Path) -> None:
    """What numba compiled of the checkout serves an environment's copy, which has the same bytes.

    Numba knows a source by its folder and time. Where nothing was compiled yet, the environment compiles.
    """
    (installed,) = python.parents[1].glob("lib/python*/site-packages/modeling")
    theirs = installed / "__pycache__" / numba_cache.folder().name
    for source in (ROOT / "modeling").rglob("*.py"):
        copy = installed / source.relative_to(ROOT / "modeling")
        shutil.copystat(source, copy)
        ours, its = map(_CacheLocator.get_suitable_cache_subpath, map(str, (source, copy)))
        for code in (numba_cache.folder() / ours).glob(f"{source.stem}.*.nb[ic]"):
            (theirs / its).mkdir(parents=True, exist_ok=True)
            shutil.copy(code, theirs / its)


def console_script(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A `knockcast` command of an environment, in a folder outside the checkout."""
    return _run([str(python.with_name("knockcast")), *arguments], folder)


def commands(python: Path, *commands: Sequence[str], folder: Path) -> list[tuple[int, str]]:
    """The codes and words of commands of an environment, all in one process."""
    done = _run([str(python), "-P", str(ROOT / "tests" / "commands.py"), json.dumps(commands)], folder)
    assert done.returncode == 0, done.stderr
    return [(code, out + err) for code, out, err in json.loads(done.stdout)]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=600
    )
