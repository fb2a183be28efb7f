"""`reduced_rank` through whole runs: shared work once, the same bytes in any shards, verified, used."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster import Store, run
from cluster.maintenance.maintain import verify
from cluster.store.filesystem import open_filesystem
from tasks.dataset.dataset import Dataset
from tests.stores import table_bytes


@pytest.fixture(scope="module")
def store(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rank") / "store"
    targets = Dataset.open(small_dataset).targets[:8]
    run(small_dataset, path, workers=0, folds=3, methods=("reduced_rank",), targets=targets)
    return path


def test_shards_and_more_targets_change_no_byte(small_dataset: Path, store: Path, tmp_path: Path):
    targets = Dataset.open(small_dataset).targets[:8]
    asked = {"workers": 0, "folds": 3, "methods": ("reduced_rank",), "shard_size": 3}
    run(small_dataset, tmp_path / "s", targets=targets[:2], **asked)
    shared = len(Store(tmp_path / "s").query("FROM shards WHERE units = 1 AND fold >= -1"))
    run(small_dataset, tmp_path / "s", targets=targets[::-1], **asked)
    assert table_bytes(tmp_path / "s") == table_bytes(store)
    assert shared >= 4  # three folds and the final one


def test_it_verifies_and_predicts(small_dataset: Path, store: Path):
    assert not verify(open_filesystem(str(store))).problems
    dataset = Dataset.open(small_dataset)
    samples = pd.DataFrame(
        np.asarray(dataset.expression[:5]), columns=dataset.genes, index=dataset.cell_lines[:5]
    )
    made = Store(store).predict(samples, "reduced_rank")
    assert np.isfinite(made.predicted.to_numpy()).all()
    choices = Store(store).fold_choices()
    assert set(choices["fold"]) == {-1, 0, 1, 2}
    assert (choices.groupby("fold")["chosen"].sum() <= 1).all()
