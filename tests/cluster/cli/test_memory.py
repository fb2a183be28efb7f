"""A process that may have little memory ends with one line and exit code 4, whatever it was refused for."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_stores import made_store
from tests.promises import Measured


@pytest.mark.timeout(120)
def test_little_memory_is_said_in_one_line(tmp_path: Path, measured: Measured) -> None:
    """So little that libraries cannot be loaded; some, given a little more, end the process themselves."""
    made_store(tmp_path / "store")
    limit = 450 << 20  # with less, a library may look for memory for ever
    done = subprocess.run(
        [sys.executable, "-m", "cluster", "verify", str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 4, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: out of memory; nothing committed is lost: raise")
    assert "Traceback" not in done.stderr
    measured(exit_code=done.returncode, mebibytes_allowed=limit >> 20)
