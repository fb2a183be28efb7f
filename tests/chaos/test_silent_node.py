"""A node that answers nobody any more is given up, and the run ends with the same bytes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster import run
from cluster.ray_engine.runtime import IN_A_JOB, KEEPALIVE
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tests.chaos.clusters import two_nodes
from tests.chaos.test_nodes_come_and_go import at_work
from tests.promises import Measured
from tests.stores import table_bytes

ROOT = Path(__file__).parents[2]
TARGETS = 48
PATIENCE = 250.0  # seconds; without these settings Ray waits for some 420


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_a_node_falls_silent_at_work(
    small_dataset: Path, tmp_path: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, store, log = Dataset.open(small_dataset).targets[:TARGETS], tmp_path / "store", tmp_path / "log"
    run(small_dataset, tmp_path / "undisturbed", methods="modifiers", targets=targets, workers=0)
    command = [sys.executable, "-m", "cluster", "run", str(small_dataset), "--store", str(store)]
    command += ["--method", "modifiers", "--targets", ",".join(targets), "--shard-size", "1"]
    environment = {IN_A_JOB: "{}", "PYTHONPATH": str(ROOT)}  # nothing is shipped
    for name in KEEPALIVE:  # the command sets them for itself; no node needs them
        monkeypatch.delenv(name, raising=False)

    with two_nodes(quick_checks=False) as (nodes, second), log.open("wb") as output:
        command += ["--address", nodes.address]
        driver = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=output)
        end = time.monotonic() + PATIENCE
        try:
            while not at_work(second):
                assert driver.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)  # between two looks, until it is so
            with silent(second) as processes:
                begun = time.monotonic()
                assert driver.wait(PATIENCE) == 0, log.read_text()
                taken = time.monotonic() - begun
        finally:
            driver.kill()

    assert table_bytes(store) == table_bytes(tmp_path / "undisturbed")
    reader = StoreReader.open(store)
    assert reader.is_sealed()
    assert reader.quarantined() == {}
    assert {failure["kind"] for failure in reader.failures()} <= {"node"}
    assert "a node is gone" in log.read_text()
    measured(
        processes_stopped=processes,
        seconds_until_the_rest_was_done=round(taken),
        attempts_given_up=len(reader.failures()),
        tables_equal=len(table_bytes(store)),
    )


@contextmanager
def silent(node: Any) -> Iterator[int]:
    """Stop all processes of a node (SIGSTOP), and count them; they go on afterwards, to be ended."""
    (raylet,) = node.all_processes["raylet"]
    started = psutil.Process(raylet.process.pid)
    started.suspend()  # first: it starts no other meanwhile
    family = [started, *started.children(recursive=True)]
    for process in family[1:]:
        process.suspend()
    try:
        yield len(family)
    finally:
        for process in family:
            if process.is_running():
                process.resume()
