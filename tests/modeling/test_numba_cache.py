"""What numba compiled is used again only while every source file is the same, and numba stays as it was."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import modeling
from modeling import numba_cache
from modeling.numba_cache import digest_of, folder, is_warm, njit

pytestmark = pytest.mark.long

SETTING, MARK = "NUMBA_CACHE_DIR", "knockcast-"
COMPILE = """
import numpy as np
from modeling.selection import buckets
buckets._with_neighbours(np.zeros(2, dtype=np.bool_))
print(buckets.__file__)
"""
IMPORT = """
import json, os, sys
read = []
sys.addaudithook(lambda event, given: read.append(str(given[0])) if event == "open" else None)
before = dict(os.environ)
import modeling
print(json.dumps({"read": read, "modules": sorted(sys.modules), "same": dict(os.environ) == before}))
"""
ANOTHERS = """
import json, os
before = dict(os.environ)
import numba, numpy as np
setting = numba.config.CACHE_DIR
from modeling.selection import buckets
import anothers
buckets._with_neighbours(np.zeros(2, dtype=np.bool_))
anothers.doubled(2)
print(json.dumps({"environ": dict(os.environ) == before, "setting": numba.config.CACHE_DIR == setting}))
"""


def run_in(cwd: Path, code: str, **environment: str) -> str:
    """Run the code in a process of its own, with nothing set for numba but what is given."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in (SETTING, "PYTHONPATH")}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def compile_in(cwd: Path, **environment: str) -> list[Path]:
    """Compile something in a copy of the package; the folders its machine code went to."""
    assert str(cwd) in run_in(cwd, COMPILE, **environment)
    folders = sorted(path for path in cwd.rglob(f"{MARK}*") if path.is_dir())
    assert all(any(path.is_relative_to(each) for each in folders) for path in cwd.rglob("*.nbi"))
    assert all(list(each.rglob("*.nbi")) for each in folders)
    return folders


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with a copy of the package in it."""
    source = Path(modeling.__file__).parent
    shutil.copytree(source, tmp_path / "modeling", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_change_in_any_file_compiles_again(copy: Path):
    (first,) = compile_in(copy)
    code = {path: path.stat().st_mtime_ns for path in first.rglob("*.nb*")}
    assert compile_in(copy) == [first]
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*.nb*")} == code  # compiled once
    seeds = copy / "modeling" / "seeds.py"
    seeds.write_text(seeds.read_text() + "\n# changed\n")
    assert len(compile_in(copy)) == 2
    own = copy / "own" / "of a user"
    assert {path.parent for path in compile_in(copy, **{SETTING: str(own)})} == {first.parent, own}


def test_to_import_modeling_does_nothing(copy: Path):
    found = json.loads(run_in(copy, IMPORT, PYTHONDONTWRITEBYTECODE="1"))
    assert found["same"]
    assert "modeling" in found["modules"]
    assert not {"numba", "modeling.numba_cache"} & set(found["modules"])
    sources = {path for path in found["read"] if path.endswith(".py") and "modeling" in path}
    assert sources == {str(copy / "modeling" / "__init__.py")}


@pytest.mark.parametrize("set_by_user", [False, True])
def test_other_packages_keep_their_own_cache(copy: Path, set_by_user: bool):
    (copy / "anothers.py").write_text(
        "import numba\n@numba.njit(cache=True)\ndef doubled(x):\n    return 2 * x\n"
    )
    given = {SETTING: str(copy / "own")} if set_by_user else {}
    assert json.loads(run_in(copy, ANOTHERS, **given)) == {"environ": True, "setting": True}
    (index,) = copy.rglob("anothers.doubled-*.nbi")
    assert MARK not in str(index.parent)
    assert index.is_relative_to(copy / "own" if set_by_user else copy / "__pycache__")
    (ours,) = copy.rglob("buckets._with_neighbours-*.nbi")
    assert MARK in str(ours.parent)


def test_a_function_that_cannot_be_compiled_leaves_numba_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    with pytest.raises(TypeError, match="not a function"):
        njit(error_model="numpy")(len)
    assert str(tmp_path) == numba.config.CACHE_DIR


def test_options_are_numbas():
    def reciprocal(x):
        return 1.0 / x

    with pytest.raises(ZeroDivisionError):
        njit(reciprocal)(0.0)
    assert np.isinf(njit(error_model="numpy", cache=False)(reciprocal)(0.0))


@pytest.fixture
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for compiled code, set by the user and not there yet, that no one has looked for so far."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cold"))
    monkeypatch.setattr(numba_cache, "folder", folder.__wrapped__)
    return tmp_path / "cold"


def test_it_is_warm_once_something_was_compiled(cold: Path):
    assert not is_warm()
    njit(lambda x: x + 1)(1)
    assert is_warm()
    assert list(cold.rglob("*.nbi"))


def test_a_folder_that_cannot_be_written_is_passed_over(
    cold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cold.write_text("a file, where no folder can be made")
    assert numba_cache.folder().parent == tmp_path / "home" / ".cache" / "knockcast"
    monkeypatch.setenv("HOME", str(cold))
    with pytest.raises(OSError, match="set NUMBA_CACHE_DIR to one that can"):
        numba_cache.folder()


def test_the_digest_is_of_names_and_contents(tmp_path: Path):
    (tmp_path / "a.py").write_text("x")
    one = digest_of(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert digest_of(tmp_path) != one
