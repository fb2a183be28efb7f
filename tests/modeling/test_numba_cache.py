"""What numba compiled is used again only while every source file is the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import modeling
from modeling.numba_cache import MARK, SETTING, digest_of

SCRIPT = """
import numpy as np
from modeling.selection import q_values
q_values._count_down(np.zeros(2, dtype=np.int32), np.full(1, 2))
print(q_values.__file__)
"""


def run_in(folder: Path, **environment: str) -> list[Path]:
    """Compile something in a copy of the package; the folders its machine code went to."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != SETTING} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert str(folder) in ended.stdout
    return sorted(path for path in folder.rglob(f"{MARK}*") if path.is_dir())


def test_a_change_in_any_file_compiles_again(tmp_path: Path):
    source = Path(modeling.__file__).parent
    shutil.copytree(source, tmp_path / "modeling", ignore=shutil.ignore_patterns("__pycache__"))
    (first,) = run_in(tmp_path)
    assert list(first.rglob("*.nbi"))
    assert run_in(tmp_path) == [first]
    seeds = tmp_path / "modeling" / "seeds.py"
    seeds.write_text(seeds.read_text() + "\n# changed\n")
    # What a parent process with other sources set does not count; what the user set does.
    second = run_in(tmp_path, **{SETTING: str(first)})
    assert len(second) == 2
    own = tmp_path / "own"
    own.mkdir()
    assert {path.parent for path in run_in(tmp_path, **{SETTING: str(own)})} == {first.parent, own}


def test_the_digest_is_of_names_and_contents(tmp_path: Path):
    (tmp_path / "a.py").write_text("x")
    one = digest_of(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert digest_of(tmp_path) != one
