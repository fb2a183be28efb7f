"""What happens before a command runs: Ctrl-C while it is imported, files in the way, the version."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cluster.cli as entry
from cluster.errors import ExitCode

ROOT = Path(entry.__file__).parents[2]
CONSOLE_SCRIPT = ("-P", "-c", "from cluster.cli import main; main()")  # its path begins with no user's folder
MODULE = ("-m", "cluster")


def started(*arguments: object, folder: Path, extra: str = "") -> subprocess.Popen[str]:
    path = os.pathsep.join([part for part in (extra, str(ROOT)) if part])
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
    )


def ended(*arguments: object, folder: Path, extra: str = "") -> tuple[int, str]:
    process = started(*arguments, folder=folder, extra=extra)
    printed = "".join(process.communicate(timeout=100))
    return process.returncode, printed


@pytest.mark.parametrize("module", ["typer.colors", "numpy"])  # of the application; of the command itself
def test_ctrl_c_while_it_is_imported_ends_with_130_and_one_line(module: str, tmp_path: Path):
    command = ("run", "nothing", "--store", "nowhere")
    process = started("-X", "importtime", *MODULE, *command, folder=tmp_path)
    assert process.stderr is not None
    seen = next(line for line in process.stderr if line.rstrip().endswith(f" {module}"))
    process.send_signal(signal.SIGINT)
    words = [
        line
        for line in process.communicate(timeout=100)[1].splitlines()
        if not line.startswith("import time")
    ]
    assert seen.startswith("import time")
    assert process.returncode == ExitCode.INTERRUPTED
    assert words == [entry.STOPPED]


def test_an_interruption_that_a_library_wrapped_is_one_all_the_same():
    wrapped = ImportError("numpy")
    wrapped.__cause__ = KeyboardInterrupt()
    assert entry._is_interruption(wrapped)
    assert not entry._is_interruption(ImportError("numpy"))


@pytest.mark.parametrize("name", ["tasks", "modeling"])
@pytest.mark.parametrize("as_folder", [False, True])
@pytest.mark.parametrize("how", [MODULE, CONSOLE_SCRIPT])
def test_a_file_in_the_way_is_named(name: str, as_folder: bool, how: tuple[str, ...], tmp_path: Path):
    stray = tmp_path / name if as_folder else tmp_path / f"{name}.py"
    if as_folder:
        stray.mkdir()
    (stray / "__init__.py" if as_folder else stray).write_text("raise SystemExit('imported')\n")
    code, printed = ended(*how, "status", "s", folder=tmp_path, extra="." if how == CONSOLE_SCRIPT else "")
    assert code == ExitCode.REFUSED
    assert printed.count("\n") == 1
    assert f"{stray} is in the way of Knockcast's own package {name} ({ROOT / name})" in printed


def test_files_that_are_on_no_path_are_in_nobodys_way(tmp_path: Path):
    for name in ("tasks.py", "modeling.py", "cluster.py"):
        (tmp_path / name).write_text("raise SystemExit('imported')\n")
    code, printed = ended(*CONSOLE_SCRIPT, "--version", folder=tmp_path)
    assert (code, printed.split()[0]) == (ExitCode.DONE, "knockcast")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(entry, "BESIDE", ("modeling", "no_such_package"))
    (problem,) = entry.shadowed_packages()
    assert problem.startswith("Knockcast's package no_such_package is missing")


def test_the_codes_of_the_entry_are_those_of_the_contract():
    assert (entry.INTERRUPTED, entry.REFUSED) == (ExitCode.INTERRUPTED, ExitCode.REFUSED)


@pytest.mark.parametrize("arguments", [("-h",), ("run", "-h")])
def test_help_has_a_short_flag(arguments: tuple[str, ...], tmp_path: Path):
    assert "Usage: " in ended(*MODULE, *arguments, folder=tmp_path)[1]
