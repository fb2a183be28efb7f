"""Scrambling the test lines of a fold must change nothing that was fitted."""

from dataclasses import replace

import numpy as np
import pytest

from modeling.folds import Fold, make_folds
from modeling.selection.select import SelectionSettings
from tasks.fitting.fold import MethodSettings, Panel, fold_of, lineage_numbers
from tasks.fitting.modifiers import prepare_fold
from tasks.methods.registry import prepare_method_fold
from tasks.methods.shard import run_shard
from tasks.simulation.biology import simulate_arrays


@pytest.fixture(scope="module")
def panel() -> Panel:
    simulated = simulate_arrays(160, 150, seed=5)
    shared = simulated.n_shared
    return Panel(
        cell_lines=simulated.cell_lines[:shared],
        genes=simulated.genes,
        targets=simulated.targets,
        expression=simulated.expression[:shared],
        effect=simulated.effect[:shared],
        own=simulated.own,
        lineages=lineage_numbers(simulated.lineages[:shared]),
    )


def first_fold(scheme: str, panel: Panel) -> Fold:
    """The first fold: under `lineage`, a lineage (of a third of the lines) held out whole."""
    names = [("Lung", "Skin", "")[i % 3] for i in range(len(panel.cell_lines))]
    return make_folds(scheme, len(panel.cell_lines), 5, 0, names)[0]


@pytest.mark.parametrize("scheme", ["kfold", "lineage"])
@pytest.mark.parametrize("method", ["ridge", "kernel"])
def test_scrambled_test_lines_change_no_kernel(panel: Panel, method: str, scheme: str):
    fold = first_fold(scheme, panel)
    scrambled = _scramble(panel, fold.test)
    settings = MethodSettings(method, "quick", SelectionSettings(), 0)
    prepared, other = (prepare_method_fold(p, fold, settings) for p in (panel, scrambled))
    assert prepared.kernel == other.kernel
    assert np.array_equal(prepared.spectrum.vectors, other.spectrum.vectors)
    targets = list(range(len(panel.targets)))
    fitted = run_shard(panel, prepared, targets, settings).tables
    again = run_shard(scrambled, other, targets, settings).tables
    timeless = [name for name in fitted["candidates"].column_names if name != "seconds"]
    assert fitted["candidates"].num_rows > 100
    assert fitted["candidates"].select(timeless).equals(again["candidates"].select(timeless))
    kept = ["target", "model", "n_train", "train_mean", "status"]
    assert fitted["scores"].select(kept).equals(again["scores"].select(kept))
    # Forecasts for lines that were not scrambled, by what was fitted on either panel, are the same.
    mixed = run_shard(panel, replace(other, new=prepared.new), targets, settings).tables
    assert mixed["predictions"].equals(fitted["predictions"])
    assert not fitted["predictions"].column("predicted").equals(again["predictions"].column("predicted"))


@pytest.mark.parametrize(
    ("preset", "most", "scheme"),
    [
        ("quick", None, "kfold"),
        ("quick", None, "lineage"),
        ("published", 10, "kfold"),
        ("careful", 10, "kfold"),
        ("careful", 10, "lineage"),
        (("gp_noiseless", "forest", "xgboost+deep"), 10, "kfold"),
    ],
)
def test_scrambled_test_lines_change_nothing_fitted(
    panel: Panel, preset: str | tuple[str, ...], most: int | None, scheme: str
):
    fold = first_fold(scheme, panel)
    scrambled = _scramble(panel, fold.test)
    settings = MethodSettings("modifiers", preset, SelectionSettings(), 0)
    # Those that vary most have modifiers.
    targets = np.argsort(-np.nanstd(panel.effect[fold.train], axis=0))[:most].tolist()
    fitted, again = (
        run_shard(p, prepare_fold(p, fold, settings), targets, settings).tables for p in (panel, scrambled)
    )
    assert fitted["modifiers"].equals(again["modifiers"])
    timeless = [name for name in fitted["candidates"].column_names if name != "seconds"]
    assert fitted["candidates"].select(timeless).equals(again["candidates"].select(timeless))
    kept = ["target", "model", "n_train", "n_modifiers", "train_mean", "status"]
    assert fitted["scores"].select(kept).equals(again["scores"].select(kept))
    assert fitted["modifiers"].num_rows > (most or 50)
    # The scramble was real: the forecasts for the scrambled lines are others.
    assert not fitted["predictions"].column("predicted").equals(again["predictions"].column("predicted"))


