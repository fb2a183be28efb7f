"""The same run on Ray: the bytes of every table equal those of the in-process run."""

from pathlib import Path

import pytest

from cluster import run
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tests.chaos.clusters import two_nodes
from tests.promises import Measured
from tests.stores import table_bytes

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]
METHODS = ("modifiers", "kernel")


@pytest.fixture(scope="module")
def targets(small_dataset: Path) -> str:
    return ",".join(Dataset.open(small_dataset).targets[:80])


@pytest.fixture(scope="module")
def in_process(
    small_dataset: Path, targets: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("in_process") / "store"
    run(small_dataset, store, workers=0, targets=targets, methods=METHODS)
    return table_bytes(store)


@pytest.mark.parametrize(("workers", "shard_size"), [(1, 50), (2, 7)])
def test_workers_and_shard_size_change_no_byte(
    small_dataset: Path,
    targets: str,
    in_process: dict[str, bytes],
    tmp_path: Path,
    workers: int,
    shard_size: int,
    measured: Measured,
):
    asked = {"targets": targets, "methods": METHODS, "shard_size": shard_size}
    outcome = run(small_dataset, tmp_path / "s", workers=workers, **asked)
    assert outcome.sealed
    assert table_bytes(tmp_path / "s") == in_process
    measured(runs_of_other_shapes=1, tables_equal=len(in_process))


@pytest.mark.long
def test_a_cluster_of_two_nodes_is_used_whole_and_changes_no_byte(
    small_dataset: Path, targets: str, in_process: dict[str, bytes], tmp_path: Path, measured: Measured
):
    with two_nodes() as (cluster, _):
        asked = {"targets": targets, "methods": METHODS, "shard_size": 7}
        outcome = run(small_dataset, tmp_path / "s", address=cluster.address, **asked)
    assert outcome.sealed
    assert table_bytes(tmp_path / "s") == in_process
    assert len(StoreReader.open(tmp_path / "s").commits()) > 40
    measured(runs_of_other_shapes=1, tables_equal=len(in_process))
