"""`best` through whole runs: the same bytes in any shards, whole to verify, its modules found by target."""

from pathlib import Path

import pytest

from cluster import Store, run
from cluster.maintenance.maintain import verify
from cluster.store.filesystem import open_filesystem
from cluster.store.reader import StoreReader
from tasks.dataset.dataset import Dataset
from tests.stores import table_bytes


@pytest.fixture(scope="module")
def targets(small_dataset: Path) -> list[str]:
    return Dataset.open(small_dataset).targets[:8]


@pytest.fixture(scope="module")
def store(small_dataset: Path, targets: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("best") / "store"
    run(small_dataset, path, workers=0, folds=2, methods="best", targets=targets)
    return path


def test_shards_and_more_targets_change_no_byte(
    small_dataset: Path, targets: list[str], store: Path, tmp_path: Path
):
    asked = {"workers": 0, "folds": 2, "methods": "best", "shard_size": 3}
    assert run(small_dataset, tmp_path / "s", targets=targets[:2], **asked).done == 3 * (1 + 2)
    assert run(small_dataset, tmp_path / "s", targets=targets[::-1], **asked).done == 3 * 6
    assert table_bytes(tmp_path / "s") == table_bytes(store)


def test_it_verifies(store: Path):
    assert not verify(open_filesystem(str(store))).problems


def test_modules_are_of_the_final_fold_and_found_by_target(store: Path):
    modules = Store(store).table("modules")
    target = modules["target"].iloc[-1]
    mine = StoreReader.open(store).table("modules", targets=(target,)).to_pandas()
    assert len(mine) > 0
    assert mine.equals(modules[modules["target"] == target].reset_index(drop=True))
