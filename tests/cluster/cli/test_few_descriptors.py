"""With few files that may be open at once, commands work, or end with exit code 4 and a word."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_datasets import tiny_dataset
from tests.promises import Measured
from tests.stores import table_bytes

ASKED = ("--method", "ridge", "--folds", "3", "--workers", "0")


def command(*words: str, most: int = 1024) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "cluster", *words]
    return subprocess.run(
        line,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)),
    )


@pytest.mark.long
@pytest.mark.timeout(300)
def test_sixty_four_descriptors_are_enough_and_too_few_are_said(tmp_path: Path, measured: Measured) -> None:
    dataset, few, many = (str(tmp_path / name) for name in ("dataset", "few", "many"))
    tiny_dataset(Path(dataset))
    assert command("run", dataset, "--store", many, *ASKED).returncode == 0
    asked = (
        ("run", dataset, "--store", few, *ASKED),
        ("verify", few),
        ("query", few, "SELECT count(*) FROM scores"),
        ("status", few),
        ("gc", few),
    )
    for words in asked:
        done = command(*words, most=64)
        assert done.returncode == 0, done.stderr
    assert table_bytes(few) == table_bytes(many)
    starved = command("run", dataset, "--store", f"{few}er", *ASKED, most=5)  # Python itself needs four
    assert starved.returncode == 4, starved.stderr
    assert starved.stderr.splitlines()[-1].startswith(
        "error: too many files are open at once: raise `ulimit -n`"
    )
    assert "Traceback" not in starved.stderr
    assert command("run", dataset, "--store", f"{few}er", *ASKED).returncode == 0
    assert table_bytes(f"{few}er") == table_bytes(many)
    measured(commands_with_64_descriptors=len(asked), commands_with_5=1)
