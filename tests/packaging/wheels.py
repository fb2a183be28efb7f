"""Wheels built and installed as a user would, into folders that know nothing of the checkout."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

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
    pip("--python", str(python), "install", "--no-deps", *map(str, wheels))
    return python


def run(python: Path, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A `knockcast` command of an environment, in a folder outside the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(python.with_name("knockcast")), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=600,
    )
