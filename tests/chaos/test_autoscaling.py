"""A cluster without a worker: Ray's autoscaler brings nodes for a run, and takes them away after it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import run
from cluster.ray_engine.runtime import IN_A_JOB
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tests.cluster.ray_engine.ray_nodes import ray_head
from tests.processes import raylets
from tests.stores import table_bytes

ROOT = Path(__file__).parents[2]
TARGETS, WORKERS = 12, 2
PATIENCE = 180.0  # seconds, for one event on a busy machine


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_nodes_come_for_the_shards_and_go_after(small_dataset: Path, tmp_path: Path) -> None:
    targets, store, log = Dataset.open(small_dataset).targets[:TARGETS], tmp_path / "store", tmp_path / "log"
    run(small_dataset, tmp_path / "here", methods="modifiers", targets=targets, workers=0)
    variables = {IN_A_JOB: "{}", "PYTHONPATH": str(ROOT)}
    with ray_head(tmp_path, variables, at_most=WORKERS) as nodes, log.open("wb") as output:
        (head,) = nodes.started
        assert workers(head.pid) == 0
        command = [sys.executable, "-m", "cluster", "run", str(small_dataset), "--store", str(store)]
        command += ["--method", "modifiers", "--targets", ",".join(targets), "--shard-size", "1"]
        driver = subprocess.Popen(
            [*command, "--address", nodes.address],
            env=os.environ | dict(nodes.environment), stdout=output, stderr=output,
        )  # fmt: skip
        most, end = 0, time.monotonic() + PATIENCE
        while driver.poll() is None:
            most = max(most, workers(head.pid))
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)  # between two looks, until it ends
        assert driver.returncode == 0, log.read_text()
        assert most == WORKERS
        end = time.monotonic() + PATIENCE
        while workers(head.pid):
            assert time.monotonic() < end, "idle nodes stayed"
            time.sleep(0.1)  # between two looks, until they are gone
    assert table_bytes(store) == table_bytes(tmp_path / "here")
    assert StoreReader.open(store).is_sealed()


def workers(head: int) -> int:
    """How many nodes there are besides the head."""
    return max(len(raylets(head)) - 1, 0)  # the head answers before its own is there
