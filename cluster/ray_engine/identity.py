"""Which code is running: driver and workers must agree, or their numbers would be a mix of two versions.

That is Knockcast's own code, the libraries it computes with, and the plug-ins of other packages.
"""

import hashlib
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import Any

from cluster.errors import RefusedError
from cluster.libraries import EXCHANGED, UsedPlugin
from cluster.scheduling.executor import Requirements
from modeling.plugins import discover

PACKAGES = ("modeling", "tasks", "cluster")


def package_folders() -> tuple[Path, ...]:
    """Where the three packages were imported from. Their names are common, so another may shadow them.

    Raises RefusedError where they do not lie in one folder.
    """
    folders = tuple(Path(str(import_module(name).__path__[0])).resolve() for name in PACKAGES)
    if len({folder.parent for folder in folders}) != 1:
        places = ", ".join(f"{name} from {folder}" for name, folder in zip(PACKAGES, folders, strict=True))
        raise RefusedError(
            f"Knockcast's packages come from different places: {places}. Another package of that name is in "
            "the way: use a virtual environment for Knockcast alone, or take the other one off PYTHONPATH"
        )
    return folders


@lru_cache(maxsize=1)
def source_digest() -> str:
    """sha256 over the Python sources of the three packages: paths and bytes, sorted."""
    digest = hashlib.sha256()
    for folder in package_folders():
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder.parent).as_posix()
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """What must be equal on driver and workers, as text: source digest, Python, libraries."""
    libraries = ", ".join(f"{name} {version(name)}" for name in EXCHANGED)
    return f"source {source_digest()[:16]}, Python {platform.python_version()}, {libraries}"


def check_requirements(requirements: Requirements) -> None:
    """Raise RefusedError unless this process has what the driver's run requires of a worker."""
    check_code(requirements.code)
    check_plugins(requirements.plugins)


def check_code(expected: str) -> None:
    """Raise RefusedError unless this process runs the code the driver runs ("" means: not checked)."""
    if expected and expected != fingerprint():
        raise RefusedError(
            f"{platform.node()} does not run the driver's code; nothing was computed there.\n"
            f"  driver: {expected}\n  worker: {fingerprint()}, from {package_folders()[0].parent}\n"
            "Install the same wheel and libraries on every node, or run from one source checkout; where that "
            "folder is not the one you installed to, take it off the PYTHONPATH of that node's `ray start`"
        )


def check_plugins(expected: Sequence[UsedPlugin]) -> None:
    """Raise RefusedError, naming each plug-in that this process lacks or has in another version."""
    host, problems = platform.node(), []
    for plugin in expected:
        installed = _installed(plugin.kind, plugin.name)
        if installed is None:
            problems.append(f"{plugin} is not installed on {host}; install it on every node")
        elif installed != (plugin.distribution, plugin.version):
            problems.append(
                f"{plugin} comes from {' '.join(installed)} on {host}; install the same version on every node"
            )
    if problems:
        raise RefusedError("\n".join(problems))


def _installed(kind: str, name: str) -> tuple[str, str] | None:
    """Distribution and version of a plug-in that is installed here; None where there is none."""
    plugin = discover(f"knockcast.{kind}s").get(name)
    return (plugin.distribution, plugin.version) if plugin else None


@contextmanager
def code_to_ship() -> Iterator[dict[str, str]]:
    """The part of a Ray runtime environment that ships our code to a cluster; valid within the block.

    From a source checkout: a `working_dir` with copies of the three packages and nothing else (no data, no
    .git, no virtual environment), together, so that they come from one place there too. Where Knockcast is
    installed from a wheel, nothing is shipped: every node must have the wheel.
    """
    if is_installed():
        yield {}
        return
    with TemporaryDirectory(prefix="knockcast-code-") as staged:
        for folder in package_folders():
            copytree(folder, Path(staged) / folder.name, ignore=ignore_patterns("__pycache__"))
        yield {"working_dir": staged}


def job_config() -> Any:
    """What Ray is told of the driver beside the runtime environment.

    Ray puts the folder that a driver was started in before all others that its workers import from, unless
    there is a `working_dir`. An installed driver ships none, and a checkout in that folder (or somebody's
    tasks.py) would run in the place of what is installed. So Ray is told that there is one.
    """
    from ray.job_config import JobConfig  # noqa: PLC0415 - Ray comes after its settings

    class InstalledCode(JobConfig):
        def _runtime_env_has_working_dir(self) -> bool:
            return True

    return InstalledCode() if is_installed() else JobConfig()


def is_installed() -> bool:
    """Whether the packages lie in a site-packages folder (a wheel) and not in a source checkout."""
    return package_folders()[0].parent.name in ("site-packages", "dist-packages")
