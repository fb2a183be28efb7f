"""A shard by torch: the tables are those of the CPU's own code, but for the last digits of q."""

from pathlib import Path

import numpy as np
import pytest

from modeling.folds import make_folds
from modeling.selection.select import SelectionSettings
from tasks.dataset.dataset import Dataset
from tasks.fitting.fold import MethodSettings, panel_of
from tasks.fitting.modifiers import prepare_fold
from tasks.methods.shard import run_shard
from tests.modeling.devices import DEVICES


@pytest.mark.parametrize("device", DEVICES)
def test_a_shard_on_another_device_gives_the_same_tables(small_dataset: Path, device: str) -> None:
    panel = panel_of(Dataset.open(small_dataset))
    fold = make_folds("kfold", len(panel.cell_lines), 5, 0)[1]
    results = []
    for where in ("cpu", device):
        settings = MethodSettings("modifiers", ("ols", "tree"), SelectionSettings(), 0, where)
        prepared = prepare_fold(panel, fold, settings)
        assert bool(prepared.prepared.digest) == (where != "cpu")
        results.append(run_shard(panel, prepared, range(len(panel.targets)), settings))
    here, there = results
    assert here.statuses == there.statuses
    assert here.tables["modifiers"].num_rows > 60
    for name, table in here.tables.items():
        ours, theirs = (
            one.drop_columns(["seconds"] if "seconds" in one.column_names else [])
            for one in (table, there.tables[name])
        )
        for column in ours.column_names:
            if column.endswith("_q"):
                np.testing.assert_allclose(theirs[column], ours[column], rtol=1e-9, atol=0)
            else:
                assert theirs[column].equals(ours[column]), (name, column)


def test_folds_of_other_training_lines_have_other_digests(small_dataset: Path) -> None:
    panel = panel_of(Dataset.open(small_dataset))
    settings = MethodSettings("modifiers", "quick", SelectionSettings(), 0, "cpu:0")
    folds = make_folds("kfold", len(panel.cell_lines), 3, 0)
    digests = [prepare_fold(panel, fold, settings).prepared.digest for fold in (*folds, folds[0])]
    assert len(set(digests)) == 3
    assert digests[3] == digests[0]
