"""A fold of `reduced_rank` against explicit coefficients of genes; targets without a model; new samples."""

import json
from dataclasses import replace

import numpy as np
import pytest

from modeling.folds import final_fold, make_folds
from modeling.kernels.reduced_rank import Components
from modeling.selection.select import SelectionSettings
from tasks.artifacts.components import components_bytes, components_of
from tasks.artifacts.files import training_bytes
from tasks.fitting.fold import FoldResult, MethodSettings, Panel
from tasks.methods.method import FIT, FoldJob
from tasks.methods.reduced_rank import PreparedReducedRank, shared_effects
from tasks.methods.registry import method_named, prepare_method_fold
from tasks.methods.shard import run_shard
from tasks.scoring.predict import score_samples
from tests.reference.kernel_ridge import standardise_slow
from tests.reference.reduced_rank import fit_slow, loadings_slow

LINES, GENES, TARGETS = 90, 40, 30
SETTINGS = MethodSettings("reduced_rank", "quick", SelectionSettings(), 0)


class Committed:
    """Fold-level work, or a store's shared file, as it is read back."""

    def __init__(self, result: FoldResult | None, data: bytes = b"") -> None:
        self._result, self._data = result, data

    def rows(self, table: str) -> object:
        return self._result.tables[table]

    def file(self) -> bytes:
        return self._result.files["safetensors"]

    def training(self, digest: str) -> bytes:
        return self._data


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Targets follow three directions; some miss lines, one is constant, one has too few, one is infinite."""
    rng = np.random.default_rng(4)
    expression = rng.gamma(2.0, 1.5, (LINES, GENES)).astype(np.float32)
    expression[:, 5] = 3.3
    follows = rng.standard_normal((GENES, 3)) @ rng.standard_normal((3, TARGETS)) / 6
    effect = expression @ follows + rng.standard_normal((LINES, TARGETS))
    effect[rng.integers(0, LINES, 5), 3] = np.nan
    effect[:30, 4] = np.nan
    effect[:, 20] *= 0.01
    effect[:, 9], effect[10:80, 11], effect[:, 12] = 0.7, np.nan, np.where(np.arange(LINES) == 50, np.inf, 1)
    return Panel(
        cell_lines=tuple(f"L{i}" for i in range(LINES)),
        genes=tuple(f"G{i}" for i in range(GENES)),
        targets=tuple(f"T{i}" for i in range(TARGETS)),
        expression=expression,
        effect=effect.astype(np.float32),
        own=np.arange(TARGETS),
        lineages=np.zeros(LINES, dtype=np.int64),
    )


def prepared_for(panel: Panel, number: int = 1) -> tuple[PreparedReducedRank, FoldResult]:
    fold = (*make_folds("kfold", LINES, 4, 0), final_fold(LINES))[number]
    done = method_named("reduced_rank").work_on_fold(FoldJob(FIT, panel, fold, SETTINGS))
    return prepare_method_fold(panel, fold, SETTINGS, [Committed(done)]), done


def test_components_learn_from_varying_targets_that_can_have_a_model(panel: Panel):
    prepared, _ = prepared_for(panel)
    effects = shared_effects(panel, prepared.fold)
    kept = [t for t in range(TARGETS) if t not in (9, 11, 12, 20)]
    expected = panel.effect[np.ix_(prepared.fold.train, kept)].astype(np.float64)
    missing = np.isnan(expected)
    assert missing.any()
    np.testing.assert_array_equal(effects[~missing], expected[~missing])
    np.testing.assert_allclose(
        effects[missing], np.broadcast_to(np.nanmean(expected, 0), effects.shape)[missing]
    )
    finite = np.where(np.isinf(panel.effect), 1, panel.effect)
    none_vary = replace(panel, effect=finite * np.float32(0.001))
    assert shared_effects(none_vary, prepared.fold).shape[1] == len(kept) + 1


def test_a_fold_equals_explicit_coefficients(panel: Panel):
    prepared, _ = prepared_for(panel)
    train, test = prepared.fold.train, prepared.fold.test
    x, new = (
        standardise_slow(panel.expression[train], panel.expression[rows]).astype(np.float64)
        for rows in (train, test)
    )
    shared = shared_effects(panel, prepared.fold)
    tables = run_shard(panel, prepared, range(TARGETS), SETTINGS).tables
    rows = tables["predictions"].to_pandas()
    said = json.loads(tables["candidates"].column("parameters")[0].as_py())
    penalty, rank = said["penalty"], said["rank"]
    assert 1 <= rank == prepared.components.rank < 20
    slow = fit_slow(x, shared, penalty, rank, new)
    np.testing.assert_allclose(rows[rows["target"] == "T0"]["predicted"], slow[:, 0], rtol=1e-8, atol=1e-8)
    for target in (3, 4, 20):  # misses lines; misses many; hardly varies: none of those that are shared
        own = panel.effect[train, target].astype(np.float64)
        mine = loadings_slow(x, shared, own, penalty, rank, new)[~np.isnan(panel.effect[test, target])]
        found = rows[rows["target"] == f"T{target}"]["predicted"]
        np.testing.assert_allclose(found, mine, rtol=1e-8, atol=1e-8)


def test_every_target_has_a_row_that_says_what_became_of_it(panel: Panel):
    prepared, done = prepared_for(panel)
    tables = run_shard(panel, prepared, range(TARGETS), SETTINGS).tables
    scores = tables["scores"].to_pandas().set_index("target")
    assert scores.loc["T9", "status"] == "constant_target"
    assert scores.loc["T11", "status"] == "too_few_lines"
    assert scores.loc["T12", "status"] == "failed"
    assert "infinite" in scores.loc["T12", "reason"]
    assert (scores["status"] == "ok").sum() == TARGETS - 3
    assert tables["candidates"].column("validation_rmse").null_count == TARGETS - 2
    choices = done.tables["fold_choices"].to_pandas()
    chosen = choices[choices["chosen"]]
    assert len(chosen) == 1
    assert chosen["error"].item() == choices["error"].min() < 1.0
    assert json.loads(chosen["parameters"].item()) == {
        "penalty": prepared.components.penalty,
        "rank": prepared.components.rank,
    }
    assert not choices.duplicated(["parameters"]).any()


def test_stored_models_predict_as_they_were_fitted(panel: Panel):
    prepared, _ = prepared_for(panel, number=-1)
    models = run_shard(panel, prepared, range(TARGETS), SETTINGS).tables["models"]
    data = training_bytes(panel.cell_lines, panel.genes, panel.expression)
    made = score_samples(
        models, panel.genes, panel.expression, method_named("reduced_rank"), Committed(None, data)
    )
    loadings = prepared.components.scores.T @ (panel.effect[:, 0] - panel.effect[:, 0].mean(dtype=np.float64))
    fitted = panel.effect[:, 0].mean(dtype=np.float64) + prepared.components.scores @ loadings
    np.testing.assert_allclose(made.predicted[:, made.targets.index("T0")], fitted, rtol=1e-6, atol=1e-6)


def test_the_file_of_components_comes_back():
    rng = np.random.default_rng(0)
    components = Components(rng.random((5, 2)), rng.random(5), np.asfortranarray(rng.random((5, 2))), 3.2)
    back = components_of(components_bytes(components))
    assert back.penalty == components.penalty
    for name in ("dual", "means", "scores"):
        assert np.array_equal(getattr(back, name), getattr(components, name))