@pytest.mark.parametrize("stratified", [None, 5])
@pytest.mark.parametrize("padding", [0, 900], ids=["all genes", "the best of them"])
def test_scrambled_test_lines_change_no_forest(panel: Panel, stratified: int | None, padding: int):
    noise = np.random.default_rng(2).random((len(panel.cell_lines), padding), dtype=np.float32)
    wide = replace(
        panel,
        expression=np.hstack([panel.expression, noise]),
        genes=(*panel.genes, *(f"N{i}" for i in range(padding))),
    )
    settings = replace(MethodSettings("forest", "quick", SelectionSettings(), 0), stratified=stratified)
    shared = make_folds("kfold", len(panel.cell_lines), 5, 0)[0]
    distinct = [t for t, y in enumerate(panel.effect.T) if len(np.unique(y)) == len(y)]
    for target in distinct[:2]:  # each with test lines of its own, where folds are stratified
        fold = fold_of(wide, shared, target, settings)
        # Among the test lines alone, values change places: who is in a stratified fold stays.
        scrambled = _scramble(wide, fold.test)
        effect = wide.effect.copy()
        effect[fold.test] = np.random.default_rng(3).permutation(effect[fold.test], axis=0)
        scrambled = replace(scrambled, effect=effect)
        fitted, again = (
            run_shard(p, prepare_method_fold(p, shared, settings), [target], settings).tables
            for p in (wide, scrambled)
        )
        timeless = [name for name in fitted["candidates"].column_names if name != "seconds"]
        assert fitted["candidates"].num_rows == 1
        assert fitted["candidates"].select(timeless).equals(again["candidates"].select(timeless))
        kept = ["target", "model", "n_train", "n_test", "train_mean", "status"]
        assert fitted["scores"].select(kept).equals(again["scores"].select(kept))
        lines = [table["predictions"].column("cell_line") for table in (fitted, again)]
        assert lines[0].equals(lines[1])
        assert not fitted["predictions"].column("predicted").equals(again["predictions"].column("predicted"))


def _scramble(panel: Panel, test: np.ndarray) -> Panel:
    generator = np.random.default_rng(1)
    expression, effect = panel.expression.copy(), panel.effect.copy()
    expression[test] = generator.permutation(expression[test], axis=0) * 3 + 1
    effect[test] = generator.permutation(effect[test], axis=0) - 5
    lineages = panel.lineages.copy()
    lineages[test] = lineages.max() + 1
    return replace(panel, expression=expression, effect=effect, lineages=lineages)


def test_a_target_without_measured_training_lines_costs_its_neighbours_nothing(panel: Panel):
    fold = make_folds("kfold", len(panel.cell_lines), 5, 0)[0]
    effect = panel.effect.copy()
    effect[fold.train, 0] = np.nan
    effect[fold.train[2:], 1] = np.nan
    effect[fold.test, :2] = 1.0  # enough lines in all, but none, or two, to learn from
    sparse = replace(panel, effect=effect)
    settings = MethodSettings("modifiers", "quick", SelectionSettings(), 0)
    scores = run_shard(sparse, prepare_fold(sparse, fold, settings), [0, 1, 2], settings)
    scores = scores.tables["scores"].to_pylist()
    assert [row["status"] for row in scores][:2] == ["too_few_lines", "too_few_lines"]
    assert [row["n_train"] for row in scores][:2] == [0, 2]
    assert scores[2]["status"] in ("ok", "no_modifiers")
