"""Of three nodes two are killed at work, and a new one takes over: the run ends with the same bytes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster import run
from cluster.ray_engine.runtime import IN_A_JOB
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tests.chaos.clusters import two_nodes
from tests.cluster.ray_engine.ray_nodes import works_on
from tests.promises import Measured
from tests.stores import table_bytes

ROOT = Path(__file__).parents[2]
TARGETS = 72  # work for longer than a new node takes to come, on a fast machine too
PATIENCE = 120.0  # seconds, for one event on a busy machine


@pytest.mark.chaos
@pytest.mark.timeout(400)
def test_two_of_three_nodes_die_and_one_is_added(
    small_dataset: Path, tmp_path: Path, measured: Measured
) -> None:
    targets, store, log = Dataset.open(small_dataset).targets[:TARGETS], tmp_path / "store", tmp_path / "log"
    run(small_dataset, tmp_path / "undisturbed", methods="modifiers", targets=targets, workers=0)
    command = [sys.executable, "-m", "cluster", "run", str(small_dataset), "--store", str(store)]
    command += ["--method", "modifiers", "--targets", ",".join(targets), "--shard-size", "1"]

    # Nodes of one machine share a folder for shipped code; one that starts empties it: nothing is shipped.
    environment = {IN_A_JOB: "{}", "PYTHONPATH": str(ROOT)}
    with two_nodes() as (nodes, second), log.open("wb") as output:
        victims = [second, nodes.add_node(num_cpus=1, num_gpus=0, env_vars=environment)]
        command += ["--address", nodes.address]
        driver = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=output)

        def until(question: Callable[[], bool], what: str) -> None:
            end = time.monotonic() + PATIENCE
            while not question():
                assert driver.poll() is None, f"ended before {what}:\n{log.read_text()}"
                assert time.monotonic() < end, f"not within {PATIENCE:.0f} s: {what}:\n{log.read_text()}"
                time.sleep(0.05)  # between two looks, until it is so

        for number, victim in enumerate(victims):
            until(lambda victim=victim: at_work(victim), f"victim {number} had a shard")
            nodes.remove_node(victim, allow_graceful=False)
        fresh = nodes.add_node(num_cpus=1, num_gpus=0, env_vars=environment)
        until(lambda: at_work(fresh), "the new node had a shard")
        assert driver.wait(2 * PATIENCE) == 0, log.read_text()

    assert table_bytes(store) == table_bytes(tmp_path / "undisturbed")
    reader = StoreReader.open(store)
    assert reader.is_sealed()
    assert reader.quarantined() == {}
    assert {failure["kind"] for failure in reader.failures()} <= {"node"}
    measured(
        nodes_killed=len(victims),
        shards_lost_with_them_and_done_elsewhere=len(reader.failures()),
        tables_equal=len(table_bytes(store)),
    )


def at_work(node: Any) -> bool:
    """Whether a process of a node runs a shard."""
    (raylet,) = node.all_processes["raylet"]
    return works_on(raylet.process, "modifiers fold")
