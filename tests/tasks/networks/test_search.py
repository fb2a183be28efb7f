"""The search for an architecture as a table: leak-free, and the same wherever it goes on from."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load, save

from modeling.folds import Fold, make_folds
from modeling.networks.shared_networks import TrainingCheckpoint
from modeling.networks.training_state import Schedule
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel
from tasks.networks.search import search_fold

SHORT = Schedule(epochs=3, patience=2, learning_rate=1e-3)
SETTINGS = {method: MethodSettings(method, "quick", SelectionSettings(), 0) for method in ("latent", "plain")}


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Large enough that several architectures have fewer weights than there are training values."""
    rng = np.random.default_rng(0)
    lines, genes, targets = 600, 300, 120
    expression = rng.gamma(2.0, 1.5, (lines, genes)).astype(np.float32)
    effect = (expression[:, :targets] + rng.standard_normal((lines, targets))).astype(np.float32)
    effect[:9, 4] = np.nan
    return Panel(
        cell_lines=tuple(f"ACH-{i:06d}" for i in range(lines)),
        genes=tuple(f"G{i}" for i in range(genes)),
        targets=tuple(f"T{i}" for i in range(targets)),
        expression=expression,
        effect=effect,
        own=np.full(targets, -1),
        lineages=np.zeros(lines, dtype=np.int64),
        variable=np.arange(targets),
    )


@pytest.fixture(scope="module")
def fold(panel: Panel) -> Fold:
    return make_folds("kfold", len(panel.cell_lines), 4, 0)[2]


def timeless(table: pa.Table) -> pa.Table:
    return table.drop_columns(["seconds"])


@pytest.mark.parametrize("method", ["latent", "plain"])
def test_a_search_goes_on_from_every_checkpoint_to_the_same_table(panel: Panel, fold: Fold, method: str):
    kept: list[tuple[str, TrainingCheckpoint]] = []
    whole = search_fold(
        panel, fold, SETTINGS[method], False, on_checkpoint=lambda n, s: kept.append((n, s)), schedule=SHORT
    )
    table = timeless(whole.tables["searches"])
    assert table.num_rows >= 2
    assert table.column("chosen").to_pylist().count(True) == 1
    assert all(row["weights"] <= row["values"] for row in table.to_pylist())
    assert len(kept) == table.num_rows + (2 if method == "latent" else 0)
    order = [checkpoint.epochs for _, checkpoint in kept]
    assert order == sorted(set(order))  # a checkpoint's name tells the later one
    for place, (_, checkpoint) in enumerate(kept):
        trained: list[str] = []
        begun = TrainingCheckpoint.from_arrays(load(save(checkpoint.arrays())))
        again = search_fold(
            panel, fold, SETTINGS[method], False, begun, lambda n, s, seen=trained: seen.append(n), SHORT
        )
        assert timeless(again.tables["searches"]).equals(table)
        assert len(trained) == len(kept) - place - 1  # nothing is done twice


@pytest.mark.parametrize("method", ["latent", "plain"])
def test_scrambled_test_lines_change_nothing_of_a_search(panel: Panel, fold: Fold, method: str):
    rng = np.random.default_rng(3)
    expression, effect = panel.expression.copy(), panel.effect.copy()
    expression[fold.test] = rng.gamma(1.0, 3.0, expression[fold.test].shape)
    effect[fold.test] = rng.standard_normal(effect[fold.test].shape)
    scrambled = replace(panel, expression=expression, effect=effect)
    tables = [
        timeless(search_fold(p, fold, SETTINGS[method], True, schedule=SHORT).tables["searches"])
        for p in (panel, scrambled, replace(panel, effect=-panel.effect[::-1]))
    ]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
    assert all(tables[0].column("nested").to_pylist())
