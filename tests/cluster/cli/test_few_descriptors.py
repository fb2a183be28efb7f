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
    starved = [command("verify", few, most=most) for most in range(8, 24, 4)]
    ended = [done for done in starved if done.returncode != 0]
    assert all("Traceback" not in done.stderr for done in ended), [done.stderr for done in ended]
    measured(commands_with_64_descriptors=len(asked), with_8_to_20=len(starved), of_these_gave_up=len(ended))
