"""Against a loop over genes and targets, value by value."""

import math
import statistics

import numpy as np
import pytest

from modeling.networks.scaling import effect_scaling, gene_scaling


def expression_of(n_lines: int) -> np.ndarray:
    return np.random.default_rng(0).gamma(2.0, 2.0, (n_lines, 6)).astype(np.float32)


@pytest.mark.parametrize("n_lines", [5, 10, 35, 785])
def test_a_gene_that_is_zero_in_80_percent_of_the_lines_stays_and_with_one_more_goes(n_lines: int):
    values, most = expression_of(n_lines), n_lines * 4 // 5
    values[:most, 1], values[: most + 1, 4] = 0, 0
    assert gene_scaling(values).genes.tolist() == [0, 1, 2, 3, 5]


def test_constant_genes_go():
    values = expression_of(20)
    values[:, 0], values[:, 2], values[:, 5] = 0.1, 0.0, 7.3
    assert gene_scaling(values).genes.tolist() == [1, 3, 4]


def test_z_scores_are_those_of_a_loop_with_the_training_lines_statistics():
    train, test = expression_of(25)[:20], 10 * expression_of(25)[20:]
    train[:, 3] = 0.1
    scaling = gene_scaling(train)
    kept = [0, 1, 2, 4, 5]
    for values in (train, test):
        ours = scaling.of(values)
        for column, gene in enumerate(kept):
            own = [float(v) for v in train[:, gene]]
            mean, spread = statistics.fmean(own), statistics.pstdev(own)
            expected = [(float(v) - mean) / spread for v in values[:, gene]]
            np.testing.assert_allclose(ours[:, column], expected, rtol=1e-5, atol=1e-6)


def effect_of() -> np.ndarray:
    """A target with gaps, one constant, one never measured, one measured once, and two whole ones."""
    effect = 0.3 * np.random.default_rng(1).standard_normal((12, 6)) - 0.5
    effect[[0, 3, 7], 0], effect[:, 1], effect[:, 2], effect[1:, 3] = np.nan, 0.1, np.nan, np.nan
    return effect


def test_effects_are_scaled_as_by_a_loop():
    effect = effect_of()
    scaling = effect_scaling(effect)
    squares, count, scaled = 0.0, 0, scaling.of(effect)
    means = []
    for column in effect.T:
        known = [float(v) for v in column if not math.isnan(v)]
        means.append(statistics.fmean(known) if known else 0.0)
        squares += sum((v - means[-1]) ** 2 for v in known)
        count += len(known)
    assert scaling.scale == pytest.approx(math.sqrt(squares / count), rel=1e-12)
    np.testing.assert_allclose(scaling.mean, means, rtol=1e-6)
    for line, target in np.ndindex(*effect.shape):
        value = effect[line, target]
        expected = 0.0 if math.isnan(value) else (value - means[target]) / scaling.scale
        assert scaled[line, target] == pytest.approx(expected, abs=1e-6)
    back = scaling.effect(scaled)
    np.testing.assert_allclose(back, np.where(np.isnan(effect), means, effect), atol=1e-6)


def test_a_gap_is_the_training_mean_in_any_line():
    scaling = effect_scaling(effect_of())
    new = np.full((2, 6), np.nan)
    assert not scaling.of(new).any()
    assert np.array_equal(scaling.effect(scaling.of(new))[0], scaling.mean)


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e-3, 1e6])
def test_where_no_target_varies_the_scale_is_one(constant: float):
    """0.1 summed over many lines leaves a rounding that would blow any other line up."""
    effect = np.full((777, 3), constant)
    effect[::7, 1], effect[:, 2] = np.nan, np.nan
    scaling = effect_scaling(effect)
    assert scaling.scale == 1.0
    assert scaling.of(np.full((1, 3), constant + 0.5))[0, 0] == pytest.approx(0.5, abs=0.1)


def test_levels_of_any_size_keep_their_own_scale():
    effect = effect_of()
    for factor in (1e-9, 1e9):
        assert effect_scaling(factor * effect).scale == pytest.approx(factor * effect_scaling(effect).scale)
