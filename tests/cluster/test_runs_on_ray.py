"""The same run on Ray: the bytes of every table equal those of the in-process run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import run
from cluster.store.reader import StoreReader
from tasks.dataset import Dataset
from tests.stores import table_bytes

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def targets(small_dataset: Path) -> str:
    return ",".join(Dataset.open(small_dataset).targets[:80])


@pytest.fixture(scope="module")
def in_process(
    small_dataset: Path, targets: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("in_process") / "store"
    run(small_dataset, store, workers=0, targets=targets)
    return table_bytes(store)


@pytest.mark.parametrize(("workers", "shard_size"), [(1, 50), (2, 7)])
def test_workers_and_shard_size_change_no_byte(
    small_dataset: Path,
    targets: str,
    in_process: dict[str, bytes],
    tmp_path: Path,
    workers: int,
    shard_size: int,
):
    outcome = run(small_dataset, tmp_path / "s", workers=workers, shard_size=shard_size, targets=targets)
    assert outcome.sealed
    assert table_bytes(tmp_path / "s") == in_process


@pytest.fixture
def two_nodes() -> Iterator[str]:
    os.environ["RAY_AUTH_MODE"] = "disabled"
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    cluster.add_node(num_cpus=1, include_dashboard=False)
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


def test_a_cluster_of_two_nodes_is_used_whole_and_changes_no_byte(
    small_dataset: Path, targets: str, in_process: dict[str, bytes], tmp_path: Path, two_nodes: str
):
    run(small_dataset, tmp_path / "s", address=two_nodes, shard_size=7, targets=targets, insecure=True)
    assert table_bytes(tmp_path / "s") == in_process
    commits = StoreReader.open(tmp_path / "s").commits()
    assert len(commits) > 40
