"""Predictions of stored models of `best`: as fitted, with genes of a gate missing, clipped."""

import json

import numpy as np
import pyarrow as pa
import pytest
from safetensors.numpy import load

from modeling.folds import final_fold
from tasks.artifacts.files import training_bytes
from tasks.borrowing.fitting import BestFit, fit_best_targets
from tasks.borrowing.preparing import PreparedBest
from tasks.errors import BadInputError
from tasks.fitting.fold import Panel
from tasks.methods.registry import method_named
from tasks.methods.shard import run_shard
from tasks.scoring.predict import Scored, score_samples
from tests.reference.borrowing import log2_slow
from tests.reference.kernel_ridge import kernel_slow
from tests.tasks.best_folds import learned, panel_of_arrays, settings

LINES, GENES, TARGETS = 60, 40, 14
PRIVATE, MISSES, CONSTANT, FEW, GENE = 2, 3, 9, 11, 20


class Files:
    """The one file that they need."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def training(self, digest: str) -> bytes:
        return self._data

    def weights(self, digest: str) -> bytes:
        raise AssertionError("models of `best` need no networks")


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(3)
    expression = rng.gamma(2.0, 1.5, (LINES, GENES))
    expression[:, 5], expression[:, 8] = 3.3, expression[:, 7]
    effect = 0.4 * expression[:, :TARGETS] + rng.standard_normal((LINES, TARGETS))
    effect[:, PRIVATE] = 2 * expression[:, GENE] + rng.standard_normal(LINES)
    effect[:15, MISSES] = np.nan
    effect[:, CONSTANT], effect[10:50, FEW] = 0.7, np.nan
    return panel_of_arrays(expression, effect)


@pytest.fixture(scope="module")
def prepared(panel: Panel) -> PreparedBest:
    return learned(panel, final_fold(LINES))[0]


@pytest.fixture(scope="module")
def models(panel: Panel, prepared: PreparedBest) -> pa.Table:
    return run_shard(panel, prepared, range(TARGETS), settings()).tables["models"]


def scored(
    models: pa.Table, panel: Panel, values: np.ndarray, genes: tuple[str, ...] | None = None
) -> Scored:
    files = Files(training_bytes(panel.cell_lines, panel.genes, panel.expression))
    return score_samples(models, genes or panel.genes, values, method_named("best"), files)


def test_training_lines_are_predicted_as_when_they_were_fitted(panel: Panel, prepared, models) -> None:
    """The kernel and the gate of the fit itself, line by line, in the range of the effects."""
    made = scored(models, panel, panel.expression)
    assert made.targets == tuple(sorted(f"T{i}" for i in range(TARGETS) if i != FEW))
    fits = fit_best_targets(panel, prepared, range(TARGETS), settings())
    for fit in (fit for fit in fits if isinstance(fit, BestFit)):
        expected = fit.intercept + prepared.view.kernel @ fit.dual
        genes = [] if fit.modifiers is None else fit.modifiers.genes
        for gene, weight, centre in zip(genes, fit.weights, fit.centre, strict=True):
            expected += weight * (panel.expression[:, gene].astype(np.float64) - centre)
        y = panel.effect[fit.train, fit.target]
        assert (fit.low, fit.high) == (y.min(), y.max())
        predicted = made.predicted[:, made.targets.index(f"T{fit.target}")]
        clipped = np.clip(expected, fit.low, fit.high)
        np.testing.assert_allclose(predicted, clipped, rtol=1e-9, atol=1e-11)
        assert np.corrcoef(predicted[fit.train], y)[0, 1] > 0.5
    assert (made.predicted[:, made.targets.index(f"T{CONSTANT}")] == np.float32(0.7)).all()
    assert GENE in fits[PRIVATE].modifiers.genes


def test_samples_are_predicted_alike_in_any_order(panel: Panel, models) -> None:
    whole = scored(models, panel, panel.expression).predicted
    assert np.array_equal(scored(models, panel, panel.expression[::-1].copy()).predicted[::-1], whole)


def test_a_gene_of_a_gate_that_a_sample_lacks_counts_as_at_its_mean(panel: Panel, models) -> None:
    """Missing in one sample, or in all: as if its gate had the mean, and the kernel were without the gene."""
    row = models.to_pylist()[PRIVATE]
    assert row["modifiers"][0] == f"G{GENE}"
    holed = panel.expression[:6].copy()
    holed[2, GENE] = np.nan
    whole, made = (scored(models, panel, values).predicted for values in (panel.expression[:6], holed))
    others = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(made[others], whole[others])
    kept = [i for i in range(GENES) if i != GENE]
    fewer = scored(models, panel, panel.expression[:6, kept], tuple(f"G{i}" for i in kept))
    assert fewer.missing[f"T{PRIVATE}"] == (f"G{GENE}",)
    np.testing.assert_allclose(fewer.predicted[2], made[2], rtol=1e-12)
    x, said = panel.expression, json.loads(row["parameters"])
    stored = load(row["weights"])
    z = log2_slow(x, x)[:, kept]
    without = kernel_slow("kernel", z[:6], z, GENES - 2, said["c"], said["p"])  # one more is constant
    expected = row["intercept"] + without @ stored["dual"]
    for name, weight, centre in zip(row["modifiers"], stored["gate"], stored["centre"], strict=True):
        if name != f"G{GENE}":
            expected += weight * (x[:6, int(name[1:])].astype(np.float64) - centre)
    expected = np.clip(expected, said["low"], said["high"])
    mine = fewer.targets.index(f"T{PRIVATE}")
    np.testing.assert_allclose(fewer.predicted[:, mine], expected, rtol=1e-6)
    assert np.abs(fewer.predicted[:, mine] - whole[:, mine]).max() > 1


def test_predictions_stay_in_the_range_of_the_training_effects(panel: Panel, models) -> None:
    extreme = panel.expression[:2].copy()
    extreme[0, GENE], extreme[1, GENE] = 1e4, -1e4
    made = scored(models, panel, extreme)
    effect, at = panel.effect[:, PRIVATE], made.targets.index(f"T{PRIVATE}")
    assert made.predicted[:, at].tolist() == [effect.max(), effect.min()]
    known = json.loads(models.to_pylist()[PRIVATE]["parameters"])
    assert (known["low"], known["high"]) == (effect.min(), effect.max())


def test_a_sample_that_knows_under_nine_tenths_of_the_genes_is_not_predicted(panel: Panel, models) -> None:
    few = panel.expression[:2].copy()
    few[0, -3:] = np.nan  # knows 36 of the 39 that vary: 92 %
    few[1, -4:] = np.nan  # 35: 89.7 %
    made = scored(models, panel, few)
    own = np.array([target != f"T{CONSTANT}" for target in made.targets])
    assert np.isfinite(made.predicted[0]).all()
    assert np.isnan(made.predicted[1, own]).all()


def test_duals_of_other_lines_than_the_file_holds_are_refused(panel: Panel, models) -> None:
    files = Files(training_bytes(panel.cell_lines[1:], panel.genes, panel.expression[1:]))
    with pytest.raises(BadInputError, match="60 dual coefficients for 59 training lines"):
        score_samples(models, panel.genes, panel.expression, method_named("best"), files)


@pytest.mark.parametrize("size", [1, 5])
def test_final_models_have_the_same_bytes_in_blocks_of_any_size(panel: Panel, prepared, models, size) -> None:
    parts = [
        run_shard(panel, prepared, range(start, min(start + size, TARGETS)), settings()).tables["models"]
        for start in range(0, TARGETS, size)
    ]
    timeless = pa.concat_tables(parts).drop_columns(["seconds"]).combine_chunks()
    assert timeless.equals(models.drop_columns(["seconds"]).combine_chunks())
