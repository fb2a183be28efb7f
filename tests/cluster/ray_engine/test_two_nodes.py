"""On two nodes of a real Ray: work is spread over both, and what shards share is fetched once by each."""

import os
import re
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.ray_engine.runtime import connected
from cluster.scheduling.executor import Preparation, Receipt
from cluster.scheduling.shards import Job, name_shard
from cluster.scheduling.signs import Signs
from cluster.store.units import MethodFold, Unit
from tests.chaos.clusters import two_nodes

RUN = "a" * 64
FOLDS, SHARDS = (0, 1), 16  # of each fold
MATRICES, FOLD, LAST = 48 << 20, 24 << 20, 4 << 20  # bytes
SMALL = 2 << 20  # all else that goes between nodes, code above all
PATIENCE = 120.0  # seconds until Ray has sent what it counts, every ten seconds
RECEIVED = re.compile(r'^ray_object_manager_bytes\{.*Type="Received".*\} (\S+)$', re.MULTILINE)


def prepare(shared: np.ndarray, method_fold: MethodFold) -> np.ndarray:
    """A fold's inputs, made of the matrices."""
    return np.full(FOLD, shared[method_fold.fold], dtype=np.uint8)


def work(job: Job, shared: np.ndarray, data: np.ndarray, signs: Signs) -> Receipt:
    """Read everything, and wait until both nodes are at work on the fold; the receipt's host is the node."""
    assert data[-1] == shared[job.shard.fold] == job.shard.fold
    node, at_work = os.environ["KNOCKCAST_TEST_NODE"], Path(job.store) / str(job.shard.fold)
    at_work.mkdir(exist_ok=True)
    (at_work / node).touch()
    end = time.monotonic() + PATIENCE
    while len(list(at_work.iterdir())) < 2:
        assert time.monotonic() < end, f"all work goes to node {node}"
        time.sleep(0.01)  # between two looks, until the other is at work
    return Receipt(job.shard.key, job.attempt, True, {}, 0.0, node)


def exchange(last: np.ndarray) -> np.ndarray:
    """Something that comes after all else, in both directions."""
    return last.copy()


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(300)
def test_work_is_spread_and_each_node_fetches_what_shards_share_once(tmp_path: Path) -> None:
    from cluster.ray_engine.executor import RayExecutor

    matrices = np.zeros(MATRICES, dtype=np.uint8)
    matrices[list(FOLDS)] = FOLDS
    with two_nodes() as (nodes, second), connected(nodes.address):
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        executor = RayExecutor(work, Preparation(prepare, matrices))
        units = [[Unit("modifiers", f"G{i}", fold) for i in range(SHARDS)] for fold in FOLDS]
        for unit in (unit for of_fold in units for unit in of_fold):
            executor.start(Job(name_shard(RUN, [unit]), 1, str(tmp_path), RUN))
        hosts: list[str] = []
        while len(hosts) < len(FOLDS) * SHARDS:
            for ended in executor.wait(1.0):
                assert ended.receipt is not None, ended.error
                hosts.append(ended.receipt.host)
        executor.close()
        there = NodeAffinitySchedulingStrategy(second.node_id, soft=False)
        last = ray.put(np.zeros(LAST, dtype=np.uint8))
        assert len(ray.get(ray.remote(exchange).options(scheduling_strategy=there).remote(last))) == LAST
        # The driver's node has the matrices, and each fold's inputs are made on one of the two.
        least = MATRICES + len(FOLDS) * FOLD + 2 * LAST
        assert least <= received(ray.nodes(), least) < least + SMALL
    assert min(Counter(hosts)[node] for node in ("one", "two")) >= SHARDS // 2, Counter(hosts)


def received(nodes: list[dict[str, Any]], least: int) -> float:
    """Bytes that all nodes have fetched from one another, as soon as they tell of so many."""
    end, told = time.monotonic() + PATIENCE, 0.0
    while told < least:
        assert time.monotonic() < end, f"{told:.0f} bytes, expected {least}"
        time.sleep(0.2)  # between two questions
        told = sum(_received(node) for node in nodes)
    return told


def _received(node: dict[str, Any]) -> float:
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    with urllib.request.urlopen(url, timeout=10) as reply:
        return sum(map(float, RECEIVED.findall(reply.read().decode())))
