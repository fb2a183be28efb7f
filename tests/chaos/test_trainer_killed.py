"""SIGKILL the trainer in mid-epoch, three times: the final weights are those of an undisturbed run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cluster import Store, run
from tests.made_datasets import tiny_dataset
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

RUN = ("--method", "latent", "--scheme", "split", "--no-final", "--shard-size", "50")


def trainer_of(driver: psutil.Process) -> psutil.Process | None:
    """The trainer's process, a descendant of the driver's Ray."""
    for process in driver.children(recursive=True):
        try:
            if any("ray::Trainer" in word for word in process.cmdline()):
                return process
        except psutil.Error:  # it has just ended
            continue
    return None


def checkpoints(store: Path) -> set[str]:
    return {path.name for path in (store / "checkpoints").rglob("*.safetensors")}


def test_a_trainer_killed_three_times_ends_with_the_same_weights(tmp_path: Path, measured: Measured):
    dataset = tiny_dataset(tmp_path / "dataset")  # of which three networks train 220 epochs
    undisturbed, store, log = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "log"
    run(dataset, undisturbed, methods=["latent"], scheme="split", final=False, workers=0)
    with log.open("wb") as output:
        command = [sys.executable, "-m", "cluster", "run", str(dataset), "--store", str(store), *RUN]
        started = subprocess.Popen([*command, "--workers", "1"], stdout=output, stderr=subprocess.STDOUT)
    driver, seen, killed = psutil.Process(started.pid), set[str](), set[int]()
    deadline = time.monotonic() + 400
    while len(killed) < 3:
        assert started.poll() is None, f"the run ended after {len(killed)} kills:\n{log.read_text()}"
        assert time.monotonic() < deadline, log.read_text()
        fresh = checkpoints(store) - seen
        trainer = trainer_of(driver) if fresh else None  # looking at all processes costs a core's time
        if trainer is not None and trainer.pid not in killed:
            seen |= fresh
            os.kill(trainer.pid, signal.SIGKILL)
            killed.add(trainer.pid)
        time.sleep(0.02)  # between looks at the store, whose checkpoints are what is waited for
    assert started.wait(300) == 0, log.read_text()
    assert table_bytes(store) == table_bytes(undisturbed)
    before, after = (Store(path).networks() for path in (undisturbed, store))
    assert list(before["sha256"]) == list(after["sha256"])
    shards = Store(store).shards()
    assert (shards["attempts"] == 1).all()  # Ray started the actor again; no shard was seen to fail
    assert not checkpoints(store)
    measured(trainers_killed=len(killed), networks_equal=len(after))
