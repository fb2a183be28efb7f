"""SIGKILL the driver in the middle; a resume must end with the bytes of an undisturbed run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import run
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

KNOCKCAST = [sys.executable, "-m", "cluster"]
RUN = ["run", "--method", "modifiers", "--store"]


def commits(store: Path) -> int:
    return len(list((store / "commits").glob("*.json")))


def run_until_killed(arguments: list[str], store: Path, after: int, log: Path) -> None:
    """Start a run and SIGKILL its driver once `after` shards are committed."""
    with log.open("wb") as output:
        driver = subprocess.Popen([*KNOCKCAST, *arguments], stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    while commits(store) < after:
        assert driver.poll() is None, f"the run ended before it could be killed:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"no {after} commits in time:\n{log.read_text()}"
        time.sleep(0.02)  # between looks at the store, whose commits are what is waited for
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_killed_driver_is_resumed_to_the_same_bytes(
    small_dataset: Path, tmp_path: Path, workers: str, measured: Measured
):
    undisturbed, store = tmp_path / "undisturbed", tmp_path / "killed"
    run(small_dataset, undisturbed, methods="modifiers", workers=0)
    arguments = [*RUN, str(store), str(small_dataset), "--workers", workers, "--shard-size", "5"]
    run_until_killed(arguments, store, 5, tmp_path / "log")
    assert not (store / "_SUCCESS").exists()

    resume = [*KNOCKCAST, "resume", str(store), "--workers", workers]
    first = subprocess.run(resume, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert table_bytes(store) == table_bytes(undisturbed)
    assert (store / "_SUCCESS").exists()

    second = subprocess.run(resume, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert "nothing to do" in second.stderr
    measured(drivers_killed=1, tables_equal=len(table_bytes(store)))


def test_an_interrupted_run_says_it_can_be_resumed(small_dataset: Path, tmp_path: Path):
    store, log = tmp_path / "store", tmp_path / "log"
    arguments = [*RUN, str(store), str(small_dataset), "--workers", "0", "--shard-size", "2"]
    with log.open("wb") as output:
        driver = subprocess.Popen([*KNOCKCAST, *arguments], stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    while commits(store) < 3:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)  # between looks at the store, whose commits are what is waited for
    driver.send_signal(signal.SIGINT)
    assert driver.wait(60) == 130
    assert "resume" in log.read_text()
